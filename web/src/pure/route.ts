/** The URL's hash as a place in the page, both ways. Pure. */

export type Params = Readonly<Record<string, string>>;

export type Place =
  | { page: "runs"; params: Params }
  | { page: "run"; id: string; tab: RunTab; params: Params }
  | { page: "artifacts"; params: Params }
  | { page: "artifact"; id: string; params: Params }
  | { page: "remote"; params: Params }
  | { page: "machines"; params: Params }
  | { page: "missing"; path: string; params: Params };

export const RUN_TABS = ["overview", "charts", "media", "system", "console"] as const;
export type RunTab = (typeof RUN_TABS)[number];

const decode = (text: string): string => {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    return text;
  }
};

// Readable where a fragment allows it: `p=vision/resnet&sort=config.lr` stays as it is.
const encode = (text: string): string =>
  encodeURIComponent(text).replace(/%(2F|3A|2C|40|3E|3C|3D)/gi, (whole, hex: string) => (hex === "3C" || hex === "3E" ? whole : decodeURIComponent(whole)));

/** Parse `#/runs?q=x` and the like; the empty hash is the runs. */
export function parsePlace(hash: string): Place {
  const body = hash.replace(/^#/, "");
  const mark = body.indexOf("?");
  const path = mark < 0 ? body : body.slice(0, mark);
  const params: Record<string, string> = {};
  if (mark >= 0)
    for (const pair of body.slice(mark + 1).split("&")) {
      if (!pair) continue;
      const equals = pair.indexOf("=");
      const name = decode(equals < 0 ? pair : pair.slice(0, equals));
      if (name && name !== "__proto__") params[name] = equals < 0 ? "" : decode(pair.slice(equals + 1));
    }
  const parts = path.split("/").filter(Boolean).map(decode);
  const [first, id, tab] = parts;
  if (first === undefined || (first === "runs" && id === undefined)) return { page: "runs", params };
  if (first === "artifacts" && parts.length <= 2) return id === undefined ? { page: "artifacts", params } : { page: "artifact", id, params };
  if ((first === "remote" || first === "machines") && id === undefined) return { page: first, params };
  if (first === "runs" && id !== undefined && parts.length <= 3) {
    if (tab === undefined) return { page: "run", id, tab: "charts", params };
    const known = RUN_TABS.find((one) => one === tab);
    if (known) return { page: "run", id, tab: known, params };
  }
  return { page: "missing", path, params };
}

/** Return the hash of a place; parameters that are empty are left out. */
export function formatPlace(place: Place): string {
  const path =
    place.page === "run"
      ? `#/runs/${encode(place.id)}/${place.tab}`
      : place.page === "artifact"
        ? `#/artifacts/${encode(place.id)}`
        : place.page === "missing"
          ? `#${place.path}`
          : `#/${place.page}`;
  const query = Object.entries(place.params)
    .filter(([, value]) => value !== "")
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .join("&");
  return query ? `${path}?${query}` : path;
}

/** A zoom window as it stands in the URL: `1200~3400`; null where there is none. */
export function parseZoom(text: string | undefined): [number, number] | null {
  const [low, high] = (text ?? "").split("~").map(Number);
  return low !== undefined && high !== undefined && Number.isFinite(low) && Number.isFinite(high) && low < high ? [low, high] : null;
}

export const formatZoom = (zoom: readonly [number, number] | null): string =>
  zoom ? zoom.map((edge) => String(Number(edge.toPrecision(13)))).join("~") : "";
