/** A value that an option cannot take; whoever knows the option's name makes the error of it. */

export class BadValue extends Error {
	override readonly name = 'BadValue';
	readonly expected: string;
	readonly candidates: readonly string[];

	/** `expected` completes the sentence "it must be …". */
	constructor(expected: string, candidates: readonly string[]) {
		super(`it must be ${expected}`);
		this.expected = expected;
		this.candidates = candidates;
	}
}
