/** Parts of the page that are loaded when they are first shown. Nothing else of the page is lost where one does not come. */

import type { ComponentType, RefObject } from "preact";
import { useEffect, useLayoutEffect, useState } from "preact/hooks";
import type { ApiError } from "../api/error";
import { part, whyPartIsMissing } from "../api/parts";
import { Bone, Delayed, ErrorState } from "./basics";

/** While the viewer is not reached, it is asked again this often. */
const AGAIN_MS = 2000;

/** Return a component that stands for one of a module's. Bones: what is shown while that takes its time. */
export function lazy<M, P extends object>(load: () => Promise<M>, pick: (module: M) => ComponentType<P>, Bones: ComponentType<P> | null = PageBones): ComponentType<P> {
  let found: ComponentType<P> | null = null;
  const start = part(load);

  return function Lazy(props: P) {
    const [, redraw] = useState(0);
    const [error, setError] = useState<ApiError | null>(null);
    const [tries, setTries] = useState(0);
    useEffect(() => {
      if (found) return;
      let here = true;
      start()
        .then((module) => {
          found = pick(module) ?? null;
          if (!found) throw new Error("another part came in its place");
          if (!here) return;
          setError(null);
          redraw((count) => count + 1);
        })
        .catch(() => whyPartIsMissing().then((why) => here && setError(why)));
      return () => {
        here = false;
      };
    }, [tries]);

    useEffect(() => {
      if (!error?.unreachable) return;
      const timer = setTimeout(() => setTries(tries + 1), AGAIN_MS);
      return () => clearTimeout(timer);
    }, [error]);

    if (found) {
      const Found = found;
      return <Found {...props} />;
    }
    if (error)
      return error.unreachable ? (
        <ErrorState error={error} onRetry={() => setTries(tries + 1)} />
      ) : (
        <ErrorState error={error} retryLabel="Load the page again" onRetry={() => location.reload()} />
      );
    return Bones ? (
      <Delayed>
        <Bones {...props} />
      </Delayed>
    ) : null;
  };
}

/** The skeleton of some page: a head and what lies below it. */
function PageBones() {
  return (
    <div class="page-bones" aria-hidden="true">
      <Bone width={220} height={18} />
      {Array.from({ length: 8 }, (_, row) => (
        <Bone key={row} width={`${36 + ((row * 29) % 55)}%`} />
      ))}
    </div>
  );
}

/** Give the focus to what asks for it in a panel that came after its menu was opened. */
export function useAutofocus(box: RefObject<HTMLElement | null>): void {
  useLayoutEffect(() => box.current?.querySelector<HTMLElement>("[data-autofocus]")?.focus({ preventScroll: true }), []);
}
