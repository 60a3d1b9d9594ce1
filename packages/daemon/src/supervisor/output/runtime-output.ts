/** All that a runtime writes: two streams, who wrote which part of them, and the room that they may take together. */
import { closeSync, existsSync, mkdirSync, openSync } from 'node:fs';
import type { Clock, Logger } from '@orch/base';
import { frozenName, processesName, type StreamName, streamNames } from './layout.ts';
import { Lives, type Offsets } from './lives.ts';
import type { Punch } from './punch.ts';
import { countLive, cutTaken, type Freeze, freeTaken, segmentEnd, takeSegment } from './segments.ts';
import { type Kept, StreamLog, unlinkIfThere } from './stream-log.ts';

export interface Limits {
	/** Of live files and segments of both streams together, on the disk. */
	readonly maxBytes: number;
	/** What a live file grows to before its lines are moved into a segment. */
	readonly segmentBytes?: number | undefined;
}

export const defaultMaxBytes = 64 * 1024 * 1024;
export const defaultSegmentBytes = 8 * 1024 * 1024;
/** Less is not worth a file. */
const leastSegmentBytes = 16 * 1024;
/** Of the room of a runtime a segment takes this share at most: two live files, a segment in the making, and some that are kept. */
const segmentShare = 8;
/** What could not be done rests for so long. */
export const restMs = 1_000;

export interface RuntimeOutputOptions {
	readonly id: string;
	readonly name: () => string;
	/** With a closing slash. */
	readonly directory: string;
	readonly limits: () => Limits | undefined;
	readonly clock: Clock;
	readonly log: Logger;
	readonly freeze: Freeze;
	readonly lookedAt: number | undefined;
	/** Called when something has come, when it is removed, and when it is closed. */
	readonly onChange: (output: RuntimeOutput) => void;
}

/** What the store does for all runtimes. */
export interface Upkeep {
	readonly punch: Punch;
	/** Whether there is room for so much on the disk; makes some where there is not. */
	readonly hasRoom: (bytes: number) => Promise<boolean>;
	readonly compress: (log: StreamLog, segment: Kept) => void;
}

export class RuntimeOutput {
	readonly directory: string;
	readonly streams: Readonly<Record<StreamName, StreamLog>>;
	readonly lives: Lives;
	/** A daemon before us died while it had stopped what writes here. */
	readonly wasFrozen: boolean;
	/** Why it has no directory; what is launched fails by that. */
	readonly fault: unknown;
	readonly #options: RuntimeOutputOptions;
	readonly #wakes = new Set<() => void>();
	#changes = 0;
	#state: 'open' | 'removed' | 'closed' = 'open';
	/** Which could not be looked at the last time. */
	readonly #unreadable = new Set<StreamName>();
	/** Bytes that were given up without having been kept, for want of room. */
	#givenUp = 0;
	#restsUntilMs = 0;

	constructor(options: RuntimeOutputOptions) {
		const { directory, log, clock, lookedAt } = options;
		this.#options = options;
		this.directory = directory;
		try {
			mkdirSync(directory, { recursive: true, mode: 0o700 });
		} catch (error) {
			this.fault = error;
			log.error('a directory for output could not be made', { directory, error });
		}
		this.wasFrozen = existsSync(this.#frozenPath);
		this.lives = new Lives(`${directory}${processesName}`, log);
		const open = (stream: StreamName) => new StreamLog({ directory, stream, clock, log, lookedAt });
		this.streams = { stdout: open('stdout'), stderr: open('stderr') };
	}

	get id(): string {
		return this.#options.id;
	}

	get name(): string {
		return this.#options.name();
	}

	/** `removed` with its runtime; `closed` with the daemon. */
	get state(): 'open' | 'removed' | 'closed' {
		return this.#state;
	}

	/** Grows with everything that readers may want to know. */
	get changes(): number {
		return this.#changes;
	}

	get maxBytes(): number {
		return this.#options.limits()?.maxBytes ?? defaultMaxBytes;
	}

	get segmentBytes(): number {
		const wanted = this.#options.limits()?.segmentBytes ?? defaultSegmentBytes;
		return Math.max(leastSegmentBytes, Math.min(wanted, Math.floor(this.maxBytes / segmentShare)));
	}

	get allocated(): number {
		return this.streams.stdout.allocated + this.streams.stderr.allocated + this.lives.allocated;
	}

	get givenUpBytes(): number {
		return this.#givenUp;
	}

	get offsets(): Offsets {
		return { stdout: this.streams.stdout.end, stderr: this.streams.stderr.end };
	}

	/** Whether something is to be done: see `maintain`. */
	get isDue(): boolean {
		if (this.#state !== 'open' || this.isResting) return false;
		return this.allocated > this.maxBytes || streamNames.some((name) => this.streams[name].backlog >= this.segmentBytes);
	}

	/** What was due could not be done, and is not for a moment: neither with every line nor, if nothing more comes, never again. */
	get isResting(): boolean {
		return this.#state === 'open' && this.#options.clock.monotonicMs() < this.#restsUntilMs;
	}

	#rest(): void {
		this.#restsUntilMs = this.#options.clock.monotonicMs() + restMs;
	}

	/** Notices what has come; true where something has. Never throws: a launch and an end do not depend on what can be read. */
	look(): boolean {
		if (this.#state !== 'open') return false;
		const grown = streamNames.filter((name) => this.#hasGrown(name));
		if (grown.length > 0) this.changed();
		return grown.length > 0;
	}

	#hasGrown(name: StreamName): boolean {
		try {
			const hasGrown = this.streams[name].look();
			this.#unreadable.delete(name);
			return hasGrown;
		} catch (error) {
			const { log, directory } = this.#options;
			if (!this.#unreadable.has(name)) log.error('output could not be looked at', { directory, stream: name, error });
			this.#unreadable.add(name);
			return false;
		}
	}

	/** To be called before a process may write. */
	began(generation: number): void {
		this.look();
		this.lives.began(generation, this.#options.clock.now(), this.offsets);
		this.changed();
	}

	ended(generation: number): void {
		this.look();
		this.lives.ended(generation, this.#options.clock.now(), this.offsets);
		this.changed();
	}

	/** It was not launched after all. */
	neverBegan(generation: number): void {
		this.lives.never(generation, this.#options.clock.now());
	}

	/** Resolves once there is more than there was at `seen` changes; rejects when the signal is aborted. */
	change(seen: number, signal?: AbortSignal): Promise<void> {
		return new Promise((resolve, reject) => {
			if (signal?.aborted) return reject(signal.reason);
			if (this.#changes !== seen || this.#state !== 'open') return resolve();
			const wake = () => {
				this.#wakes.delete(wake);
				signal?.removeEventListener('abort', wake);
				if (signal?.aborted) reject(signal.reason);
				else resolve();
			};
			this.#wakes.add(wake);
			signal?.addEventListener('abort', wake, { once: true });
		});
	}

	changed(): void {
		this.#changes++;
		for (const wake of [...this.#wakes]) wake();
		this.#options.onChange(this);
	}

	/** Readers still get what there is, and end. */
	end(state: 'removed' | 'closed'): void {
		if (this.#state !== 'open') return;
		this.look();
		this.#state = state;
		this.changed();
		if (state === 'closed') for (const name of streamNames) this.streams[name].close();
	}

	/** Moves what is due into segments, and keeps to the limit. One at a time for a runtime; where it fails, it rests. */
	async maintain(upkeep: Upkeep): Promise<void> {
		try {
			await this.#maintain(upkeep);
		} catch (error) {
			this.#rest();
			throw error;
		}
	}

	async #maintain({ punch, hasRoom, compress }: Upkeep): Promise<void> {
		const { log } = this.#options;
		let canPunch = await punch.isSupported(this.directory);
		for (const name of streamNames) {
			const stream = this.streams[name];
			let isTaken = false;
			while (this.#state === 'open' && stream.backlog >= this.segmentBytes) {
				const end = await segmentEnd(stream, this.segmentBytes);
				if (end === undefined) break;
				const bytes = end - stream.liveFrom;
				// the moment in which it is there twice is not worth older output: a long line may be half of all that is kept
				if (canPunch) await this.makeRoom(0, punch);
				else await this.makeRoom(Math.min(bytes, this.segmentBytes) - this.#toBeCutBytes, undefined);
				if (stream.liveFrom + bytes !== end) continue;
				const isRoom = await hasRoom(bytes);
				if (this.#state !== 'open') return;
				if (!isRoom) {
					if (!canPunch) break;
					await this.#giveUp(stream, end, punch);
					continue;
				}
				const segment = await takeSegment(stream, end);
				isTaken = true;
				try {
					// compressing takes room as well
					if (canPunch) await freeTaken(stream, punch);
				} catch (error) {
					if (this.#state !== 'open') return;
					log.warn('a hole could not be made in a file of output', { path: stream.livePath, error });
					canPunch = false;
				} finally {
					compress(stream, segment);
				}
			}
			if (isTaken && !canPunch && this.#state === 'open' && !(await this.#cut(stream))) {
				this.#rest();
				log.warn('a file of output could not be cut: not everything that writes to it could be stopped', {
					path: stream.livePath,
				});
			}
		}
		await this.makeRoom(0, canPunch ? punch : undefined);
		if (this.allocated > this.maxBytes) this.#rest();
	}

	/** Of live files, what is in segments or gone already, and goes with the next cutting: for a moment it is there twice. */
	get #toBeCutBytes(): number {
		return streamNames.reduce((sum, name) => sum + this.streams[name].liveFrom - this.streams[name].base, 0);
	}

	/** That something is stopped is written down before, for a daemon after us that has to let it go. */
	async #cut(stream: StreamLog): Promise<boolean> {
		closeSync(openSync(this.#frozenPath, 'w', 0o600));
		try {
			return await cutTaken(stream, this.#options.freeze);
		} finally {
			unlinkIfThere(this.#frozenPath);
		}
	}

	get #frozenPath(): string {
		return `${this.directory}${frozenName}`;
	}

	/** What a daemon before us had moved into segments, and could not give back any more. */
	async freeLeftovers(punch: Punch): Promise<void> {
		for (const name of streamNames) {
			const stream = this.streams[name];
			const bytes = stream.liveAllocated;
			// blocks are whole, and some file systems take some ahead
			if (
				stream.liveFrom > stream.base &&
				bytes > stream.backlog + defaultSegmentBytes / 8 &&
				(await punch.isSupported(this.directory))
			)
				await freeTaken(stream, punch);
		}
	}

	/** Removes the oldest until so much more fits. */
	async makeRoom(bytes: number, punch: Punch | undefined): Promise<void> {
		while (this.#state === 'open' && this.allocated + bytes > this.maxBytes) {
			if (await this.dropOldest()) continue;
			if (bytes > 0 || !punch || !(await this.giveUpLive(this.segmentBytes / 2, punch))) return;
		}
	}

	/** Of both streams' segments the oldest. */
	get oldest(): { readonly stream: StreamLog; readonly segment: Kept } | undefined {
		let oldest: { readonly stream: StreamLog; readonly segment: Kept } | undefined;
		for (const name of streamNames) {
			const stream = this.streams[name];
			const [segment] = stream.segments;
			if (segment && (!oldest || segment.at < oldest.segment.at)) oldest = { stream, segment };
		}
		return oldest;
	}

	/** False where there is none. */
	async dropOldest(): Promise<boolean> {
		const { oldest } = this;
		if (!oldest || this.#state !== 'open') return false;
		const { stream, segment } = oldest;
		await Promise.all([...stream.cursors].map((cursor) => cursor.leave(segment)));
		// compressed meanwhile, it is another
		if (stream.segments[0] === segment && this.#state === 'open') {
			stream.dropOldest();
			this.changed();
		}
		return true;
	}

	/** Gives up the older half of the larger live file without keeping it; false where that is less than `leastBytes`. */
	async giveUpLive(leastBytes: number, punch: Punch): Promise<boolean> {
		const { stdout, stderr } = this.streams;
		const stream = stdout.backlog >= stderr.backlog ? stdout : stderr;
		if (this.#state !== 'open' || stream.backlog < leastBytes) return false;
		const end = await segmentEnd(stream, Math.ceil(stream.backlog / 2));
		if (end === undefined) return false;
		await this.#giveUp(stream, end, punch);
		return true;
	}

	async #giveUp(stream: StreamLog, end: number, punch: Punch): Promise<void> {
		const from = stream.liveFrom;
		const lines = await countLive(stream, from, end);
		await Promise.all(
			[...stream.cursors].map((cursor) => cursor.leaveLive(end, (at) => countLive(stream, Math.max(from, at), end))),
		);
		if (this.#state !== 'open' || stream.liveFrom !== from) return;
		if (this.#givenUp === 0)
			this.#options.log.warn('output is given up: there is no room to keep it', { runtime: this.name, stream: stream.stream });
		this.#givenUp += end - from;
		stream.dropLive(end, lines);
		this.changed();
		await freeTaken(stream, punch);
	}
}
