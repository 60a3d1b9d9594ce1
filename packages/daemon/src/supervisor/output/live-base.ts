/**
 * Where a live file begins, where that is not at offset 0: written down before the file is cut, so that a daemon which
 * dies at any moment of the cutting leaves the next one what it needs to finish it.
 */
import { appendFileSync, readFileSync, renameSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import type { Logger } from '@orch/base';
import { unfinished } from './layout.ts';
import { readPart } from './read-part.ts';

interface BaseRecord {
	/** The offset of the live file's first byte. */
	readonly base: number;
	/** The cutting that is under way. */
	readonly cutting?: Cutting;
}

interface Cutting {
	/** Its first byte before. */
	readonly from: number;
	/** How long it was. */
	readonly size: number;
	/** What it is to begin with afterwards: the line that was not whole. Base64. */
	readonly tail: string;
}

export class LiveBase {
	readonly #path: string;
	readonly #livePath: string;
	readonly #log: Logger;
	#offset = 0;
	/** The file that says so does. */
	#isWritten = true;
	#isFailing = false;

	constructor(path: string, livePath: string, log: Logger) {
		this.#path = path;
		this.#livePath = livePath;
		this.#log = log;
	}

	/** Of the live file's first byte. */
	get offset(): number {
		return this.#offset;
	}

	/** Reads it, and finishes a cutting that was not; `seen` is up to where the stream is known to have been. Throws where it cannot be read. */
	recover(seen: number): void {
		const record = read(this.#path);
		this.#offset = record?.base ?? 0;
		this.#isWritten = record?.cutting === undefined;
		if (!record?.cutting) return;
		const { from, size, tail } = record.cutting;
		const now = statSync(this.#livePath, { throwIfNoEntry: false })?.size ?? 0;
		// a daemon that could not finish it may have seen much come since: not cut, the file would hold all of that
		const isCut = now < size || from + now < seen;
		// where it had not begun the bytes are in the segment and in the file as well, which harms nothing
		this.#offset = isCut ? from + size - this.#putBackRest(Buffer.from(tail, 'base64'), now) : from;
		this.writeDown();
	}

	/** Cuts the file, of so many bytes and with nobody who writes to it at this moment, down to its `tail`. Throws where it was not cut. */
	cut(size: number, tail: Buffer): void {
		const from = this.#offset;
		const end = from + size;
		this.#isWritten = false;
		write(this.#path, { base: end - tail.length, cutting: { from, size, tail: tail.toString('base64') } });
		truncateSync(this.#livePath, 0);
		this.#offset = end - this.#putBack(tail, 0);
		this.writeDown();
	}

	/** What the file holds now is new, and begins there. */
	beginAt(offset: number): void {
		this.#offset = offset;
		this.#isWritten = false;
		this.writeDown();
	}

	/** What cannot be written down is tried again, as often as this is called: it is to be there before the next daemon comes. */
	writeDown(): void {
		if (this.#isWritten) return;
		try {
			write(this.#path, { base: this.#offset });
			this.#isWritten = true;
			this.#isFailing = false;
		} catch (error) {
			if (!this.#isFailing)
				this.#log.warn('where a file of output begins could not be written down', { path: this.#livePath, error });
			this.#isFailing = true;
		}
	}

	/** Of a line that a daemon before us had begun to put back: behind what the program has written since it would be torn. */
	#putBackRest(line: Buffer, size: number): number {
		const there = size === 0 ? 0 : commonBytes(readPart(this.#livePath, 0, line.length), line);
		return there === size ? there + this.#putBack(line.subarray(there), size) : there;
	}

	/** Appends it to a file of `size` bytes; gives how many bytes of it are there then. The others are gone, and what comes goes on behind them. */
	#putBack(line: Buffer, size: number): number {
		if (line.length === 0) return 0;
		try {
			appendFileSync(this.#livePath, line);
			return line.length;
		} catch (error) {
			this.#log.warn('the last line of a file of output could not be put back', { path: this.#livePath, error });
			return Math.max(0, sizeOf(this.#livePath) - size);
		}
	}
}

function read(path: string): BaseRecord | undefined {
	let text: string;
	try {
		text = readFileSync(path, 'utf8');
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
		throw error;
	}
	try {
		return JSON.parse(text) as BaseRecord;
	} catch {
		return undefined;
	}
}

function write(path: string, record: BaseRecord): void {
	writeFileSync(`${path}${unfinished}`, JSON.stringify(record), { mode: 0o600 });
	renameSync(`${path}${unfinished}`, path);
}

function sizeOf(path: string): number {
	try {
		return statSync(path).size;
	} catch {
		return 0;
	}
}

/** How many bytes both begin with. */
function commonBytes(one: Buffer, other: Buffer): number {
	const most = Math.min(one.length, other.length);
	for (let at = 0; at < most; at++) if (one[at] !== other[at]) return at;
	return most;
}
