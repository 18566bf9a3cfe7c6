/** What runs and artifacts are asked for by: `SOURCE:ID` on a host, the id alone on this machine. Pure. */

export const LOCAL = "local";

/** Return what is asked for by its own id, an artifact by its name, in a source. */
export const addressIn = (source: string | undefined, ownId: string): string => (source === undefined || source === LOCAL ? ownId : `${source}:${ownId}`);

/** Return the source that it is in. */
export const sourceOf = (address: string): string => (address.includes(":") ? address.slice(0, address.lastIndexOf(":")) : LOCAL);

/** Return the id that it has in its source. */
export const ownIdOf = (address: string): string => address.slice(address.lastIndexOf(":") + 1);
