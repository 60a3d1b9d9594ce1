/** One reader's way through a stream: segments, then the live file, and what went before it could be read. */
import { createReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { isShortage } from '../shortage.ts';
import { countNewlines } from './newlines.ts';
import type { Kept, StreamLog, StreamReader } from './stream-log.ts';

export const maxChunkBytes = 64 * 1024;
/** Who stays reads so much at once: each read waits for a thread, and on a busy machine that is most of its time. */
const aheadBytes = 256 * 1024;

/** Output that was removed before this reader came to it. */
export interface Missed {
	readonly bytes: number;
	readonly lines: number;
	/** The number of lines is estimated: they were gone before the reader came. */
	readonly isEstimate: boolean;
}

export class OutputCursor implements StreamReader {
	readonly #log: StreamLog;
	#offset: number;
	#unpacked: { readonly segment: Kept; readonly chunks: AsyncIterator<Buffer>; readonly close: () => void } | undefined;
	/** Unpacked, and more than was asked for. */
	#rest: Buffer | undefined;
	#plain: { readonly segment: Kept; readonly file: FileHandle } | undefined;
	#missed = { bytes: 0, lines: 0, isEstimate: false };
	/** What was asked for before the reader was moved on is not what it gets. */
	#moves = 0;
	#isClosed = false;
	/** The live file, of who stays: removed with its runtime, it can still be read to its end. */
	#live: FileHandle | undefined;
	#liveBase = 0;
	readonly #keepsOpen: boolean;
	/** Read, and not given yet. */
	#ahead: Buffer | undefined;

	constructor(log: StreamLog, offset: number, { keepsOpen = false }: { readonly keepsOpen?: boolean } = {}) {
		this.#log = log;
		this.#offset = offset;
		this.#keepsOpen = keepsOpen;
		log.addCursor(this);
	}

	/** Of the next byte that it gives. */
	get offset(): number {
		return this.#offset;
	}

	/** The next bytes, `most` or fewer, none from `end` on; undefined where there are none before it. */
	async next(end: number, most = maxChunkBytes): Promise<Uint8Array | undefined> {
		while (!this.#isClosed && this.#offset < end) {
			const length = Math.min(most, end - this.#offset);
			if (this.#ahead) return this.#give(this.#ahead, length);
			const place = this.#log.placeOf(this.#offset);
			if (place.kind === 'gone') {
				this.#skip(Math.min(place.until, Math.max(end, this.#offset)));
				continue;
			}
			const moves = this.#moves;
			const wanted = this.#keepsOpen ? Math.max(length, Math.min(aheadBytes, end - this.#offset)) : length;
			const bytes =
				place.kind === 'live'
					? await this.#readLive(wanted)
					: await this.#readSegment(place.segment, Math.min(wanted, place.segment.end - this.#offset));
			if (moves !== this.#moves || bytes === undefined) continue;
			// shorter than it was
			if (bytes.length === 0) return undefined;
			return this.#give(bytes, length);
		}
		return undefined;
	}

	#give(bytes: Buffer, length: number): Buffer {
		this.#ahead = bytes.length > length ? bytes.subarray(length) : undefined;
		const given = bytes.subarray(0, length);
		this.#offset += given.length;
		return given;
	}

	/** Who stays holds the live file open, to read it to its end also when it is removed. */
	async hold(): Promise<void> {
		if (!this.#keepsOpen || this.#live || this.#isClosed) return;
		this.#liveBase = this.#log.base;
		const file = await open(this.#log.livePath, 'r').catch(() => undefined);
		if (this.#isClosed || this.#live) await file?.close();
		else this.#live = file;
	}

	/** What it has missed since it was asked last. */
	takeMissed(): Missed | undefined {
		const missed = this.#missed;
		if (missed.bytes === 0) return undefined;
		this.#missed = { bytes: 0, lines: 0, isEstimate: false };
		return missed;
	}

	/** A segment is about to go: what of it has not been read yet is counted. */
	async leave(segment: Kept): Promise<void> {
		if (this.#isClosed || this.#offset >= segment.end) return;
		const from = Math.max(this.#offset, segment.start);
		const lines = from === segment.start ? segment.lines : await countIn(this.#log, segment, from);
		// it may have read on meanwhile, but not beyond
		if (this.#offset >= segment.end) return;
		this.#move(segment.end, lines);
	}

	/** The front of the live file is about to go; `lines` counts newlines from an offset on. */
	async leaveLive(end: number, lines: (from: number) => Promise<number>): Promise<void> {
		if (this.#isClosed || this.#offset >= end) return;
		const count = await lines(this.#offset);
		if (this.#offset < end) this.#move(end, count);
	}

	close(): void {
		this.#isClosed = true;
		this.#release();
		void this.#live?.close().catch(() => {});
		this.#live = undefined;
		this.#log.removeCursor(this);
	}

	#move(to: number, lines: number): void {
		this.#missed = { ...this.#missed, bytes: this.#missed.bytes + to - this.#offset, lines: this.#missed.lines + lines };
		this.#offset = to;
		this.#moves++;
		this.#ahead = undefined;
		this.#release();
	}

	/** Over what was gone before it came: nobody has counted the lines of just that part. */
	#skip(to: number): void {
		const bytes = to - this.#offset;
		const { start, goneLines } = this.#log;
		const lines = start > 0 ? Math.max(1, Math.round((bytes * goneLines) / start)) : 1;
		this.#missed = { bytes: this.#missed.bytes + bytes, lines: this.#missed.lines + lines, isEstimate: true };
		this.#offset = to;
		this.#release();
	}

	#release(): void {
		this.#unpacked?.close();
		this.#unpacked = undefined;
		this.#rest = undefined;
		const plain = this.#plain;
		this.#plain = undefined;
		void plain?.file.close().catch(() => {});
	}

	async #readLive(length: number): Promise<Buffer | undefined> {
		if (!this.#keepsOpen) return this.#log.readLive(this.#offset, length);
		// begun anew it may be another file
		if (this.#live && this.#liveBase !== this.#log.base) {
			const file = this.#live;
			this.#live = undefined;
			await file.close();
		}
		await this.hold();
		return this.#live ? this.#log.readLive(this.#offset, length, this.#live) : Buffer.alloc(0);
	}

	async #readSegment(segment: Kept, length: number): Promise<Buffer | undefined> {
		const moves = this.#moves;
		try {
			return segment.isCompressed ? await this.#readPacked(segment, length) : await this.#readPlain(segment, length);
		} catch (error) {
			// moved on meanwhile, what it read from was taken away under it
			if (this.#isClosed || moves !== this.#moves) return undefined;
			this.#release();
			// compressed or removed in this moment: it is looked for again
			if ((error as NodeJS.ErrnoException).code === 'ENOENT' && this.#log.segments.indexOf(segment) < 0) return undefined;
			// that this reader has nothing left to read with says nothing of the segment
			if (isShortage(error)) throw error;
			this.#log.lose(segment);
			return undefined;
		}
	}

	async #readPlain(segment: Kept, length: number): Promise<Buffer> {
		if (this.#plain?.segment !== segment) {
			this.#release();
			const file = await open(this.#log.pathOf(segment), 'r');
			if (this.#isClosed) {
				await file.close();
				return Buffer.alloc(0);
			}
			this.#plain = { segment, file };
		}
		const bytes = Buffer.allocUnsafeSlow(length);
		const { bytesRead } = await this.#plain.file.read(bytes, 0, length, this.#offset - segment.start);
		if (bytesRead === 0) throw new Error('The segment is shorter than its name says');
		return bytes.subarray(0, bytesRead);
	}

	async #readPacked(segment: Kept, length: number): Promise<Buffer> {
		let skip = 0;
		if (this.#unpacked?.segment !== segment) {
			this.#release();
			const { stream, close } = unpack(this.#log.pathOf(segment));
			this.#unpacked = { segment, chunks: (stream as AsyncIterable<Buffer>)[Symbol.asyncIterator](), close };
			skip = this.#offset - segment.start;
		}
		const unpacked = this.#unpacked;
		for (;;) {
			const { value, done } = this.#rest ? { value: this.#rest, done: false } : await unpacked.chunks.next();
			this.#rest = undefined;
			if (done || value === undefined) throw new Error('The segment is shorter than its name says');
			if (value.length <= skip) {
				skip -= value.length;
				continue;
			}
			const bytes = value.subarray(skip);
			if (bytes.length > length && this.#unpacked === unpacked) this.#rest = bytes.subarray(length);
			return bytes.subarray(0, length);
		}
	}
}

function unpack(path: string) {
	const file = createReadStream(path);
	const gunzip = createGunzip({ chunkSize: maxChunkBytes });
	// what goes wrong with either is told by the other
	pipeline(file, gunzip, () => {});
	return { stream: gunzip, close: () => void gunzip.destroy() };
}

/** The bytes of a segment from an offset on, for who counts or searches. */
export async function* segmentBytes(log: StreamLog, segment: Kept, from: number): AsyncGenerator<Buffer, void, undefined> {
	const path = log.pathOf(segment);
	if (!segment.isCompressed) {
		yield* createReadStream(path, { start: from - segment.start }) as AsyncIterable<Buffer>;
		return;
	}
	const { stream, close } = unpack(path);
	let at = segment.start;
	try {
		for await (const chunk of stream as AsyncIterable<Buffer>) {
			const skip = Math.max(0, from - at);
			at += chunk.length;
			if (skip < chunk.length) yield chunk.subarray(skip);
		}
	} finally {
		close();
	}
}

async function countIn(log: StreamLog, segment: Kept, from: number): Promise<number> {
	let lines = 0;
	try {
		for await (const bytes of segmentBytes(log, segment, from)) lines += countNewlines(bytes);
	} catch {
		// it cannot be read any more: what was counted is all that can be told
	}
	return lines;
}
