/** The order of names with numbers in them: lr0.003 before lr0.1, layer2 before layer10. Pure. */

const NUMBERS = /(\d+(?:\.\d+)?(?:e[+-]?\d+)?)/i;

/** Compare two names for sorting: their numbers by what they say, the rest as words. */
export function byName(a: string, b: string): number {
  const [first, second] = [a.split(NUMBERS), b.split(NUMBERS)];
  for (let at = 0; at < Math.min(first.length, second.length); at += 1) {
    const [one, other] = [first[at]!, second[at]!];
    // Numbers stand at the odd places.
    const found = at % 2 ? Number(one) - Number(other) : one.localeCompare(other);
    if (found) return found;
  }
  return first.length - second.length || a.localeCompare(b);
}
