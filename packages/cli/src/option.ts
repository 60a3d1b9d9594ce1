/** What an option is: its flags, what it says of itself, and how its text is read. */

export interface FlagSpec {
	readonly kind: 'flag';
	readonly flags: string;
	readonly summary: string;
}

export interface ValueSpec<T> {
	readonly kind: 'value' | 'list';
	readonly flags: string;
	readonly summary: string;
	readonly parse: (text: string) => T;
}

export type OptionSpec = FlagSpec | ValueSpec<unknown>;
export type OptionSpecs = Readonly<Record<string, OptionSpec>>;

/** An option without a value, such as `--json` or `--no-follow`; true where it is given. */
export const flag = (flags: string, summary: string): FlagSpec => ({ kind: 'flag', flags, summary });

/** An option with a value; the last one holds. */
export const value = <T>(
	flags: string,
	summary: string,
	parse: (text: string) => T,
): ValueSpec<T> & { readonly kind: 'value' } => ({
	kind: 'value',
	flags,
	summary,
	parse,
});

/** An option that may be given several times. */
export const list = <T>(
	flags: string,
	summary: string,
	parse: (text: string) => T,
): ValueSpec<T> & { readonly kind: 'list' } => ({
	kind: 'list',
	flags,
	summary,
	parse,
});

export type OptionValue<Spec> = Spec extends FlagSpec
	? boolean
	: Spec extends { readonly kind: 'list'; readonly parse: (text: string) => infer T }
		? readonly T[]
		: Spec extends { readonly parse: (text: string) => infer T }
			? T
			: never;
export type OptionValues<Specs> = { readonly [Key in keyof Specs]?: OptionValue<Specs[Key]> | undefined };
