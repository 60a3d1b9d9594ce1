/** A part of a file, read in this very turn. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

/** As much of it as there is. Of no length it opens nothing. */
export function readPart(path: string, from: number, length: number): Buffer {
	if (length === 0) return Buffer.alloc(0);
	const descriptor = openSync(path, 'r');
	try {
		const room = Math.max(0, Math.min(length, fstatSync(descriptor).size - from));
		const bytes = Buffer.allocUnsafe(room);
		return bytes.subarray(0, readSync(descriptor, bytes, 0, room, from));
	} finally {
		closeSync(descriptor);
	}
}
