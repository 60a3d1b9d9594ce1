/**
 * Control groups of orchd's own, where the system lets it make some: one for each shim. Whatever a program forks stays in it, however
 * well that hides, and all of it can be ended at once.
 */
import { closeSync, constants, fstatSync, openSync, promises, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type Clock, type Logger, nextTurn, type Random, silentLogger, systemClock, systemRandom } from '@orch/base';
import type { Cgroup, HeldCgroup } from './cgroup.ts';
import { type Directories, findCgroupPlace, isCgroupName, systemDirectories } from './cgroup-place.ts';
import type { Identity } from './ports.ts';
import { isDead, readStat } from './proc-scan.ts';
import { looked, nothing } from './shortage.ts';

export interface CgroupsOptions {
	readonly log?: Logger;
	readonly clock?: Pick<Clock, 'now' | 'sleep'>;
	readonly random?: Pick<Random, 'uuid'>;
	/** Where /proc and the mounts are. */
	readonly root?: string;
	/** How directories are made and removed: in a control group of the kernel's a new one is not empty, and can be removed nevertheless. */
	readonly directories?: Directories;
	readonly identify?: (pid: number) => Identity | undefined;
	/** How long no other shim may have come before one gets its cgroup; 0 where nobody waits for that. */
	readonly calmMs?: number;
}

/** What a daemon of another state made may be about to be used; what is older and empty is left over. */
const freshMs = 60_000;
/** However many shims come, each is waited for so many times as long at most. */
const mostCalms = 10;
/** So many descendants of a shim are moved; whoever has forked more by then has forked for itself. */
const mostGathered = 256;
/** Of those that could not be removed at once so many are tried again with each new one. */
const retried = 4;

/** One for a shim: made and entered at its birth, without anybody waiting for that. */
export class ShimCgroup implements HeldCgroup {
	cgroup: Cgroup | undefined;
	/** Whether the shim and its child are in it, so that whatever they fork is. */
	hasEntered = false;
	/** Whether the shim has ended. */
	isReleased = false;
	readonly settled: Promise<void>;
	readonly #cgroups: Cgroups;

	constructor(cgroups: Cgroups, settle: (held: ShimCgroup) => Promise<void>) {
		this.#cgroups = cgroups;
		this.settled = settle(this);
	}

	/** Where the shim may have forked before it was in it: moves its descendants in, too. */
	async gather(shim: Identity): Promise<void> {
		await this.settled;
		if (this.cgroup) await this.#cgroups.gather(this.cgroup, shim);
	}

	/** The shim has ended. Whoever is left in it is found there; without anybody it is of no use. */
	release(): void {
		this.isReleased = true;
		if (this.cgroup) this.#cgroups.remove(this.cgroup);
	}
}

/** As where none can be made. */
export const noCgroups = (): Cgroups => new Cgroups({ root: '/nowhere' });

export class Cgroups {
	readonly #log: Logger;
	readonly #clock: Pick<Clock, 'now' | 'sleep'>;
	readonly #random: Pick<Random, 'uuid'>;
	readonly #directories: Directories;
	readonly #identify: (pid: number) => Identity | undefined;
	/**
	 * All that takes the kernel's lock on control groups, which it keeps for 6 to 20 ms when a lone process is moved: one after the other,
	 * in the thread pool, of which it takes one thread.
	 */
	#turn: Promise<unknown> = Promise.resolve();
	readonly #calmMs: number;
	readonly #closing = new AbortController();
	/** Shims that have come so far. */
	#held = 0;
	#calming: Promise<void> | undefined;
	readonly #notRemoved = new Map<string, Cgroup>();
	/** Those into which a process may have come that was not meant. */
	readonly #spoilt = new Set<string>();
	/** Where ours are made; undefined where none can be. */
	readonly directory: string | undefined;

	constructor(options: CgroupsOptions = {}) {
		this.#log = options.log ?? silentLogger;
		this.#clock = options.clock ?? systemClock;
		this.#random = options.random ?? systemRandom;
		this.#directories = options.directories ?? systemDirectories;
		this.#identify = options.identify ?? livingStat;
		this.#calmMs = options.calmMs ?? 0;
		this.directory = findCgroupPlace({ root: options.root ?? '/', directories: this.#directories, log: this.#log });
		if (this.directory !== undefined) void this.#removeLeftovers(this.directory);
	}

	/** One for a shim that was born just now, and for its child as soon as that is known; undefined where none can be made. */
	hold(shim: Identity, child: () => number | undefined = () => undefined): ShimCgroup | undefined {
		const { directory } = this;
		if (directory === undefined) return undefined;
		return new ShimCgroup(this, async (held) => {
			// one that has ended before its turn needs none: quick restarts must not leave a queue behind
			await this.#calm();
			const isOver = () => held.isReleased || this.#closing.signal.aborted;
			const cgroup = await this.#inTurn(async () => (isOver() ? undefined : this.#make(directory)));
			held.cgroup = cgroup;
			if (held.isReleased && cgroup) this.remove(cgroup);
			else if (cgroup) held.hasEntered = await this.gather(cgroup, shim, child());
		});
	}

	/**
	 * Nobody on the machine forks while the kernel moves a lone process. So shims are moved when it is calm, not between two restarts of
	 * who crashes at once, and one that lives shortly needs no cgroup at all.
	 */
	async #calm(): Promise<void> {
		if (this.#calmMs === 0) return;
		this.#held++;
		this.#calming ??= this.#waitForCalm().finally(() => {
			this.#calming = undefined;
		});
		await this.#calming;
	}

	async #waitForCalm(): Promise<void> {
		try {
			for (let calms = 0, before = -1; calms < mostCalms && before !== this.#held; calms++) {
				before = this.#held;
				await this.#clock.sleep(this.#calmMs, this.#closing.signal);
			}
		} catch {
			// orchd ends: what it has launched goes on without
		}
	}

	/** Moves a process in; false where it did not come to it. */
	enter(cgroup: Cgroup, process: Identity): Promise<boolean> {
		return this.#inTurn(() => this.#move(cgroup, process));
	}

	/**
	 * Moves in a process and what it has forked, where it may have done so before it was moved. False where it did not come to that for the
	 * process, for a child of it that is known, or for anybody who was found.
	 */
	async gather(cgroup: Cgroup, root: Identity, child?: number): Promise<boolean> {
		const seen = new Set<number>();
		const waiting = [root];
		let areIn = true;
		const found = (pids: readonly number[]) => {
			try {
				waiting.push(...pids.flatMap((pid) => this.#identify(pid) ?? []));
			} catch (error) {
				areIn = false;
				this.#log.debug('who is to be moved into a control group could not be looked at', { path: cgroup.path, error });
			}
		};
		for (let next = waiting.shift(); next && seen.size < mostGathered; next = waiting.shift()) {
			if (seen.has(next.pid)) continue;
			seen.add(next.pid);
			if (!(await this.enter(cgroup, next))) {
				areIn = false;
				continue;
			}
			// in this order: what it forks from now on is in it from its beginning
			found(childrenOf(next.pid));
			if (next === root && child !== undefined) found([child]);
		}
		return areIn;
	}

	/** Whoever is in it or below it. Nobody where it is not what was recorded, or where orchd itself is among them. */
	pids(cgroup: Cgroup): readonly number[] {
		return this.#within(cgroup, (directory) => this.#membersIn(directory)) ?? [];
	}

	/**
	 * Ends everybody in it, at once. Not where its name or its inode is another, where orchd is in it, where somebody is whom we cannot
	 * see, or who started before the process for which it was made.
	 */
	kill(cgroup: Cgroup, root: Identity): boolean {
		const isMember = (pid: number): boolean => {
			const stat = this.#identify(pid);
			// one that is gone meanwhile is nobody's concern
			return pid > 1 && (stat === undefined || stat.startTicks >= root.startTicks);
		};
		try {
			const killed = this.#within(cgroup, (directory) => {
				const pids = this.#membersIn(directory) ?? [];
				if (pids.length === 0 || !pids.every(isMember)) return false;
				// never made where it is not there
				writeFileSync(`${directory}/cgroup.kill`, '1', { flag: 'r+' });
				return true;
			});
			return killed === true;
		} catch (error) {
			this.#log.debug('a control group could not be killed', { path: cgroup.path, error });
			return false;
		}
	}

	/** Takes it away, as soon as it is empty; its owner is done with it. */
	remove(cgroup: Cgroup): void {
		this.#notRemoved.delete(cgroup.path);
		this.#inTurn(() => this.#remove(cgroup)).catch((error: NodeJS.ErrnoException) => {
			if (error.code === 'ENOENT') return;
			this.#log.debug('a control group could not be removed yet', { path: cgroup.path, error });
			this.#notRemoved.set(cgroup.path, cgroup);
		});
	}

	/** Nobody else gets one. Resolves when everything is done that was begun until now, and what follows from it. */
	async rest(): Promise<void> {
		this.#closing.abort();
		for (let turn: Promise<unknown> | undefined; turn !== this.#turn; ) {
			turn = this.#turn;
			await turn;
			await nextTurn();
		}
	}

	#inTurn<Result>(act: () => Promise<Result>): Promise<Result> {
		const result = this.#turn.then(act);
		this.#turn = result.catch(() => {});
		return result;
	}

	async #make(directory: string): Promise<Cgroup | undefined> {
		for (const cgroup of [...this.#notRemoved.values()].slice(0, retried)) this.remove(cgroup);
		const path = join(directory, `orch-${this.#random.uuid()}`);
		try {
			await this.#directories.make(path);
			return { path, inode: (await promises.stat(path)).ino };
		} catch (error) {
			// a limit on their number, or a parent that was taken away; there may be room again
			this.#log.debug('no control group could be made', { path, error });
			return undefined;
		}
	}

	async #remove(cgroup: Cgroup): Promise<void> {
		const below = this.#within(cgroup, (directory) => directoriesBelow(directory).map((path) => path.slice(directory.length)));
		if (!below) return;
		// what its program made in it, the innermost first; only what is empty can be removed at all
		for (const path of below.reverse()) await this.#directories.remove(cgroup.path + path);
		await this.#directories.remove(cgroup.path);
		this.#spoilt.delete(cgroup.path);
	}

	/** A pid may be a stranger's by the time it is written: then this one counts for nothing any more. */
	async #move(cgroup: Cgroup, { pid, startTicks }: Identity): Promise<boolean> {
		const isStill = () => startTicks !== 0 && this.#identify(pid)?.startTicks === startTicks;
		try {
			const file = await promises.open(`${cgroup.path}/cgroup.procs`, 'r+');
			try {
				if (!isStill()) return false;
				await file.write(`${pid}`);
				if (!isStill() && this.#identify(pid)) this.#spoilt.add(cgroup.path);
			} finally {
				await file.close();
			}
		} catch (error) {
			this.#log.debug('a process was not moved into its control group', { path: cgroup.path, processPid: pid, error });
			return false;
		}
		return true;
	}

	/** By its descriptor, so that it stays the same whatever happens to its path. */
	#within<Result>(cgroup: Cgroup, use: (directory: string) => Result): Result | undefined {
		return looked(() => this.#usedWithin(cgroup, use));
	}

	#usedWithin<Result>({ path, inode }: Cgroup, use: (directory: string) => Result): Result | undefined {
		if (!isCgroupName(basename(path)) || this.#spoilt.has(path)) return undefined;
		let descriptor: number;
		try {
			descriptor = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
		} catch (error) {
			return nothing(error);
		}
		try {
			return fstatSync(descriptor).ino === inode ? use(`/proc/self/fd/${descriptor}`) : undefined;
		} finally {
			closeSync(descriptor);
		}
	}

	/** Undefined where not all can be told, and where orchd is one of them: then it is its own, or one above it. */
	#membersIn(directory: string): readonly number[] | undefined {
		try {
			// as utf8, which Node reads by one call
			if (/^populated 0$/m.test(readFileSync(`${directory}/cgroup.events`, 'utf8'))) return [];
			const pids = [directory, ...directoriesBelow(directory)].flatMap((one) =>
				readFileSync(`${one}/cgroup.procs`, 'utf8').split('\n').filter(Boolean).map(Number),
			);
			return pids.includes(process.pid) ? undefined : pids;
		} catch (error) {
			return nothing(error);
		}
	}

	/** Of daemons that are gone. Only what is empty can be removed. */
	async #removeLeftovers(directory: string): Promise<void> {
		try {
			for (const name of (await promises.readdir(directory)).filter(isCgroupName)) {
				const path = join(directory, name);
				const { ctimeMs } = await promises.stat(path);
				if (this.#clock.now() - ctimeMs > freshMs) await this.#inTurn(() => this.#directories.remove(path)).catch(() => {});
			}
		} catch (error) {
			this.#log.debug('control groups that were left over could not be looked for', { directory, error });
		}
	}
}

/** Each before those below it. */
function directoriesBelow(directory: string): string[] {
	return readdirSync(directory, { withFileTypes: true })
		.filter((entry) => entry.isDirectory())
		.flatMap(({ name }) => [`${directory}/${name}`, ...directoriesBelow(`${directory}/${name}`)]);
}

function childrenOf(pid: number): number[] {
	try {
		return readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
			readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
		);
	} catch {
		// it is gone, or we have no descriptor left to look: the looks at all processes find who is missing
		return [];
	}
}

function livingStat(pid: number): Identity | undefined {
	const stat = readStat(pid);
	return stat && !isDead(stat) ? stat : undefined;
}
