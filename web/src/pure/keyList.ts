/** Names of columns and fields as one text of the URL, both ways; a comma within a name is kept by a backslash. Pure. */

export const joinKeys = (keys: readonly string[]): string => keys.map((key) => key.replace(/[\\,]/g, "\\$&")).join(",");

export function splitKeys(text: string): string[] {
  const keys: string[] = [];
  let key = "";
  for (let at = 0; at < text.length; at += 1) {
    if (text[at] === "\\" && at + 1 < text.length) key += text[(at += 1)];
    else if (text[at] === ",") {
      keys.push(key);
      key = "";
    } else key += text[at];
  }
  return [...keys, key].filter(Boolean);
}
