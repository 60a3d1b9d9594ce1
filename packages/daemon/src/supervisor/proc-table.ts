/** The processes of this machine by /proc: finds the members of sets, many sets in one look, and signals nobody else. */
import { type Clock, type Logger, nextTurn, silentLogger, systemClock } from '@orch/base';
import type { Cgroups } from './cgroups.ts';
import { createPortableTable } from './portable-table.ts';
import type { Identity } from './ports.ts';
import { isDead, listPids, type ProcessStat, readCommand, readStat } from './proc-scan.ts';
import { evidenceOfNow, findMembers, type Member, type ProcessSet } from './process-set.ts';
import type { ProcessTable } from './process-table.ts';
import type { Escaped } from './snapshot.ts';

/** By /proc where there is one, else as far as process groups and `ps` go. */
export function createProcessTable(log: Logger = silentLogger, clock: Clock = systemClock, cgroups?: Cgroups): ProcessTable {
	return readStat(process.pid) ? new ProcTable(log, clock, cgroups) : createPortableTable();
}

/** So many stat files are read before other work gets its turn. */
const readsPerTurn = 512;
/** A look during which processes ended may have missed what they forked; what seems empty is looked at again. */
const mostLooks = 3;
/** Between two looks; less than the short one is not worth a timer. */
const longestRestMs = 50;
const shortRestMs = 2;

class ProcTable implements ProcessTable {
	readonly #log: Logger;
	readonly #clock: Clock;
	readonly #cgroups: Cgroups | undefined;
	readonly #registered = new Set<ProcessSet>();
	readonly #ignored = new Set<number>();
	#asked = new Map<ProcessSet, PromiseWithResolvers<readonly Member[]>>();
	#isLooking = false;
	/** When the last look began, and when it was over. */
	#lastLook = { from: 0, to: 0 };

	constructor(log: Logger, clock: Clock, cgroups: Cgroups | undefined) {
		this.#log = log;
		this.#clock = clock;
		this.#cgroups = cgroups;
	}

	identify(pid: number): Identity | undefined {
		const stat = readStat(pid);
		return stat && !isDead(stat) ? { pid, startTicks: stat.startTicks } : undefined;
	}

	register(set: ProcessSet): void {
		this.#registered.add(set);
	}

	unregister(set: ProcessSet): void {
		this.#registered.delete(set);
	}

	ignore(pid: number): () => void {
		this.#ignored.add(pid);
		return () => this.#ignored.delete(pid);
	}

	members(set: ProcessSet): Promise<readonly Member[]> {
		let answer = this.#asked.get(set);
		if (!answer) {
			answer = withResolvers();
			this.#asked.set(set, answer);
			this.#lookSoon();
		}
		return answer.promise;
	}

	/** Looking takes half of the time at most, however many ask one after the other: where there is much to see, one look answers more. */
	#lookSoon(): void {
		if (this.#isLooking) return;
		this.#isLooking = true;
		const { from, to } = this.#lastLook;
		const restMs = to + Math.min(to - from, longestRestMs) - this.#clock.monotonicMs();
		if (restMs > shortRestMs) this.#clock.setTimer(restMs, () => void this.#answer());
		else setImmediate(() => void this.#answer());
	}

	/** A look answers only who asked before it began. */
	async #answer(): Promise<void> {
		const asked = this.#asked;
		this.#asked = new Map();
		const from = this.#clock.monotonicMs();
		try {
			const found = await this.#look([...asked.keys()]);
			for (const [set, answer] of asked) answer.resolve(found.get(set) ?? []);
		} catch (error) {
			for (const answer of asked.values()) answer.reject(error);
		} finally {
			this.#lastLook = { from, to: this.#clock.monotonicMs() };
			this.#isLooking = false;
			if (this.#asked.size > 0) this.#lookSoon();
		}
	}

	async #look(asked: readonly ProcessSet[]): Promise<Map<ProcessSet, readonly Member[]>> {
		const directories = new Set(asked.map(({ outputDirectory }) => outputDirectory));
		for (let look = 1; ; look++) {
			const { stats, missed } = await readAllStats();
			// only now: whoever was launched while we read is among the processes, and must not be taken for another's
			const related = [...this.#registered].filter(({ outputDirectory }) => directories.has(outputDirectory));
			const sets = new Set([...asked, ...related]);
			const bystanders = [...this.#registered].filter((set) => !sets.has(set));
			const inCgroups = this.#lookIntoCgroups(sets, stats);
			const evidence = evidenceOfNow(this.#ignored, (set) => inCgroups.get(set) ?? []);
			const found = findMembers([...sets], stats, process.pid, evidence, bystanders);
			const mayHide = missed && asked.some((set) => found.get(set)?.length === 0);
			if (!mayHide || look === mostLooks) return found;
		}
	}

	/** Who is in them; those that were forked since `stats` were read are added there. */
	#lookIntoCgroups(sets: ReadonlySet<ProcessSet>, stats: ProcessStat[]): Map<ProcessSet, readonly number[]> {
		const found = new Map<ProcessSet, readonly number[]>();
		for (const set of sets) {
			const pids = set.cgroup?.cgroup ? (this.#cgroups?.pids(set.cgroup.cgroup) ?? []) : [];
			if (pids.length > 0) found.set(set, pids);
		}
		if (found.size === 0) return found;
		const seen = new Set(stats.map(({ pid }) => pid));
		for (const pid of [...found.values()].flat()) {
			const stat = seen.has(pid) ? undefined : readStat(pid);
			if (stat) stats.push(stat);
		}
		return found;
	}

	hasGroup(set: ProcessSet): boolean {
		const { root, holdsGroup, groupIsEmpty } = set;
		if (!root || !holdsGroup || groupIsEmpty) return false;
		set.groupIsEmpty = send(-root.pid, 0) === 'ESRCH';
		return !set.groupIsEmpty;
	}

	signalGroup({ root }: ProcessSet, signal: NodeJS.Signals): boolean {
		// a dead root that nobody has waited for still keeps its pid from being given away
		if (!root || !isSafe(root.pid) || !this.#find(root)) return false;
		return send(-root.pid, signal) === undefined;
	}

	signal(target: Identity, signal: NodeJS.Signals): boolean {
		if (!isSafe(target.pid)) return false;
		const stat = this.#find(target);
		if (!stat || isDead(stat)) return false;
		return send(target.pid, signal) === undefined;
	}

	/** Who cannot be identified is not signalled. */
	#find({ pid, startTicks }: Identity): ProcessStat | undefined {
		try {
			const stat = readStat(pid);
			return stat?.startTicks === startTicks ? stat : undefined;
		} catch (error) {
			this.#log.error('process could not be identified', { processPid: pid, error });
			return undefined;
		}
	}

	kill(members: readonly Member[]): void {
		const groups = new Map<number, Member[]>();
		for (const member of members) {
			const group = groups.get(member.group);
			if (group) group.push(member);
			else groups.set(member.group, [member]);
		}
		for (const [group, inIt] of groups) {
			// a leader that is a member makes the group the set's own; in another's group only the members are meant
			const leader = inIt.find(({ pid }) => pid === group);
			if (leader && isSafe(group) && this.#find(leader)) send(-group, 'SIGKILL');
			else for (const member of inIt) this.signal(member, 'SIGKILL');
		}
	}

	killCgroup({ cgroup, root }: ProcessSet): void {
		if (cgroup?.cgroup && root) this.#cgroups?.kill(cgroup.cgroup, root);
	}

	removeCgroup({ cgroup }: ProcessSet): void {
		if (cgroup?.cgroup) this.#cgroups?.remove(cgroup.cgroup);
	}

	describe({ pid, name }: Member): Escaped {
		return { pid, command: readCommand({ pid, name }) };
	}
}

interface PromiseWithResolvers<T> {
	readonly promise: Promise<T>;
	readonly resolve: (value: T) => void;
	readonly reject: (reason: unknown) => void;
}

function withResolvers<T>(): PromiseWithResolvers<T> {
	let resolve: (value: T) => void = () => {};
	let reject: (reason: unknown) => void = () => {};
	const promise = new Promise<T>((yes, no) => {
		resolve = yes;
		reject = no;
	});
	return { promise, resolve, reject };
}

/** Never all processes, never the first one, never ourselves. */
const isSafe = (pid: number): boolean => Number.isInteger(pid) && pid > 1 && pid !== process.pid;

/** The system's refusal, if any. */
function send(target: number, signal: NodeJS.Signals | 0): string | undefined {
	try {
		process.kill(target, signal);
		return undefined;
	} catch (error) {
		return (error as NodeJS.ErrnoException).code ?? 'unknown';
	}
}

/** `missed` when some ended while we looked. */
async function readAllStats(): Promise<{ readonly stats: ProcessStat[]; readonly missed: boolean }> {
	const pids = listPids();
	const stats: ProcessStat[] = [];
	for (const [index, pid] of pids.entries()) {
		const stat = readStat(pid);
		if (stat) stats.push(stat);
		if (index % readsPerTurn === readsPerTurn - 1) await nextTurn();
	}
	return { stats, missed: stats.length < pids.length };
}
