/** Values that a reader of option values takes, where they can be listed: for completion. */

interface Offering {
	readonly offers?: () => readonly string[];
}

/** The same reader, which tells what it takes. */
export const offering = <Parse extends (text: string) => unknown>(parse: Parse, offers: () => readonly string[]): Parse =>
	Object.assign(parse, { offers });

export const offersOf = (parse: (text: string) => unknown): readonly string[] => (parse as Offering).offers?.() ?? [];
