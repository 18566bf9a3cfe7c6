/** What a record itself holds. Pure. */

/** Return what stands under a name that a program chose; nothing of what every object has, such as `constructor`. */
export const own = <T>(record: Readonly<Record<string, T>>, name: string): T | undefined => (Object.hasOwn(record, name) ? record[name] : undefined);
