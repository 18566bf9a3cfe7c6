/** Parts of the page that are loaded when they are first shown. Nothing else of the page is lost where one does not come. */

import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { ApiError } from "../api/error";
import { whyPartIsMissing } from "../api/parts";
import { returns } from "../state/link";
import { Bone, Delayed, ErrorState } from "./basics";

/** Return a component that stands for the one that `load` gives. Bones: what is shown while that takes its time. */
export function lazy<P extends object>(load: () => Promise<ComponentType<P>>, Bones: ComponentType<P> | null = PageBones): ComponentType<P> {
  let found: ComponentType<P> | null = null;
  let coming: Promise<ComponentType<P>> | null = null;
  const start = () =>
    (coming ??= load().then(
      (one) => (found = one),
      (error: unknown) => {
        coming = null;
        throw error;
      },
    ));

  return function Lazy(props: P) {
    const [, redraw] = useState(0);
    const [error, setError] = useState<ApiError | null>(null);
    const back = returns.value;
    const [tries, setTries] = useState(0);
    useEffect(() => {
      if (found) return;
      let here = true;
      start().then(
        () => {
          if (!here) return;
          setError(null);
          redraw((count) => count + 1);
        },
        () => void whyPartIsMissing().then((why) => here && setError(why)),
      );
      return () => {
        here = false;
      };
    }, [tries, back]);

    if (found) {
      const Found = found;
      return <Found {...props} />;
    }
    if (error)
      return error.code === "PAGE_REPLACED" ? (
        <ErrorState error={error} retryLabel="Load the page again" onRetry={() => location.reload()} />
      ) : (
        <ErrorState error={error} onRetry={() => setTries(tries + 1)} />
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
