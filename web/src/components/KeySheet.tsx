/** The list of keys. */

import { KEYS } from "../pure/keySheet";
import { isRemote } from "../state/link";

export function KeySheet() {
  return (
    <div class="dialog-body help-grid" tabIndex={0}>
      {KEYS.filter(([title]) => title !== "Remote" || !isRemote.value).map(([title, keys]) => (
        <section key={title}>
          <h3>{title}</h3>
          <dl>
            {keys.filter(([key]) => key !== "g r" || !isRemote.value).map(([key, what]) => (
              <div key={key}>
                <dt>
                  {key.split("  ").map((one) => (
                    <kbd key={one}>{one}</kbd>
                  ))}
                </dt>
                <dd>{what}</dd>
              </div>
            ))}
          </dl>
        </section>
      ))}
    </div>
  );
}
