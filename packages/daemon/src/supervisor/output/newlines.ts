/** Newlines in bytes: counted, and found from either end. */

const newline = 0x0a;

export function countNewlines(bytes: Buffer): number {
	let count = 0;
	for (let at = bytes.indexOf(newline); at >= 0; at = bytes.indexOf(newline, at + 1)) count++;
	return count;
}

/** Behind the `wanted`-th newline; undefined where there are fewer. */
export function behindNewline(bytes: Buffer, wanted: number): number | undefined {
	let at = -1;
	for (let seen = 0; seen < wanted; seen++) {
		at = bytes.indexOf(newline, at + 1);
		if (at < 0) return undefined;
	}
	return at + 1;
}
