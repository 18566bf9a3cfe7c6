export function RemotePage() {
  return <main />;
}
