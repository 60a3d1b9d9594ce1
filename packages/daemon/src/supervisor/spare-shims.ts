/** Shims spawned ahead: whoever launches takes one that waits for its word, so that no launch waits for a fork of the daemon. */
import { existsSync } from 'node:fs';
import type { Duplex } from 'node:stream';
import type { Clock, Logger, Timer } from '@orch/base';
import { execa, type Options } from 'execa';
import type { Cgroups } from './cgroups.ts';
import { faultOfSystem, LaunchError } from './faults.ts';
import { LaunchFiles } from './launch-files.ts';
import {
	broodInvocation,
	type Invocation,
	mostOfBrood,
	type ShimLaunch,
	shimDescriptors,
	shimInvocation,
} from './launch-shim.ts';
import type { Identity } from './ports.ts';
import type { ProcessTable } from './process-table.ts';
import { readStat } from './proc-scan.ts';
import { Shim } from './shim.ts';
import { spawned } from './spawning.ts';

export interface SpareShimsOptions {
	readonly clock: Clock;
	readonly log: Logger;
	readonly table: Pick<ProcessTable, 'identify' | 'ignore'>;
	readonly cgroups?: Cgroups | undefined;
	/** For the files by which shims are told what to launch; ours alone. */
	readonly directory: string;
	readonly shell: string;
}

/** Spares that are kept once anything has been launched, all made by one fork: so many restarts at once, or right after each other, find one. */
export const keptSpares = mostOfBrood;
/**
 * After the last one was taken: its launch is over by then. Not before the last is taken, for a fork holds up everything else, the
 * next restart too; and not later, or that one would take a fork of its own.
 */
const refillMs = 4;
/** When none has been taken for so long, those that are missing are made: what was launched has started by then, and has the processors for itself. */
const restMs = 1_000;
/** Those on their way. More would only take the processor from each other. */
const mostUnborn = 3 * mostOfBrood;
/** From the spawn of a brood to its last birth. */
const birthMs = 10_000;
/** After a brood of which none lived. */
const withoutBroodsMs = 600_000;
/** How long closing waits for spares to end. */
const closeMs = 2_000;
const setsidPlaces = ['/usr/bin/setsid', '/bin/setsid'];

interface Waiting {
	readonly resolve: (shim: Shim) => void;
	readonly reject: (error: unknown) => void;
}

export class SpareShims {
	readonly #options: SpareShimsOptions;
	/** Undefined where shims can only be spawned one by one. */
	readonly #setsid: string | undefined;
	/** Before it broods are not tried, because one came to nothing. */
	#broodsFromMs = 0;
	/** In the order of their arrival, each with what ends its being ignored. */
	readonly #spares = new Map<Shim, () => void>();
	readonly #waiting: Waiting[] = [];
	readonly #unborn = new Set<Shim>();
	readonly #files: LaunchFiles;
	/** What we spawned and what has not ended. */
	readonly #children = new Set<ShellProcess>();
	#refill: Timer | undefined;
	#rest: Timer | undefined;
	/** Spares that have ended without a launch since the last one. */
	#lost = 0;
	#isSpawning = false;
	#isClosed = false;

	constructor(options: SpareShimsOptions) {
		this.#options = options;
		this.#files = new LaunchFiles(options);
		this.#setsid = readStat(process.pid) && setsidPlaces.find((path) => existsSync(path));
	}

	/** Where they are told what to launch. */
	get directory(): string {
		return this.#options.directory;
	}

	/** At once where there is one, or where nobody else waits for one. `done` is to be called with it. */
	take(): Shim | Promise<Shim> {
		this.#lost = 0;
		this.#refillAtRest();
		for (const [spare, heed] of this.#spares) {
			// it stays where it cannot be asked
			const isAlive = spare.isAlive();
			this.#spares.delete(spare);
			heed();
			spare.onEnd = undefined;
			// without its shim the child that waits would launch, and nobody would be there for its end
			if (isAlive) {
				if (this.#spares.size === 0) this.#refillSoon();
				return spare;
			}
			spare.hangUp();
			this.#files.free(spare.file);
		}
		this.#refillSoon();
		if (this.#waiting.length === 0 && this.#unborn.size === 0 && !this.#isSpawning) {
			this.#spawnInTurns();
			return this.#spawnOne();
		}
		const taken = new Promise<Shim>((resolve, reject) => this.#waiting.push({ resolve, reject }));
		this.#spawnInTurns();
		return taken;
	}

	/** One that was no spare; with `launch` it gets program, arguments and environment by its spawn, which fails where they are too much for the system. */
	takeNew(launch: ShimLaunch | undefined): Shim | Promise<Shim> {
		if (!launch) {
			this.#refillSoon();
			this.#refillAtRest();
		}
		return this.#spawnOne(launch);
	}

	/** What it is to read when it gets the word. */
	write({ file }: Shim, text: string): void {
		this.#files.write(file, text);
	}

	/** It has read its file, or never will. */
	done(shim: Shim): void {
		this.#files.free(shim.file);
	}

	/** Resolves when none is left that launched nothing. */
	async close(): Promise<void> {
		this.#isClosed = true;
		this.#refill?.cancel();
		this.#rest?.cancel();
		const ended = [...this.#spares.keys(), ...this.#unborn].map((shim) => {
			const end = new Promise<void>((resolve) => {
				shim.onEnd = resolve;
			});
			shim.hangUp();
			return end;
		});
		for (const { reject } of this.#waiting.splice(0)) reject(new LaunchError({ kind: 'abandoned' }));
		for (const child of this.#children) child.ref();
		const timeout = new AbortController();
		const gone = Promise.all(ended).then(() => this.#options.cgroups?.rest());
		await Promise.race([gone, this.#options.clock.sleep(closeMs, timeout.signal).catch(() => {})]);
		timeout.abort();
		for (const child of this.#children) child.unref();
		this.#files.remove();
	}

	#refillAtRest(): void {
		if (this.#isClosed) return;
		this.#rest?.cancel();
		this.#rest = this.#options.clock.setTimer(restMs, () => this.#refillUpTo(keptSpares - 1), { background: true });
	}

	#refillSoon(): void {
		if (this.#isClosed) return;
		// not put off by the next launch: under a storm of them none would ever come
		this.#refill ??= this.#options.clock.setTimer(
			refillMs,
			() => {
				this.#refill = undefined;
				this.#refillUpTo(0);
			},
			{ background: true },
		);
	}

	/** Where no more than so many are left. */
	#refillUpTo(most: number): void {
		const ready = this.#spares.size + (this.#unborn.size - this.#waiting.length);
		if (this.#isClosed || ready > most) return;
		const count = Math.min(keptSpares - ready, mostOfBrood);
		this.#spawnSome(count);
		// launches that still wait take of a brood, which is no larger: what then is missing is looked for again
		if (ready + count < keptSpares) this.#refillAtRest();
	}

	/** One spawn in each turn of the event loop, for each holds up everything else. */
	#spawnInTurns(): void {
		if (this.#isSpawning) return;
		this.#isSpawning = true;
		setImmediate(() => {
			this.#isSpawning = false;
			const count = Math.min(this.#waiting.length - this.#unborn.size, mostUnborn - this.#unborn.size, mostOfBrood);
			if (count <= 0) return;
			this.#spawnSome(count);
			this.#spawnInTurns();
		});
	}

	#spawnSome(count: number): void {
		if (this.#setsid !== undefined && this.#options.clock.monotonicMs() >= this.#broodsFromMs)
			this.#spawnBrood(count, this.#setsid);
		else for (let index = 0; index < count; index++) void this.#spawnAlone();
	}

	async #spawnAlone(): Promise<void> {
		try {
			this.#arrived(await this.#spawnOne());
		} catch (error) {
			this.#failed(error);
		}
	}

	#spawnOne(launch?: ShimLaunch): Shim | Promise<Shim> {
		const file = this.#files.take();
		let child: ShellProcess;
		try {
			child = this.#spawn(shimInvocation(file, launch));
		} catch (error) {
			this.#files.giveBack(file);
			throw error;
		}
		if (child.pid === undefined) {
			this.#files.giveBack(file);
			return whyNotSpawned(child);
		}
		const socket = socketOf(child, 0);
		let root: Identity;
		try {
			root = this.#options.table.identify(child.pid) ?? { pid: child.pid, startTicks: 0 };
		} catch (error) {
			// it waits for a word that never comes otherwise, and its file is nobody else's: it may still open its record
			socket.destroy();
			this.#forgetAtExit(child, () => {});
			throw error;
		}
		const shim = new Shim({ clock: this.#options.clock, socket, file, root });
		shim.cgroup = this.#options.cgroups?.hold(shim.root, () => shim.childPid);
		this.#forgetAtExit(child, () => shim.ended());
		return shim;
	}

	#spawnBrood(count: number, setsid: string): void {
		const files: string[] = [];
		let child: ShellProcess;
		try {
			while (files.length < count) files.push(this.#files.take());
			child = this.#spawn(broodInvocation({ shell: this.#options.shell, setsid, files }));
		} catch (error) {
			this.#files.giveBack(...files);
			this.#failed(error);
			return;
		}
		if (child.pid === undefined) {
			this.#files.giveBack(...files);
			whyNotSpawned(child).catch((error) => this.#failed(error));
			return;
		}
		const brood = files.map((file, index) => {
			const shim: Shim = new Shim({
				clock: this.#options.clock,
				socket: socketOf(child, index),
				file,
				onBorn: () => {
					this.#unborn.delete(shim);
					shim.cgroup = this.#options.cgroups?.hold(shim.root, () => shim.childPid);
					this.#arrived(shim);
				},
			});
			shim.onEnd = () => this.#diedUnborn(shim, brood);
			this.#unborn.add(shim);
			return shim;
		});
		const late = this.#options.clock.setTimer(
			birthMs,
			() => {
				for (const shim of brood) if (this.#unborn.has(shim)) shim.hangUp();
			},
			{ background: true },
		);
		const heed = this.#ignore(child.pid);
		this.#forgetAtExit(child, () => {
			heed();
			late.cancel();
		});
	}

	/** Where none of a brood comes to life broods are not for this machine, or it has no processes left: it goes on without them for a while. */
	#diedUnborn(shim: Shim, brood: readonly Shim[]): void {
		this.#unborn.delete(shim);
		// its file is nobody else's from now on: it may still come to open its record
		if (this.#isClosed) return;
		if (brood.every(({ neverLived }) => neverLived)) {
			this.#options.log.warn('shims cannot be spawned together', { setsid: this.#setsid, againInMs: withoutBroodsMs });
			this.#broodsFromMs = this.#options.clock.monotonicMs() + withoutBroodsMs;
		}
		this.#spawnInTurns();
	}

	#arrived(shim: Shim): void {
		const waiting = this.#waiting.shift();
		if (waiting) {
			shim.onEnd = undefined;
			waiting.resolve(shim);
			return;
		}
		const heed = this.#ignoreWaiting(shim);
		shim.onEnd = () => {
			heed();
			this.#spares.delete(shim);
			this.#files.free(shim.file);
			// replaced, but not for ever: somebody may kill them as they come
			if (this.#lost++ < keptSpares) this.#refillAtRest();
		};
		// who was to have it may have gone meanwhile
		if (this.#isClosed || this.#spares.size >= keptSpares) shim.hangUp();
		else this.#spares.set(shim, heed);
	}

	/** Everybody is told: what keeps us from one spawn keeps us from the next. */
	#failed(error: unknown): void {
		const waiting = this.#waiting.splice(0);
		if (waiting.length === 0) this.#options.log.warn('no spare shims could be spawned', { error });
		for (const { reject } of waiting) reject(error);
	}

	#spawn({ args, env, stdio }: Invocation): ShellProcess {
		return spawned(() =>
			execa(this.#options.shell, args, {
				// its types know of descriptors up to 9 only
				stdio: stdio as unknown as NonNullable<Options['stdio']>,
				cwd: '/',
				env,
				extendEnv: false,
				detached: true,
				cleanup: false,
				buffer: false,
				reject: false,
			}),
		);
	}

	#forgetAtExit(child: ShellProcess, ended: () => void): void {
		// what execa does at an exit, and holds until then, is for a result that nobody asks for
		for (const event of ['exit', 'close', 'error'] as const) child.removeAllListeners(event);
		child.on('error', () => {});
		child.on('exit', () => {
			this.#children.delete(child);
			ended();
		});
		child.unref();
		this.#children.add(child);
		// what it holds of the launch for as long as it runs: our ends of the sockets, which each shim has by now and lets go of
		// long before, and by execa's `kill` all that was to await its result
		child.stdio.fill(null);
		child.kill = undefined;
	}

	/** Of a spare, and of its child as soon as that is there. */
	#ignoreWaiting(shim: Shim): () => void {
		const heeds = [this.#ignore(shim.root.pid)];
		const hear = () => {
			if (shim.childPid === undefined) return;
			shim.onHeard = undefined;
			heeds.push(this.#ignore(shim.childPid));
		};
		shim.onHeard = hear;
		hear();
		return () => {
			shim.onHeard = undefined;
			for (const heed of heeds) heed();
		};
	}

	#ignore(pid: number): () => void {
		return this.#options.table.ignore?.(pid) ?? (() => {});
	}
}

/** What is used of execa's subprocess; awaited only where there is none, to learn why. */
interface ShellProcess extends PromiseLike<{ readonly cause?: unknown }> {
	readonly pid?: number | undefined;
	readonly stdio: unknown[];
	kill: unknown;
	on(event: 'exit' | 'error', listener: () => void): unknown;
	removeAllListeners(event: string): unknown;
	ref(): void;
	unref(): void;
}

const socketOf = (child: ShellProcess, index: number) => child.stdio[shimDescriptors.orchd + index] as Duplex;

async function whyNotSpawned(child: ShellProcess): Promise<never> {
	const { cause } = await child;
	throw new LaunchError(faultOfSystem(cause), { cause });
}
