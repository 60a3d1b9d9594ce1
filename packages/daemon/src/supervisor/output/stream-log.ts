/**
 * One stream of a runtime as one sequence of bytes, whatever file they are in: first what is gone, then the segments, then
 * the live file that the program appends to. Offsets count from the first byte the runtime ever wrote and never change.
 */
import { readdirSync, renameSync, statSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { Clock, Logger } from '@orch/base';
import { baseName, goneName, listFiles, liveName, type Segment, segmentName, type StreamName, timesName } from './layout.ts';
import { LiveBase } from './live-base.ts';
import { TimeIndex } from './time-index.ts';

export interface StreamLogOptions {
	/** With a closing slash. */
	readonly directory: string;
	readonly stream: StreamName;
	readonly clock: Clock;
	readonly log: Logger;
	/** When a daemon last looked, for what has come since. */
	readonly lookedAt: number | undefined;
}

/** A segment with what it takes up on the disk. */
export interface Kept extends Segment {
	readonly bytes: number;
	/** When it was taken out of the live file. */
	readonly at: number;
}

/** Whoever is on his way through the stream, and is told before a part of it goes that he has not read. */
export interface StreamReader {
	leave(segment: Kept): Promise<void>;
	/** The front of the live file goes; `lines` counts its newlines from an offset on. */
	leaveLive(end: number, lines: (from: number) => Promise<number>): Promise<void>;
	close(): void;
}

export type Place =
	| { readonly kind: 'segment'; readonly segment: Kept }
	| { readonly kind: 'live' }
	/** Nothing is left before `until`. */
	| { readonly kind: 'gone'; readonly until: number };

export class StreamLog {
	readonly stream: StreamName;
	readonly livePath: string;
	readonly times: TimeIndex;
	readonly #options: StreamLogOptions;
	readonly #cursors = new Set<StreamReader>();
	/** The offset of the live file's first byte: not 0 only where the file had to be made shorter. */
	readonly #base: LiveBase;
	/** What daemons before us have left is known. As long as it is not, nothing is done by offsets. */
	#isFound = false;
	/** From here on bytes are in the live file; what it holds before is in segments, or gone. */
	#liveFrom = 0;
	/** Up to here output has been noticed. */
	#end = 0;
	#liveBytes = 0;
	#segments: Kept[] = [];
	#goneEnd = 0;
	#goneLines = 0;
	#version = 0;
	#isClosed = false;

	constructor(options: StreamLogOptions) {
		const { directory, stream, log } = options;
		this.#options = options;
		this.stream = stream;
		this.livePath = `${directory}${liveName(stream)}`;
		this.times = new TimeIndex(`${directory}${timesName(stream)}`, log);
		this.#base = new LiveBase(`${directory}${baseName(stream)}`, this.livePath, log);
		try {
			this.#find();
		} catch (error) {
			// one whose files cannot be read must not keep the daemon, and all others with it, from starting
			log.error('what there is of a stream of output could not be read', { path: this.livePath, error });
		}
	}

	#find(): void {
		const { directory, log, clock, lookedAt } = this.#options;
		const { stream } = this;
		const { segments, gone, stale } = listFiles(stream, readdirSync(directory));
		const kept = segments.flatMap((segment): Kept[] => {
			const stat = statSync(`${directory}${segmentName(stream, segment)}`, { throwIfNoEntry: false });
			return stat ? [{ ...segment, bytes: stat.blocks * 512, at: stat.mtimeMs }] : [];
		});
		const keptEnd = kept.at(-1)?.end ?? gone.end;
		this.times.read();
		this.#base.recover(Math.max(this.times.end, keptEnd));
		const stat = statSync(this.livePath, { throwIfNoEntry: false });
		// nothing of it counts before all of it could be read
		this.#isFound = true;
		for (const name of stale) {
			try {
				unlinkIfThere(`${directory}${name}`);
			} catch (error) {
				log.warn('a file of output that stands for nothing was not removed', { path: `${directory}${name}`, error });
			}
		}
		this.#goneEnd = gone.end;
		this.#goneLines = gone.lines;
		this.#segments = kept;
		this.#liveFrom = Math.max(keptEnd, this.#base.offset);
		this.#end = Math.max(this.times.end, this.#liveFrom);
		this.#version++;
		if (!stat) return;
		this.#liveBytes = stat.blocks * 512;
		if (this.#base.offset + stat.size < this.#end) this.#beginAnew(this.#end);
		const end = this.#base.offset + stat.size;
		if (end > this.#end) {
			this.#end = end;
			const from = Math.max(this.times.lastAt ?? 0, lookedAt ?? 0);
			const at = Math.min(clock.now(), Math.max(from, stat.mtimeMs));
			if (from === 0) this.times.seen(this.#end, at);
			else this.times.found(this.#end, Math.min(from, at), at);
		}
	}

	/** Where what is left begins. */
	get start(): number {
		return this.#goneEnd;
	}

	get end(): number {
		return this.#end;
	}

	get liveFrom(): number {
		return this.#liveFrom;
	}

	get base(): number {
		return this.#base.offset;
	}

	/** What is in the live file and in no segment. */
	get backlog(): number {
		return this.#end - this.#liveFrom;
	}

	get segments(): readonly Kept[] {
		return this.#segments;
	}

	get goneLines(): number {
		return this.#goneLines;
	}

	/** On the disk, with the times. */
	get allocated(): number {
		return (
			this.#liveBytes + (this.#isFound ? this.times.allocated : 0) + this.#segments.reduce((sum, { bytes }) => sum + bytes, 0)
		);
	}

	/** Of that, the live file. */
	get liveAllocated(): number {
		return this.#liveBytes;
	}

	/** Changes with every change of where bytes are. */
	get version(): number {
		return this.#version;
	}

	/** Its files may be another daemon's by now: they are left as they are. */
	get isClosed(): boolean {
		return this.#isClosed;
	}

	pathOf(segment: Segment): string {
		return `${this.#options.directory}${segmentName(this.stream, segment)}`;
	}

	/** Notices what has come. True where something has. Throws where that cannot be told. */
	look(): boolean {
		if (!this.#isFound) {
			this.#find();
			return this.#end > 0;
		}
		this.#base.writeDown();
		const stat = statSync(this.livePath, { throwIfNoEntry: false });
		if (!stat) return false;
		this.#liveBytes = stat.blocks * 512;
		// somebody made it shorter: what it holds now is new, and what it held is gone
		if (this.#base.offset + stat.size < this.#end) this.#beginAnew(this.#end);
		const end = this.#base.offset + stat.size;
		if (end === this.#end) return false;
		this.#end = end;
		this.times.seen(end, this.#options.clock.now());
		if (this.times.isFull) this.times.shorten(this.#goneEnd);
		return true;
	}

	placeOf(offset: number): Place {
		if (offset < this.#goneEnd) return { kind: 'gone', until: this.#goneEnd };
		if (offset >= this.#liveFrom) return { kind: 'live' };
		const segment = this.#segments.find(({ end }) => end > offset);
		if (!segment) return { kind: 'gone', until: this.#liveFrom };
		return segment.start <= offset ? { kind: 'segment', segment } : { kind: 'gone', until: segment.start };
	}

	/** Bytes of the live file; undefined where they have been moved meanwhile. Empty at the end of the file. */
	async readLive(offset: number, length: number, given?: FileHandle): Promise<Buffer | undefined> {
		const base = this.#base.offset;
		let file: FileHandle | undefined = given;
		try {
			file ??= await open(this.livePath, 'r');
			const bytes = Buffer.allocUnsafeSlow(length);
			const { bytesRead } = await file.read(bytes, 0, length, offset - base);
			// freed or cut before it was read, or while it was: it may be zeros
			if (offset < this.#liveFrom || base !== this.#base.offset) return undefined;
			return bytes.subarray(0, bytesRead);
		} catch (error) {
			if ((error as NodeJS.ErrnoException).code === 'ENOENT') return Buffer.alloc(0);
			throw error;
		} finally {
			if (!given) await file?.close();
		}
	}

	addCursor(cursor: StreamReader): void {
		this.#cursors.add(cursor);
	}

	removeCursor(cursor: StreamReader): void {
		this.#cursors.delete(cursor);
	}

	get cursors(): ReadonlySet<StreamReader> {
		return this.#cursors;
	}

	/** The front of the live file is in a segment from now on, and is read from there. */
	taken(segment: Kept): void {
		this.#segments.push(segment);
		this.#liveFrom = segment.end;
		this.#version++;
	}

	/** Live blocks have been given back. */
	freed(): void {
		this.#liveBytes = (statSync(this.livePath, { throwIfNoEntry: false })?.blocks ?? 0) * 512;
	}

	/** Cuts the live file, of so many bytes and with nobody who writes to it at this moment, down to its `tail`. */
	cut(size: number, tail: Buffer): void {
		this.#base.cut(size, tail);
		// more is gone where the tail could not be put back
		this.#liveFrom = Math.max(this.#liveFrom, this.#base.offset);
		this.#version++;
		this.freed();
	}

	/** A segment is kept in another form. False where it has gone meanwhile. */
	replaced(from: Kept, to: Kept): boolean {
		const at = this.#segments.indexOf(from);
		if (at < 0) return false;
		this.#segments[at] = to;
		this.#version++;
		return true;
	}

	/** Takes the oldest segment away; what readers miss by that is to be told to them before. */
	dropOldest(): void {
		const segment = this.#segments.shift();
		if (!segment) return;
		const before = this.#gonePath();
		this.#goneEnd = segment.end;
		this.#goneLines += segment.lines;
		this.#version++;
		const path = this.pathOf(segment);
		try {
			// by its new name, which works on a full disk as well, it stands for what is gone
			renameSync(path, this.#gonePath());
			truncateSync(this.#gonePath(), 0);
		} catch (error) {
			this.#options.log.warn('a segment of output was not there to be removed', { path, error });
		}
		unlinkIfThere(before);
	}

	/** The front of the live file is given up without having been kept. */
	dropLive(end: number, lines: number): void {
		const before = this.#gonePath();
		this.#goneEnd = end;
		this.#goneLines += lines;
		this.#liveFrom = end;
		this.#version++;
		try {
			if (statSync(before, { throwIfNoEntry: false })) renameSync(before, this.#gonePath());
			else writeFileSync(this.#gonePath(), '', { mode: 0o600 });
		} catch (error) {
			// on a full disk: the next one is written down, and until then it is known
			this.#options.log.warn('what is gone of output was not written down', { error });
		}
	}

	/** A segment whose file is not there, or cannot be read: what was in it is gone. */
	lose(segment: Kept): void {
		const at = this.#segments.indexOf(segment);
		if (at < 0) return;
		this.#segments.splice(at, 1);
		this.#version++;
		this.#options.log.warn('a segment of output cannot be read', { path: this.pathOf(segment) });
	}

	close(): void {
		this.#isClosed = true;
		for (const cursor of this.#cursors) cursor.close();
		this.#cursors.clear();
	}

	#gonePath(): string {
		return `${this.#options.directory}${goneName(this.stream, { end: this.#goneEnd, lines: this.#goneLines })}`;
	}

	#beginAnew(at: number): void {
		this.#base.beginAt(at);
		this.#liveFrom = at;
		this.#version++;
	}
}

export function unlinkIfThere(path: string): void {
	try {
		unlinkSync(path);
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
	}
}
