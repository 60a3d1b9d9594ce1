/** The letters that drive a terminal, or turn the order in which it shows what is beside them. */

/**
 * As they stand in the class of a regular expression, all but the controls of ASCII, of which each reader keeps others: delete, the
 * second set of controls, what separates lines, and what directs from right to left.
 */
export const drivingLetters = '\\u007f-\\u009f\\u061c\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069';

/** How one of them is shown. */
export function escapedLetter(letter: string): string {
	const code = letter.charCodeAt(0);
	return code < 256 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;
}
