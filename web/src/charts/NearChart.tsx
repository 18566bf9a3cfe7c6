/** A chart that is made once it comes near to what is on show; until then it keeps its room. Of 500 charts, ten are made. */

import { useEffect, useRef, useState } from "preact/hooks";
import { Chart, type ChartProps } from "./Chart";

/** How far off it is made. */
const NEAR = "600px";

const waiting = new Map<Element, () => void>();
let observer: IntersectionObserver | undefined;

function whenNear(element: Element, done: () => void): () => void {
  observer ??= new IntersectionObserver(
    (entries) => {
      for (const { target, isIntersecting } of entries) {
        if (!isIntersecting) continue;
        waiting.get(target)?.();
        waiting.delete(target);
        observer!.unobserve(target);
      }
    },
    { rootMargin: NEAR },
  );
  waiting.set(element, done);
  observer.observe(element);
  return () => {
    waiting.delete(element);
    observer!.unobserve(element);
  };
}

export function NearChart(props: ChartProps) {
  const [near, setNear] = useState(false);
  const box = useRef<HTMLElement>(null);
  useEffect(() => (box.current ? whenNear(box.current, () => setNear(true)) : undefined), []);
  if (near) return <Chart {...props} />;
  return (
    <figure ref={box} class="chart" data-metric={props.metric} aria-label={props.metric}>
      <figcaption class="chart-head">
        <span class="chart-title">{props.title ?? props.metric}</span>
      </figcaption>
      <div class="chart-body" style={{ height: `${props.height}px` }} />
    </figure>
  );
}
