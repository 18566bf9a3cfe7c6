/** Artifacts put in order for showing: sorted, filtered, a version found by what the URL says. Pure. */

import { byName } from "./order";
import type { Artifact, ArtifactOverview, RunEvent, UnreadSource } from "../api/types";
import { metricFilter } from "./metrics";

export const ARTIFACT_SORTS = ["name", "type", "host", "versions", "size", "created_at"] as const;
export type ArtifactSort = (typeof ARTIFACT_SORTS)[number];

const LATEST = "latest";

/** Return the aliases of a version: `latest` first, then by name. */
export function aliasesOf(aliases: Readonly<Record<string, string>>, version: string): string[] {
  return Object.keys(aliases)
    .filter((alias) => aliases[alias] === version)
    .sort((a, b) => Number(b === LATEST) - Number(a === LATEST) || byName(a, b));
}

/** Return those whose name, type, host or an alias fits the filter, in this order; equals stay in the order of their names, and hosts. */
export function chooseArtifacts(all: readonly ArtifactOverview[], filter: string, sort: ArtifactSort, order: "asc" | "desc"): ArtifactOverview[] {
  const matcher = metricFilter(filter);
  const fits = (one: ArtifactOverview) => [one.name, one.latest.type, ...(one.place ? [one.place] : []), ...Object.keys(one.aliases)].some((text) => matcher.test(text));
  const compare: Record<ArtifactSort, (a: ArtifactOverview, b: ArtifactOverview) => number> = {
    name: () => 0,
    type: (a, b) => byName(a.latest.type, b.latest.type),
    host: (a, b) => byName(a.place, b.place),
    versions: (a, b) => a.versions - b.versions,
    size: (a, b) => a.latest.size - b.latest.size,
    created_at: (a, b) => (Date.parse(a.latest.created_at) || 0) - (Date.parse(b.latest.created_at) || 0),
  };
  const way = order === "asc" ? 1 : -1;
  return all
    .filter(fits)
    .sort((a, b) => way * compare[sort](a, b) || (sort === "name" ? way : 1) * byName(a.name, b.name) || byName(a.place, b.place));
}

/** What a machine is called where it has to be said: `place` is empty for this one. */
export const placeName = (place: string): string => place || "This machine";

/** Return what is said of those whose artifacts could not be told, a sentence each. */
export const unreadTexts = (unread: readonly UnreadSource[]): string[] =>
  unread.map(({ host, error }) => (error === null ? `${placeName(host)} has not answered yet.` : `${placeName(host)}: ${error}`));

/** Return the index of the version that `3`, `v3` or an alias means, the newest where nothing is said; -1 where there is none. */
export function findVersion({ versions, aliases }: Pick<Artifact, "versions" | "aliases">, wanted: string): number {
  if (!wanted) return 0;
  const text = /^\d+$/.test(wanted) ? `v${wanted}` : wanted;
  const exact = versions.findIndex((one) => one.version === text);
  return exact >= 0 || !Object.hasOwn(aliases, text) ? exact : versions.findIndex((one) => one.version === aliases[text]);
}

export interface ArtifactUse {
  name: string;
  version: string;
}

/** Return which versions a run logged and which it used, each once, in the order in which it did. */
export function artifactsOf(events: readonly RunEvent[]): { logged: ArtifactUse[]; used: ArtifactUse[] } {
  const found = { log: new Map<string, ArtifactUse>(), use: new Map<string, ArtifactUse>() };
  for (const { type, action, name, version } of events) {
    if (type !== "artifact" || (action !== "log" && action !== "use") || typeof name !== "string" || typeof version !== "string") continue;
    found[action].set(`${name} ${version}`, { name, version });
  }
  return { logged: [...found.log.values()], used: [...found.use.values()] };
}
