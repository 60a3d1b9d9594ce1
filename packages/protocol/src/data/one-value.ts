/** One MessagePack value out of bytes, by the reader of whoever has them: with the options that both sides of a wire need. */

/**
 * Records would be a private dialect, and decoded bytes must not share memory with the buffer that is read into next; with references
 * between values a kilobyte could decode to something that nobody ever finishes writing down.
 */
export const msgpackOptions = {
	useRecords: false,
	encodeUndefinedAsNil: true,
	copyBuffers: true,
	mapsAsObjects: true,
	structuredClone: false,
} as const;

/** A Packr of msgpackr. */
export interface ValueReader {
	unpackMultiple(bytes: Uint8Array, take: (value: unknown, start?: number, end?: number) => unknown): unknown;
}

let value: unknown;
let valueEnd = 0;

/** Throws what the reader throws, and what `trailing` makes of so many bytes that follow the value. */
export function unpackOne(reader: ValueReader, bytes: Uint8Array, trailing: (bytes: number) => Error): unknown {
	// the plain way writes down all that it has read when something follows, for the sake of its error's message
	reader.unpackMultiple(bytes, takeFirst);
	const read = value;
	value = undefined;
	if (valueEnd !== bytes.length) throw trailing(bytes.length - valueEnd);
	return read;
}

function takeFirst(first: unknown, _start = 0, end = 0): boolean {
	value = first;
	valueEnd = end;
	return false;
}
