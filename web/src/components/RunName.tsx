/** What tells a run from others of its name, beside the name. */

import type { Apart } from "../pure/names";
import "./RunName.css";

export const Before = ({ apart }: { apart: Apart | undefined }) => (apart?.before ? <span class="run-apart before">{apart.before}</span> : null);

export const After = ({ apart }: { apart: Apart | undefined }) => (apart?.after ? <span class="run-apart mono">{apart.after}</span> : null);
