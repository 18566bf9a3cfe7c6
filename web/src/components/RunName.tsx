/** A run's name, so that what tells it from others can be read: beside the name, and at its end. */

import type { Apart } from "../pure/names";
import "./RunName.css";

/** What is so many times as ready to give way gives way first. */
const SHRINK = 1000;
const MOST = 10;

export const Before = ({ apart }: { apart: Apart | undefined }) => (apart?.before ? <span class="run-apart before">{apart.before}</span> : null);

export const After = ({ apart }: { apart: Apart | undefined }) => (apart?.after ? <span class="run-apart mono">{apart.after}</span> : null);

/** The name itself: where there is no room for all of it, what others have as well goes first, then what tells most of them apart. */
export function NameText({ name, apart }: { name: string; apart: Apart | undefined }) {
  const parts = apart?.parts ?? [];
  if (!parts.length) return <span class="ellipsis">{name}</span>;
  let left = parts.filter((part) => part.own).length;
  return (
    <span class="split-name" aria-hidden="true">
      {parts.map(({ text, own }, at) => {
        if (own) left -= 1;
        return (
          <span key={at} class={own ? "name-own" : "name-shared"} style={{ flexShrink: own ? SHRINK ** left - 1 : SHRINK ** MOST }}>
            {text}
          </span>
        );
      })}
    </span>
  );
}
