/** The host that is being connected while the person stays where they are; null where there is none. */

import { signal } from "@preact/signals";
import type { Target } from "../../pure/target";

export const goingTo = signal<Target | null>(null);
