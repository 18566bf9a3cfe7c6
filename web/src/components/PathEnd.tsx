/** A path that is cut at its beginning where it is too long: its end tells more. */
export const PathEnd = ({ path }: { path: string }) => (
  <span class="path-end mono" title={path}>
    <bdi>{path}</bdi>
  </span>
);
