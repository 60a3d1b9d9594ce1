/**
 * Where a live file begins, where that is not at offset 0: written down before the file is cut, so that a daemon which
 * dies at any moment of the cutting leaves the next one what it needs to finish it.
 */
import { appendFileSync, readFileSync, renameSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import type { Logger } from '@orch/base';
import { unfinished } from './layout.ts';

interface BaseRecord {
	/** The offset of the live file's first byte. */
	readonly base: number;
	/** The cutting that is under way. */
	readonly cutting?: {
		/** Its first byte before. */
		readonly from: number;
		/** How long it was. */
		readonly size: number;
		/** What it is to begin with afterwards: the line that was not whole. Base64. */
		readonly tail: string;
	};
}

/** Reads it, and finishes a cutting that was not; what cannot be written now the next daemon finishes. */
export function recoverBase(path: string, livePath: string, log: Logger): number {
	const record = read(path);
	if (!record?.cutting) return record?.base ?? 0;
	const { from, size } = record.cutting;
	const now = statSync(livePath, { throwIfNoEntry: false })?.size ?? 0;
	// where it had not begun the bytes are in the segment and in the file as well, which harms nothing
	const base = now >= size ? from : record.base;
	const tail = Buffer.from(record.cutting.tail, 'base64');
	try {
		if (base === record.base && now < tail.length) appendFileSync(livePath, tail.subarray(now));
		write(path, { base });
	} catch (error) {
		log.warn('the cutting of a file of output could not be finished', { path: livePath, error });
	}
	return base;
}

/** Cuts a file that nobody writes to at this moment down to its `tail`, which begins at offset `base`. */
export function cutLive(
	path: string,
	livePath: string,
	cut: { readonly from: number; readonly base: number; readonly size: number; readonly tail: Buffer },
): void {
	const { from, base, size, tail } = cut;
	write(path, { base, cutting: { from, size, tail: tail.toString('base64') } });
	truncateSync(livePath, 0);
	if (tail.length > 0) appendFileSync(livePath, tail);
	write(path, { base });
}

function read(path: string): BaseRecord | undefined {
	try {
		return JSON.parse(readFileSync(path, 'utf8')) as BaseRecord;
	} catch {
		return undefined;
	}
}

function write(path: string, record: BaseRecord): void {
	writeFileSync(`${path}${unfinished}`, JSON.stringify(record), { mode: 0o600 });
	renameSync(`${path}${unfinished}`, path);
}
