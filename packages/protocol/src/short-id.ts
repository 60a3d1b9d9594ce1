/** Ids as people read and write them. */

/** The first 8 digits of an id's last group: of a UUIDv7 that is chance, where the first groups are the clock. */
export const shortId = (id: string): string => id.slice(-12, -4);
