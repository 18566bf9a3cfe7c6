/** A time as somebody types it, to go there: `14:32`, `2026-11-23 14:32:10`, `+1h 30m` after the beginning. Pure. */

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const UNITS: Record<string, number> = { d: DAY, h: HOUR, m: MINUTE, s: 1000 };

const SPAN = /^([+-])\s*((?:\d+(?:\.\d+)?\s*[dhms]\s*)+)$/i;
const CLOCK = /^(\d{1,2}):(\d{2})(?::(\d{2}))?$/;
const MOMENT = /^(\d{4})-(\d{1,2})-(\d{1,2})(?:[ T]+(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?)?\s*(Z?)$/i;

/**
 * Return ms since 1970, or null where `text` is no time. first, last: from when to when something was. A time of day is the
 * latest one within that; `+` counts from the beginning, `-` from the end.
 */
export function parseWhen(text: string, first: number, last: number): number | null {
  const words = text.trim();
  const span = SPAN.exec(words);
  if (span) {
    const ms = [...span[2]!.matchAll(/(\d+(?:\.\d+)?)\s*([dhms])/gi)].reduce((sum, [, amount, unit]) => sum + Number(amount) * UNITS[unit!.toLowerCase()]!, 0);
    return span[1] === "+" ? first + ms : last - ms;
  }
  const clock = CLOCK.exec(words);
  if (clock) {
    const [hours, minutes, seconds] = clock.slice(1).map((part) => Number(part ?? 0)) as [number, number, number];
    if (hours > 23 || minutes > 59 || seconds > 59) return null;
    const day = new Date(last);
    const of = (back: number) => new Date(day.getFullYear(), day.getMonth(), day.getDate() - back, hours, minutes, seconds).getTime();
    return of(0) > last && of(1) >= first - MINUTE ? of(1) : of(0);
  }
  const moment = MOMENT.exec(words);
  if (!moment) return null;
  const [year, month, date, hours, minutes, seconds] = moment.slice(1, 7).map((part) => Number(part ?? 0)) as [number, number, number, number, number, number];
  if (month < 1 || month > 12 || date < 1 || date > 31 || hours > 23 || minutes > 59 || seconds > 59) return null;
  return moment[7] ? Date.UTC(year, month - 1, date, hours, minutes, seconds) : new Date(year, month - 1, date, hours, minutes, seconds).getTime();
}
