/** A run's name, so that what tells it from others can be read: beside the name, and at its end. */

import type { Apart } from "../pure/names";
import "./RunName.css";

export const Before = ({ apart }: { apart: Apart | undefined }) => (apart?.before ? <span class="run-apart before">{apart.before}</span> : null);

export const After = ({ apart }: { apart: Apart | undefined }) => (apart?.after ? <span class="run-apart mono">{apart.after}</span> : null);

/** The name itself: where there is no room for all of it, what it begins with as others do goes first. */
export function NameText({ name, apart }: { name: string; apart: Apart | undefined }) {
  const length = apart?.shared ?? 0;
  if (!length || length >= name.length) return <span class="ellipsis">{name}</span>;
  return (
    <span class="split-name" aria-hidden="true">
      <span class="name-shared">{name.slice(0, length)}</span>
      <span class="name-own">{name.slice(length)}</span>
    </span>
  );
}
