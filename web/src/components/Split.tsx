/** Two sides with a divider that is dragged, or moved by keys; where one is missing, the other has all the room. */

import { useRef } from "preact/hooks";
import { tableShare } from "../state/prefs";

const clamp = (share: number): number => Math.min(0.85, Math.max(0.15, share));

export function Split({ left, right }: { left: preact.ComponentChildren; right: preact.ComponentChildren }) {
  const box = useRef<HTMLDivElement>(null);
  const both = left !== null && right !== null;
  const share = clamp(tableShare.value);
  const drag = (event: PointerEvent) => {
    const handle = event.currentTarget as HTMLElement;
    handle.setPointerCapture(event.pointerId);
    const bounds = box.current!.getBoundingClientRect();
    const move = (moved: PointerEvent) => {
      tableShare.value = clamp((moved.clientX - bounds.left) / bounds.width);
    };
    const up = () => {
      handle.removeEventListener("pointermove", move);
      handle.removeEventListener("pointerup", up);
      handle.removeEventListener("pointercancel", up);
    };
    handle.addEventListener("pointermove", move);
    handle.addEventListener("pointerup", up);
    handle.addEventListener("pointercancel", up);
  };
  return (
    <div ref={box} class="split">
      {left !== null && (
        <div class="split-side" style={both ? { flex: `0 0 ${share * 100}%` } : { flex: "1" }}>
          {left}
        </div>
      )}
      {both && (
        <div
          class="divider"
          role="separator"
          aria-orientation="vertical"
          aria-label="Width of the table"
          aria-valuemin={15}
          aria-valuemax={85}
          aria-valuenow={Math.round(share * 100)}
          tabIndex={0}
          onPointerDown={drag}
          onDblClick={() => (tableShare.value = 0.5)}
          onKeyDown={(event) => {
            const by = event.key === "ArrowLeft" ? -0.02 : event.key === "ArrowRight" ? 0.02 : 0;
            if (!by) return;
            event.preventDefault();
            event.stopPropagation();
            tableShare.value = clamp(share + by);
          }}
        />
      )}
      {right !== null && <div class="split-side grow">{right}</div>}
    </div>
  );
}
