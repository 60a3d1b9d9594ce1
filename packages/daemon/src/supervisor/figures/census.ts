/**
 * Who belongs to which set of processes, kept from look to look, and what they use: one listing of /proc for all, and of it only
 * what is new or asked about is read.
 */
import { isDead, type UsageStat } from '../proc-scan.ts';
import type { ProcessSet } from '../process-set.ts';

/** Where processes are to be seen. */
export interface CensusSource {
	readonly pids: () => readonly number[];
	readonly usage: (pid: number) => UsageStat | undefined;
	/** The value of the cookie; undefined where there is none or we may not look. */
	readonly cookie: (pid: number) => string | undefined;
	readonly pageBytes: number;
	/** Ourselves: a member of nothing. */
	readonly self: number;
	/** Lets other work have its turn. */
	readonly breathe: () => Promise<void>;
}

export interface Sum {
	/** Processor time of all members and of those that ended since the set was summed before, in clock ticks. */
	readonly ticks: number;
	readonly memoryBytes: number;
	readonly processes: number;
}

interface Entry {
	stat: UsageStat;
	owner: ProcessSet | undefined;
	/** Looked up once, where nothing cheaper tells an owner: what costs is not done every second. */
	cookie: { readonly value: string | undefined } | undefined;
	/** How much of its time has been counted; undefined while nothing has. */
	summed: number | undefined;
}

/** What of a set is gone since it was summed. */
interface Gone {
	readonly pid: number;
	readonly ticks: number;
	readonly parent: number;
}

/** So many files are read before other work gets its turn. */
const readsPerTurn = 128;

/** After so many looks everybody is read anew: a pid may have become another process between two looks, unseen. */
const looksUntilAll = 60;

export class Census {
	readonly #source: CensusSource;
	readonly #entries = new Map<number, Entry>();
	readonly #gone = new Map<ProcessSet, Gone[]>();
	#sets = new Set<ProcessSet>();
	#looks = 0;
	#newestStart = 0;

	constructor(source: CensusSource) {
		this.#source = source;
	}

	/** Looks who there is; sums up those of `sets` that are in `summed`. Looks are made one after the other. */
	async look(sets: ReadonlySet<ProcessSet>, summed: ReadonlySet<ProcessSet>): Promise<Map<ProcessSet, Sum>> {
		const newest = this.#newestStart;
		const newSets = this.#take(sets);
		const living = new Set(this.#source.pids());
		for (const [pid, entry] of this.#entries) if (!living.has(pid)) this.#leave(pid, entry);
		// who belongs to a set that is new here, though its processes are not, was not read for it before
		const isTakenUp = [...newSets].some(({ root }) => !root || this.#entries.has(root.pid));
		const isThorough = this.#looks++ % looksUntilAll === 0 || isTakenUp;
		const toRead = [...living].filter((pid) => {
			const entry = this.#entries.get(pid);
			if (isThorough || !entry) return pid !== this.#source.self;
			// the shim is ours, and what it uses is not summed
			return entry.owner !== undefined && pid !== entry.owner.root?.pid && summed.has(entry.owner);
		});
		const unowned: Entry[] = [];
		for (const [index, pid] of toRead.entries()) {
			const entry = this.#read(pid);
			if (entry && !entry.owner) unowned.push(entry);
			if (index % readsPerTurn === readsPerTurn - 1) await this.#source.breathe();
		}
		this.#attribute(unowned);
		for (const entry of unowned) {
			const { owner, stat } = entry;
			// one that was there before, and is found out to belong here only now, has used nothing of this set's yet
			if (owner && !newSets.has(owner) && stat.startTicks < newest) entry.summed = stat.cpuTicks;
		}
		return this.#sum(summed);
	}

	/** How many processes are known to belong to each set, without its shim. */
	sizes(): Map<ProcessSet, number> {
		const sizes = new Map<ProcessSet, number>();
		for (const { owner, stat } of this.#entries.values())
			if (owner && stat.pid !== owner.root?.pid) sizes.set(owner, (sizes.get(owner) ?? 0) + 1);
		return sizes;
	}

	/** Gives those that were not there before. */
	#take(sets: ReadonlySet<ProcessSet>): ReadonlySet<ProcessSet> {
		const before = this.#sets;
		this.#sets = new Set(sets);
		for (const set of before) if (!sets.has(set)) this.#gone.delete(set);
		for (const entry of this.#entries.values()) {
			if (!entry.owner || sets.has(entry.owner)) continue;
			entry.owner = undefined;
			entry.summed = undefined;
		}
		return new Set([...sets].filter((set) => !before.has(set)));
	}

	#leave(pid: number, { stat, owner, summed }: Entry): void {
		this.#entries.delete(pid);
		if (!owner) return;
		owner.known.delete(pid);
		if (summed === undefined) return;
		const gone = this.#gone.get(owner);
		const one = { pid, ticks: summed, parent: stat.parent };
		if (gone) gone.push(one);
		else this.#gone.set(owner, [one]);
	}

	#read(pid: number): Entry | undefined {
		const stat = this.#source.usage(pid);
		const known = this.#entries.get(pid);
		if (known && stat?.startTicks !== known.stat.startTicks) this.#leave(pid, known);
		if (!stat) return undefined;
		this.#newestStart = Math.max(this.#newestStart, stat.startTicks);
		if (known && known.stat.startTicks === stat.startTicks) {
			known.stat = stat;
			return known;
		}
		const entry: Entry = { stat, owner: undefined, cookie: undefined, summed: undefined };
		this.#entries.set(pid, entry);
		return entry;
	}

	/** By group and session, by what earlier looks of others found, by parent, and by the cookie where nothing else tells. */
	#attribute(entries: readonly Entry[]): void {
		if (this.#sets.size === 0) return;
		const byLeader = new Map<number, ProcessSet>();
		const byCookie = new Map<string, ProcessSet>();
		const byKnown = new Map<number, ProcessSet>();
		for (const set of this.#sets) {
			if (set.root && set.holdsGroup) byLeader.set(set.root.pid, set);
			byCookie.set(set.processId, set);
			for (const pid of set.known.keys()) byKnown.set(pid, set);
		}
		const rest: Entry[] = [];
		for (const entry of entries) {
			const { stat } = entry;
			const known = byKnown.get(stat.pid);
			const isKnown = known?.known.get(stat.pid)?.startTicks === stat.startTicks;
			const set = isKnown ? known : (byLeader.get(stat.group) ?? byLeader.get(stat.session));
			if (!set || !claim(entry, set)) rest.push(entry);
		}
		const orphans = this.#claimChildren(rest).filter((entry) => {
			const ofParent = this.#entries.get(entry.stat.parent)?.owner;
			if (ofParent && claim(entry, ofParent)) return false;
			if (isOfKernel(entry.stat) || !this.#mayHaveEscaped(entry.stat)) return true;
			entry.cookie ??= { value: this.#source.cookie(entry.stat.pid) };
			const set = byCookie.get(entry.cookie.value ?? '');
			return !set || !claim(entry, set);
		});
		this.#claimChildren(orphans);
	}

	/**
	 * Whoever leaves a runtime for good becomes a child of the first process, or of one that stands in for it and is its child. A
	 * stranger's child among strangers has not, and need not be asked.
	 */
	#mayHaveEscaped({ parent }: UsageStat): boolean {
		const above = parent <= 1 ? undefined : this.#entries.get(parent);
		return above === undefined || above.stat.parent <= 1;
	}

	/** Gives those whose parents belong to nothing either. */
	#claimChildren(entries: readonly Entry[]): readonly Entry[] {
		for (let rest = entries; ; ) {
			const left = rest.filter((entry) => {
				const set = this.#entries.get(entry.stat.parent)?.owner;
				return !set || !claim(entry, set);
			});
			if (left.length === rest.length) return left;
			rest = left;
		}
	}

	#sum(summed: ReadonlySet<ProcessSet>): Map<ProcessSet, Sum> {
		const sums = new Map([...summed].map((set) => [set, { ticks: this.#ticksGone(set), memoryBytes: 0, processes: 0 }]));
		for (const entry of this.#entries.values()) {
			const { stat, owner } = entry;
			const sum = owner && sums.get(owner);
			// the shim is ours, not the program's
			if (!sum || stat.pid === owner.root?.pid) continue;
			sum.ticks += stat.cpuTicks - (entry.summed ?? 0);
			entry.summed = stat.cpuTicks;
			if (isDead(stat)) continue;
			sum.memoryBytes += stat.residentPages * this.#source.pageBytes;
			sum.processes++;
		}
		for (const sum of sums.values()) sum.ticks = Math.max(0, sum.ticks);
		return sums;
	}

	/** The time of a process that was waited for is in its parent's from then on: what was counted for it counts no more. */
	#ticksGone(set: ProcessSet): number {
		const gone = new Map((this.#gone.get(set) ?? []).map((one) => [one.pid, one]));
		this.#gone.delete(set);
		const isCountedBy = (parent: number): boolean => {
			if (parent === set.root?.pid) return false;
			if (this.#entries.get(parent)?.owner === set) return true;
			const grandparent = gone.get(parent)?.parent;
			return grandparent !== undefined && grandparent !== parent && isCountedBy(grandparent);
		};
		let ticks = 0;
		for (const one of gone.values()) if (isCountedBy(one.parent)) ticks -= one.ticks;
		return ticks;
	}
}

/** Threads of the kernel have no environment, and belong to nobody. */
const isOfKernel = ({ pid, parent }: UsageStat): boolean => pid <= 2 || parent === 2;

/** What started before a set did is none of it. */
function claim(entry: Entry, set: ProcessSet): boolean {
	const { pid, startTicks } = entry.stat;
	if (pid <= 1 || startTicks < (set.root?.startTicks ?? 0)) return false;
	entry.owner = set;
	set.known.set(pid, { pid, startTicks });
	return true;
}
