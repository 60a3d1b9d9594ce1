/** When the bytes of a stream came: a file beside it with an offset and a time for each look that found something new. */
import { appendFileSync, readFileSync, renameSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import type { Logger } from '@orch/base';
import { nothing } from '../shortage.ts';
import { inBlocks, unfinished } from './layout.ts';
import { readPart } from './read-part.ts';

export interface Stamp {
	/** Milliseconds since the Unix epoch. */
	readonly at: number;
	/** Present where it came at some time between the two, while no daemon looked. */
	readonly from?: number | undefined;
}

interface Mark {
	/** Everything before it was there at that time. */
	readonly offset: number;
	readonly at: number;
	readonly kind: number;
}

/** `seen`: came since the mark before, as good as at once. `found`: came while no daemon looked. `looked`: nothing new. */
const kinds = { seen: 0, found: 1, looked: 2 } as const;

/** u48 offset, u48 milliseconds, u8 kind, three bytes to spare: little-endian. */
const markBytes = 16;
/** 1 MiB. When there are more, older times become coarser. */
const mostMarks = 65_536;
/** How many are read at once. */
const pageMarks = 256;

export class TimeIndex {
	readonly #path: string;
	readonly #log: Logger;
	#count = 0;
	#last: Mark | undefined;
	#version = 0;
	#isFailing = false;

	constructor(path: string, log: Logger) {
		this.#path = path;
		this.#log = log;
	}

	/** What daemons before us have written down; to be called before anything else. Throws where we have nothing to read it with. */
	read(): void {
		const size = sizeOf(this.#path);
		this.#count = Math.floor(size / markBytes);
		// half a mark: a disk was full, or the machine went down
		if (size % markBytes !== 0) this.#align();
		this.#last = this.#count > 0 ? lastOf(this.#path, this.#count) : undefined;
		this.#version++;
	}

	/** Up to where times are known. */
	get end(): number {
		return this.#last?.offset ?? 0;
	}

	get lastAt(): number | undefined {
		return this.#last?.at;
	}

	get path(): string {
		return this.#path;
	}

	get count(): number {
		return this.#count;
	}

	/** Changes when the file was written anew: places in it mean something else then. */
	get version(): number {
		return this.#version;
	}

	seen(offset: number, at: number): void {
		this.#append([{ offset, at: this.#later(at), kind: kinds.seen }]);
	}

	/** What came between two times, nobody knows when. */
	found(offset: number, from: number, at: number): void {
		const begin = this.#later(from);
		this.#append([
			{ offset: this.end, at: begin, kind: kinds.looked },
			{ offset, at: Math.max(begin, at), kind: kinds.found },
		]);
	}

	/** Forgets the times of what is gone, and every second one of the older half where there are still too many. */
	shorten(gone: number): void {
		const marks = readMarks(this.#path, 0, this.#count);
		let kept = marks.filter((mark, index) => mark.offset > gone || (marks[index + 1]?.offset ?? gone) > gone);
		if (kept.length > mostMarks * 0.75) {
			const half = kept.length >> 1;
			const plain = (index: number) => kept[index]?.kind === kinds.seen && kept[index + 1]?.kind === kinds.seen;
			kept = kept.filter((_mark, index) => index >= half || index % 2 === 1 || !plain(index));
		}
		try {
			writeFileSync(`${this.#path}${unfinished}`, encode(kept), { mode: 0o600 });
			renameSync(`${this.#path}${unfinished}`, this.#path);
			this.#count = kept.length;
			this.#version++;
		} catch (error) {
			this.#failed(error);
		}
	}

	/** On the disk. */
	get allocated(): number {
		return inBlocks(this.#count * markBytes);
	}

	get isFull(): boolean {
		return this.#count >= mostMarks;
	}

	/** The clock on the wall may have been set back; order within a stream is not to suffer. */
	#later(at: number): number {
		return Math.max(at, this.#last?.at ?? 0);
	}

	#append(marks: readonly Mark[]): void {
		try {
			appendFileSync(this.#path, encode(marks), { mode: 0o600 });
			this.#count += marks.length;
			this.#isFailing = false;
		} catch (error) {
			this.#failed(error);
		}
		this.#last = marks.at(-1);
	}

	/** Times become coarser for it, and nothing else. */
	#failed(error: unknown): void {
		this.#align();
		if (this.#isFailing) return;
		this.#isFailing = true;
		this.#log.warn('times of output could not be written', { path: this.#path, error });
	}

	#align(): void {
		try {
			truncateSync(this.#path, this.#count * markBytes);
		} catch {
			// not there at all
		}
	}
}

/** Looks times up for one reader, who goes through a stream from its beginning to its end. */
export class TimeReader {
	readonly #index: TimeIndex;
	#page: readonly Mark[] = [];
	#first = 0;
	#version = -1;
	#at = 0;

	constructor(index: TimeIndex) {
		this.#index = index;
	}

	/** When the byte before `end` was there. */
	stampOf(end: number): Stamp {
		let mark = this.#find(end);
		if (!mark) {
			this.#load(end);
			mark = this.#find(end);
		}
		// newer than what could be written down
		if (!mark) return { at: this.#index.lastAt ?? 0 };
		const before = this.#page[this.#at - 1];
		return mark.kind === kinds.found && before && before.at < mark.at ? { at: mark.at, from: before.at } : { at: mark.at };
	}

	/** An offset before which everything came before `time`, and some of what is behind it may have. */
	offsetBefore(time: number): number {
		const { path, count } = this.#index;
		const first = search(count, (index) => (readMarks(path, index, 1)[0]?.at ?? Number.POSITIVE_INFINITY) >= time);
		return first === 0 ? 0 : (readMarks(path, first - 1, 1)[0]?.offset ?? 0);
	}

	#find(end: number): Mark | undefined {
		if (this.#version !== this.#index.version) return undefined;
		// nearly always the same mark as before, or the next one
		const start = (this.#page[this.#at - 1]?.offset ?? Number.POSITIVE_INFINITY) < end ? this.#at : 1;
		for (let at = start; at < this.#page.length; at++) {
			const mark = this.#page[at] as Mark;
			if (mark.offset < end) continue;
			if (at === 1 && (this.#page[0]?.offset ?? 0) >= end) return undefined;
			this.#at = at;
			return mark;
		}
		return undefined;
	}

	/** A page that begins with the mark before the one that is looked for; a made-up one stands before the first. */
	#load(end: number): void {
		const { path, count, version } = this.#index;
		const found = search(count, (index) => (readMarks(path, index, 1)[0]?.offset ?? Number.POSITIVE_INFINITY) >= end);
		this.#first = Math.max(0, found - 1);
		const marks = readMarks(path, this.#first, Math.min(pageMarks, count - this.#first));
		this.#page = found === 0 ? [{ offset: -1, at: 0, kind: kinds.seen }, ...marks.map(unknownFrom)] : marks;
		this.#version = version;
		this.#at = 1;
	}
}

/** Before the first mark no time is known: an interval has only its end then. */
const unknownFrom = (mark: Mark, index: number): Mark => (index === 0 ? { ...mark, kind: kinds.seen } : mark);

/** The first of `count` that holds, all behind it holding too. */
function search(count: number, holds: (index: number) => boolean): number {
	let low = 0;
	let high = count;
	while (low < high) {
		const middle = (low + high) >> 1;
		if (holds(middle)) high = middle;
		else low = middle + 1;
	}
	return low;
}

function encode(marks: readonly Mark[]): Buffer {
	const bytes = Buffer.alloc(marks.length * markBytes);
	for (const [index, { offset, at, kind }] of marks.entries()) {
		bytes.writeUIntLE(offset, index * markBytes, 6);
		bytes.writeUIntLE(Math.max(0, Math.floor(at)), index * markBytes + 6, 6);
		bytes.writeUInt8(kind, index * markBytes + 12);
	}
	return bytes;
}

function sizeOf(path: string): number {
	try {
		return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
	} catch (error) {
		// not ours to read: what comes is found to have come while nobody looked
		return nothing(error) ?? 0;
	}
}

function readMarks(path: string, first: number, count: number): Mark[] {
	if (count <= 0) return [];
	let bytes: Buffer;
	try {
		bytes = first === 0 && count > pageMarks ? readFileSync(path) : readPart(path, first * markBytes, count * markBytes);
	} catch {
		// removed with its runtime
		return [];
	}
	return decode(bytes).slice(0, count);
}

function lastOf(path: string, count: number): Mark | undefined {
	try {
		return decode(readPart(path, (count - 1) * markBytes, markBytes))[0];
	} catch (error) {
		return nothing(error);
	}
}

function decode(bytes: Buffer): Mark[] {
	const marks: Mark[] = [];
	for (let at = 0; at + markBytes <= bytes.length; at += markBytes)
		marks.push({ offset: bytes.readUIntLE(at, 6), at: bytes.readUIntLE(at + 6, 6), kind: bytes.readUInt8(at + 12) });
	return marks;
}
