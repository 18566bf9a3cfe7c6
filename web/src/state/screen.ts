/** How much room there is: below 700 px the page is one column. */

import { signal } from "@preact/signals";

const query = matchMedia("(max-width: 700px)");

/** As in the style sheets' media queries. */
export const narrow = signal(query.matches);
query.addEventListener("change", () => {
  narrow.value = query.matches;
});
