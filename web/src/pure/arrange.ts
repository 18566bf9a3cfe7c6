/** In which order charts stand: pinned ones, then losses and scores, then the rest by section, counters last. Pure. */

import { groupMetrics } from "./metrics";

export interface Section {
  /** What stands before the first slash of its metrics; "" for those without one. */
  name: string;
  kind: "pinned" | "section" | "counters";
  metrics: string[];
}

interface Wishes {
  isPinned: (metric: string) => boolean;
  isHidden: (metric: string) => boolean;
  /** The order that was chosen by moving charts. */
  order: readonly string[];
  /** Metrics that others are drawn over. */
  axes: ReadonlySet<string>;
}

const COUNTERS = /(^|[/_.-])(epochs?|steps?|global_?steps?|iterations?|iters?|batch(es)?|batch_?idx|samples?(_?seen)?|tokens?(_?seen)?|examples?|timestamp|time|runtime)$/i;
const OUTCOMES = /(loss|acc(uracy)?|error|err|f1|auc|auroc|map|bleu|rouge|ppl|perplexity|reward|return|score|iou|dice|psnr|ssim|fid|wer|cer|mse|mae|rmse|r2|precision|recall|top[-_]?[15])/i;

/** Whether a metric counts something on, as an axis does, and says nothing of how well a run goes. */
export const isCounter = (metric: string): boolean => COUNTERS.test(metric) && !OUTCOMES.test(metric);

const rank = (metric: string): number => (OUTCOMES.test(metric) ? 0 : 1);

/** Return the sections of these charts, and how many are hidden. */
export function arrange(metrics: readonly string[], { isPinned, isHidden, order, axes }: Wishes): { sections: Section[]; hidden: string[] } {
  const chosen = new Map(order.map((name, at) => [name, at]));
  const place = (metric: string) => chosen.get(metric) ?? Infinity;
  const sorted = (names: readonly string[]) =>
    names
      .map((name, at) => ({ name, at }))
      .sort((a, b) => compare(place(a.name), place(b.name)) || rank(a.name) - rank(b.name) || a.at - b.at)
      .map(({ name }) => name);
  const hidden = metrics.filter(isHidden);
  const shown = metrics.filter((metric) => !isHidden(metric));
  const pinned = shown.filter(isPinned);
  const counts = (metric: string) => isCounter(metric) || axes.has(metric);
  const rest = shown.filter((metric) => !isPinned(metric));
  // A counter among others of its section stays there, at its end; those without a section come last of all.
  const lone = rest.filter((metric) => counts(metric) && !metric.includes("/"));
  const sections: Section[] = groupMetrics(rest.filter((metric) => !lone.includes(metric))).map((group) => {
    const names = sorted(group.metrics);
    const isMoved = (name: string) => chosen.has(name);
    return {
      name: group.name,
      kind: "section" as const,
      metrics: [...names.filter((name) => !counts(name) || isMoved(name)), ...names.filter((name) => counts(name) && !isMoved(name))],
    };
  });
  const weight = (section: Section) => (section.metrics.some((metric) => rank(metric) === 0) ? (section.name === "" ? 0 : 1) : 2);
  sections.sort((a, b) => weight(a) - weight(b));
  if (pinned.length) sections.unshift({ name: "pinned", kind: "pinned", metrics: sorted(pinned) });
  if (lone.length) sections.push({ name: sections.length ? "counters" : "", kind: "counters", metrics: sorted(lone) });
  return { sections, hidden };
}

const compare = (a: number, b: number): number => (a === b ? 0 : a < b ? -1 : 1);
