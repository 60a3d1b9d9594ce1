/** A value that an option cannot take; whoever knows the option's name makes the error of it. */

export class BadValue extends Error {
	override readonly name = 'BadValue';
	readonly expected: string;
	readonly candidates: readonly string[];

	/** What would do, where it is not a value of this option. */
	readonly hint: string | undefined;

	/** `expected` completes the sentence "it must be …". */
	constructor(expected: string, candidates: readonly string[], hint?: string) {
		super(`it must be ${expected}`);
		this.expected = expected;
		this.candidates = candidates;
		this.hint = hint;
	}
}
