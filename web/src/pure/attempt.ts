/** Return a fresh id for one attempt to open a host, by which the viewer gives up that attempt and nothing else. */
export function newAttempt(): string {
  // Not crypto.randomUUID: browsers have that on secure origins only, and a viewer may be reached by a name of the network.
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
