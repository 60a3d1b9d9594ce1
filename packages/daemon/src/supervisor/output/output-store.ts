/** The output of all runtimes: notices what comes, moves it on, and keeps the disk from being filled by it. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type Clock, type Logger, nextTurn, Publisher, type Random, type Timer, withDeadline } from '@orch/base';
import { DiskRoom } from './disk-room.ts';
import { GrowthWatch } from './growth-watch.ts';
import { liveName, streamNames } from './layout.ts';
import {
	listOldOutput,
	noteOldOutput,
	type OldOutput,
	type OldOutputOptions,
	removeOldestOutput,
	removeOldOutput,
} from './old-output.ts';
import { createPunch, type Punch } from './punch.ts';
import { type Limits, RuntimeOutput, restMs, type Upkeep } from './runtime-output.ts';
import { compressSegment, type Freeze } from './segments.ts';
import type { Kept, StreamLog } from './stream-log.ts';

export interface OutputStoreOptions {
	readonly stateDirectory: string;
	readonly clock: Clock;
	readonly random: Pick<Random, 'bytes'>;
	readonly log: Logger;
	readonly punch?: Punch | undefined;
	/** Room on the disk that is kept for bad times. */
	readonly reserveBytes?: number | undefined;
}

export interface OpenOptions {
	readonly id: string;
	readonly name: () => string;
	readonly limits: () => Limits | undefined;
	readonly freeze: Freeze;
}

/** So long a burst has the disk and the memory for itself before what it wrote is moved on. */
const moveAfterMs = 100;
/** Less of a live file than this is not given up to make room. */
const leastGivenUpBytes = 256 * 1024;
const removeOldEveryMs = 24 * 3_600_000;
/** An operation under way is waited for so long at the end. */
const closeMs = 5_000;
/** What could not be done is tried again, later each time, also where nothing more is written. */
const mostRestMs = 60_000;

interface ToCompress {
	readonly output: RuntimeOutput;
	readonly stream: StreamLog;
	readonly segment: Kept;
}

/** A segment that is being compressed. */
interface Packing {
	readonly output: RuntimeOutput;
	readonly stop: AbortController;
	readonly done: Promise<void>;
}

export class OutputStore {
	/** Whenever something has come, or an output was opened, removed or closed. */
	readonly changes: Publisher<RuntimeOutput>;
	/** What an operator should know, in sentences, when it happens. */
	readonly told: Publisher<string>;
	readonly #options: OutputStoreOptions;
	readonly #punch: Punch;
	readonly #watch: GrowthWatch;
	readonly #room: DiskRoom;
	readonly #outputs = new Map<string, { readonly output: RuntimeOutput; readonly unwatch: () => void }>();
	readonly #due = new Set<RuntimeOutput>();
	readonly #again = new Map<RuntimeOutput, { readonly timer: Timer; readonly afterMs: number }>();
	readonly #toCompress: ToCompress[] = [];
	readonly #closing = new AbortController();
	readonly #lookedAt: number | undefined;
	#working: Promise<void> | undefined;
	#current: { readonly output: RuntimeOutput; readonly done: Promise<void> } | undefined;
	#compressing: Promise<void> | undefined;
	#packing: Packing | undefined;
	#moveTimer: Timer | undefined;
	/** When old output was looked for; undefined as long as not all runtimes are open. */
	#removedOldAt: number | undefined;

	constructor(options: OutputStoreOptions) {
		const { stateDirectory, clock, log, random } = options;
		this.#options = options;
		mkdirSync(join(stateDirectory, 'logs'), { recursive: true, mode: 0o700 });
		this.told = new Publisher((error) => log.error('what was told of output was not handled', { error }));
		this.changes = new Publisher((error) => log.error('a change of output was not handled', { error }));
		this.#punch = options.punch ?? createPunch(random);
		this.#room = new DiskRoom({
			stateDirectory,
			clock,
			random,
			log,
			reserveBytes: options.reserveBytes,
			told: this.told,
			removeOldest: () => this.#removeOldest(),
			giveUpLargest: () => this.#giveUpLargest(),
			onShort: () => this.#work(),
		});
		this.#lookedAt = readLookedAt(this.#lookedAtPath);
		// known before it is needed: a trial takes room
		void this.#punch.isSupported(join(stateDirectory, 'logs'));
		this.#watch = new GrowthWatch({ clock, log, onSafetyLook: () => this.#safetyLook() });
	}

	/** What an operator should know. */
	get notices(): readonly string[] {
		return this.#room.notices;
	}

	get isClosed(): boolean {
		return this.#closing.signal.aborted;
	}

	list(): readonly RuntimeOutput[] {
		return [...this.#outputs.values()].map(({ output }) => output);
	}

	find(id: string): RuntimeOutput | undefined {
		return this.#outputs.get(id)?.output;
	}

	/** What is kept of runtimes that were removed. Looks at the disk. */
	old(): readonly OldOutput[] {
		return listOldOutput(this.#options.stateDirectory, (id) => this.#outputs.has(id));
	}

	/** To be called when all runtimes are open: what is still there is nobody's, goes when it is old, and first when the disk is full. */
	allAreOpen(): void {
		this.#removedOldAt = this.#options.clock.monotonicMs();
		void removeOldOutput(this.#unknown);
	}

	/** Who has closed knows nothing of anybody, and nobody's output is to go for that. */
	get #unknown(): OldOutputOptions {
		return { ...this.#options, isKnown: (id) => this.#closing.signal.aborted || this.#outputs.has(id) };
	}

	/** For a reader, of a runtime that was removed: nothing comes any more. Undefined where nothing is kept of it. */
	openOld(id: string): RuntimeOutput | undefined {
		const { clock, log } = this.#options;
		const name = this.old().find((one) => one.id === id)?.name;
		if (name === undefined) return undefined;
		const output = new RuntimeOutput({
			id,
			name: () => name,
			limits: () => undefined,
			freeze: async () => undefined,
			clock,
			log,
			directory: this.directoryOf(id),
			lookedAt: this.#lookedAt,
			onChange: () => {},
		});
		output.end('removed');
		return output;
	}

	directoryOf(id: string): string {
		return join(this.#options.stateDirectory, 'logs', id, '/');
	}

	/** Opens what there is of a runtime, or begins it. */
	open({ id, name, limits, freeze }: OpenOptions): RuntimeOutput {
		const { clock, log } = this.#options;
		const output = new RuntimeOutput({
			id,
			name,
			limits,
			freeze,
			clock,
			log,
			directory: this.directoryOf(id),
			lookedAt: this.#lookedAt,
			onChange: (changed) => this.#changed(changed),
		});
		output.lives.make();
		const live = new Set<string>(streamNames.map(liveName));
		// known before its first look tells of a change
		const entry = { output, unwatch: () => {} };
		this.#outputs.set(id, entry);
		entry.unwatch = this.#watch.add({
			directory: output.directory,
			matters: (file) => live.has(file),
			look: () => output.look(),
		});
		for (const stream of streamNames)
			for (const segment of output.streams[stream].segments)
				if (!segment.isCompressed) this.#compress(output, output.streams[stream], segment);
		void output.freeLeftovers(this.#punch).catch((error) => log.warn('room of output could not be given back', { error }));
		this.#changed(output);
		return output;
	}

	/** Readers get what there is, and end; then nothing is left of it, unless its files are kept for people to read. */
	async remove(id: string, { keepFiles = false }: { readonly keepFiles?: boolean } = {}): Promise<void> {
		const entry = this.#outputs.get(id);
		if (!entry) return;
		const { output, unwatch } = entry;
		unwatch();
		output.end('removed');
		this.#outputs.delete(id);
		this.#due.delete(output);
		this.#tryNoMore(output);
		// what is being done to it fails without its files, and has to be over before
		if (this.#current?.output === output) await this.#current.done;
		if (this.#packing?.output === output) {
			this.#packing.stop.abort();
			await this.#packing.done;
		}
		if (!keepFiles) {
			// without the closing slash: whatever it is by now
			rmSync(resolve(output.directory), { recursive: true, force: true, maxRetries: 3 });
			return;
		}
		try {
			noteOldOutput(output.directory, output.name);
		} catch (error) {
			// it is there, and is found by its path alone
			this.#options.log.warn('the name of kept output was not noted', { runtime: output.name, error });
		}
	}

	/** Removes nothing; what programs write from now on is found by the next daemon. */
	async close(): Promise<void> {
		if (this.#closing.signal.aborted) return;
		this.#closing.abort();
		this.#packing?.stop.abort();
		this.#watch.close();
		this.#moveTimer?.cancel();
		for (const output of [...this.#again.keys()]) this.#tryNoMore(output);
		this.#room.close();
		for (const { output } of this.#outputs.values()) output.end('closed');
		this.#noteLook();
		const { clock, log } = this.#options;
		const over = async () => {
			await Promise.all([this.#working, this.#compressing]);
		};
		const late = () => new Error(`Cannot finish moving output on within ${closeMs} ms`);
		await withDeadline(clock, closeMs, over, late).catch((error) => log.warn('output was left as it was', { error }));
		this.#outputs.clear();
	}

	/** Does now what is due, and resolves when nothing is left of it: for tests and for whoever measures. */
	async settled(): Promise<void> {
		this.#work();
		while (this.#working || this.#compressing) await Promise.all([this.#working, this.#compressing]);
	}

	#changed(output: RuntimeOutput): void {
		this.changes.publish(output);
		if (this.#closing.signal.aborted) return;
		this.#room.lookSoon();
		if (!output.isDue) return;
		this.#due.add(output);
		if (this.#room.isShort) this.#work();
		else this.#moveTimer ??= this.#options.clock.setTimer(moveAfterMs, () => this.#work(), { background: true });
	}

	/** One after the other, whatever is due: the disk is one for all. */
	#work(): void {
		this.#moveTimer?.cancel();
		this.#moveTimer = undefined;
		if (this.#working || this.#closing.signal.aborted) return;
		const run = async () => {
			for (;;) {
				if (this.#closing.signal.aborted) return;
				if (this.#room.isShort) await this.#room.shed();
				const [output] = this.#due;
				if (!output) return;
				this.#due.delete(output);
				this.#current = { output, done: this.#maintain(output) };
				await this.#current.done;
				this.#current = undefined;
			}
		};
		this.#working = run().finally(() => {
			this.#working = undefined;
			// what fell due in this very moment
			if (this.#due.size > 0 || this.#room.isShort) this.#work();
		});
	}

	async #maintain(output: RuntimeOutput): Promise<void> {
		const upkeep: Upkeep = {
			punch: this.#punch,
			hasRoom: (bytes) => this.#room.has(bytes),
			compress: (stream, segment) => this.#compress(output, stream, segment),
		};
		try {
			await output.maintain(upkeep);
		} catch (error) {
			if (output.state !== 'open') return;
			this.#options.log.warn('output could not be moved on', { runtime: output.name, error });
			// on a full disk there has to be room first
			this.#room.look();
		}
		if (output.isResting) this.#tryAgain(output);
		else this.#tryNoMore(output);
	}

	#tryAgain(output: RuntimeOutput): void {
		// it may have fallen due while it failed
		this.#due.delete(output);
		const before = this.#again.get(output);
		this.#tryNoMore(output);
		if (this.#closing.signal.aborted) return;
		const afterMs = before ? Math.min(2 * before.afterMs, mostRestMs) : restMs;
		const run = () => {
			this.#due.add(output);
			this.#work();
		};
		const timer = this.#options.clock.setTimer(afterMs, run, { background: true });
		this.#again.set(output, { timer, afterMs });
	}

	#tryNoMore(output: RuntimeOutput): void {
		this.#again.get(output)?.timer.cancel();
		this.#again.delete(output);
	}

	#compress(output: RuntimeOutput, stream: StreamLog, segment: Kept): void {
		this.#toCompress.push({ output, stream, segment });
		if (this.#compressing || this.#closing.signal.aborted) return;
		this.#compressing = this.#compressAll().finally(() => {
			this.#compressing = undefined;
		});
	}

	async #compressAll(): Promise<void> {
		// not in the turn in which the first was taken
		await nextTurn();
		for (let next = this.#toCompress.shift(); next; next = this.#toCompress.shift()) {
			const { output, stream, segment } = next;
			if (this.#closing.signal.aborted) return;
			if (output.state !== 'open' || !stream.segments.includes(segment)) continue;
			const stop = new AbortController();
			this.#packing = { output, stop, done: this.#pack(next, stop.signal) };
			await this.#packing.done;
			this.#packing = undefined;
		}
	}

	async #pack({ output, stream, segment }: ToCompress, signal: AbortSignal): Promise<void> {
		try {
			await compressSegment(stream, segment, signal);
		} catch (error) {
			if (output.state === 'open')
				this.#options.log.warn('a segment of output could not be compressed', { runtime: output.name, error });
		}
	}

	/** What nobody writes any more, then the oldest segment of all runtimes, and the next. */
	async *#removeOldest(): AsyncGenerator<number, void, undefined> {
		if (this.#removedOldAt !== undefined) yield* removeOldestOutput(this.#unknown);
		for (;;) {
			let oldest: RuntimeOutput | undefined;
			for (const output of this.list())
				if (output.oldest && (!oldest?.oldest || output.oldest.segment.at < oldest.oldest.segment.at)) oldest = output;
			if (!oldest?.oldest) return;
			const { bytes } = oldest.oldest.segment;
			if (!(await oldest.dropOldest())) return;
			yield bytes;
			// there may be thousands
			await nextTurn();
		}
	}

	/** Of live files, where holes can be made in them. */
	async #giveUpLargest(): Promise<number | undefined> {
		if (!(await this.#punch.isSupported(join(this.#options.stateDirectory, 'logs')))) return undefined;
		const [largest] = this.list().toSorted((a, b) => liveBytes(b) - liveBytes(a));
		if (!largest) return undefined;
		const before = liveBytes(largest);
		try {
			if (!(await largest.giveUpLive(leastGivenUpBytes, this.#punch))) return undefined;
		} catch (error) {
			this.#options.log.warn('output could not be given up', { error });
			return undefined;
		}
		return Math.max(0, before - liveBytes(largest));
	}

	#safetyLook(): void {
		this.#noteLook();
		this.#room.look();
		const now = this.#options.clock.monotonicMs();
		if (this.#removedOldAt === undefined || now - this.#removedOldAt < removeOldEveryMs) return;
		this.#removedOldAt = now;
		void removeOldOutput(this.#unknown);
	}

	get #lookedAtPath(): string {
		return join(this.#options.stateDirectory, 'output-looked-at');
	}

	/** For the daemon after us: what came later came while nobody looked. */
	#noteLook(): void {
		try {
			writeFileSync(this.#lookedAtPath, String(this.#options.clock.now()), { mode: 0o600 });
		} catch {
			// then the interval is told longer than it was
		}
	}
}

const liveBytes = (output: RuntimeOutput): number => output.streams.stdout.backlog + output.streams.stderr.backlog;

function readLookedAt(path: string): number | undefined {
	try {
		const at = Number(readFileSync(path, 'utf8'));
		return Number.isFinite(at) && at > 0 ? at : undefined;
	} catch {
		return undefined;
	}
}
