/** Names that orchd gives, where nobody has given one. */

/** The first name of `base`, `base-2`, `base-3` … that is free. */
export function freeName(base: string, taken: (name: string) => boolean): string {
	if (!taken(base)) return base;
	for (let number = 2; ; number++) {
		const name = `${base}-${number}`;
		if (!taken(name)) return name;
	}
}

const longestName = 60;

/** A name made of a program's file name: what names may not hold becomes `-`. */
export function nameOfProgram(program: string): string {
	const base = program
		.slice(program.lastIndexOf('/') + 1)
		.replace(/[^A-Za-z0-9_.+-]+/g, '-')
		.replace(/^[.+-]+/, '')
		.slice(0, longestName);
	return base === '' ? 'runtime' : base;
}
