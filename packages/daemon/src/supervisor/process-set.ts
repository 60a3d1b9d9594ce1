/** Everything that belongs to one process of a runtime: what it forked, wherever that went. */
import type { HeldCgroup } from './cgroup.ts';
import type { Identity } from './ports.ts';
import { filesWritten, isDead, isStopped, type ProcessStat, readVariable } from './proc-scan.ts';

/** The variable by which whatever a process forks is known: it holds the process id, a UUID. */
export const cookieName = 'ORCH_PROCESS';

export interface ProcessSet {
	readonly processId: string;
	/** The shim: leader of group and session. Undefined where only the cookie is known. */
	readonly root: Identity | undefined;
	/** Where the output files of the runtime are, with a closing slash; undefined where that is not known. */
	readonly outputDirectory: string | undefined;
	/** That of the shim; undefined where it has none. */
	readonly cgroup: HeldCgroup | undefined;
	/** Members found so far, by pid: they stay members whatever they do to be forgotten. */
	readonly known: Map<number, Identity>;
	/**
	 * Whether the pid of the root still stands for our group and session. Once they were seen empty the system may give
	 * the number to others.
	 */
	holdsGroup: boolean;
	/** Whether the group was seen empty. That is for good: the number can only come back as somebody else's. */
	groupIsEmpty: boolean;
	/** Whether the root has ended; it counts as a member until then. */
	exited: boolean;
	/** Whether SIGKILL was sent to any member. */
	killed: boolean;
}

export function createProcessSet(
	from: Pick<ProcessSet, 'processId' | 'root' | 'outputDirectory'> & Partial<Pick<ProcessSet, 'cgroup'>>,
): ProcessSet {
	const { processId, root, outputDirectory, cgroup } = from;
	const holdsGroup = root !== undefined;
	return {
		processId,
		root,
		outputDirectory,
		cgroup,
		known: new Map(),
		holdsGroup,
		groupIsEmpty: false,
		exited: false,
		killed: false,
	};
}

export interface Member extends Identity {
	readonly group: number;
	readonly stopped: boolean;
	readonly name: string;
}

/** How members are told apart from strangers, cheapest first; what is not in `stats` is asked of the system. */
export interface Evidence {
	/** Who is in the control group of a set. */
	readonly inCgroupOf?: ((set: ProcessSet) => readonly number[]) | undefined;
	/** The value of the cookie. */
	readonly cookieOf: (pid: number) => string | undefined;
	/** Files below a directory that are open for writing. */
	readonly filesWrittenBy: (pid: number, directory: string) => readonly string[];
}

export const systemEvidence: Evidence = {
	cookieOf: (pid) => readVariable(pid, cookieName),
	filesWrittenBy: filesWritten,
};

/** For one look: what a process has open is read once, however many sets are asked about. */
export function evidenceOfNow(ignored: ReadonlySet<number>, inCgroupOf?: Evidence['inCgroupOf']): Evidence {
	const written = new Map<number, readonly string[]>();
	return {
		inCgroupOf,
		cookieOf: (pid) => (ignored.has(pid) ? undefined : systemEvidence.cookieOf(pid)),
		filesWrittenBy(pid, directory) {
			if (ignored.has(pid)) return [];
			let files = written.get(pid);
			if (!files) {
				files = systemEvidence.filesWrittenBy(pid, '/');
				written.set(pid, files);
			}
			return files.filter((file) => file.startsWith(directory));
		},
	};
}

/**
 * The living members of each set, among all processes that there are. `self` is never a member, nor is pid 1. Every set of a
 * runtime must be among `sets`: who writes to its output belongs to one of them. `bystanders` are sets that are not asked
 * about: what is theirs by cheap evidence need not be looked into, which is what costs.
 *
 * Of the processes that started after a set did, these are members: those of its group or session; those known from an earlier
 * look; those in its control group; those with its cookie; those that hold its output open for writing; and the children of all these.
 */
export function findMembers(
	sets: readonly ProcessSet[],
	stats: readonly ProcessStat[],
	self: number,
	evidence: Evidence = systemEvidence,
	bystanders: readonly ProcessSet[] = [],
): Map<ProcessSet, Member[]> {
	const found = new Map<ProcessSet, Member[]>(sets.map((set) => [set, []]));
	const oldest = Math.min(...sets.map(startOf));
	const living = stats.filter((stat) => stat.pid > 1 && stat.pid !== self && !isDead(stat));
	const byPid = new Map(living.map((stat) => [stat.pid, stat]));
	const all = [...sets, ...bystanders];
	letGoOfGroups(all, stats);

	const owners = new Map<number, ProcessSet>();
	const claim = (stat: ProcessStat, set: ProcessSet) => {
		owners.set(stat.pid, set);
		set.known.set(stat.pid, { pid: stat.pid, startTicks: stat.startTicks });
		found.get(set)?.push({
			pid: stat.pid,
			startTicks: stat.startTicks,
			group: stat.group,
			stopped: isStopped(stat),
			name: stat.name,
		});
	};
	const byLeader = new Map<number, ProcessSet>();
	const byCookie = new Map<string, ProcessSet>();
	const byOutput = new Map<string, ProcessSet[]>();
	for (const set of sets) {
		byCookie.set(set.processId, set);
		const { outputDirectory } = set;
		if (outputDirectory !== undefined) byOutput.set(outputDirectory, [...(byOutput.get(outputDirectory) ?? []), set]);
	}
	for (const set of all) {
		if (set.root && set.holdsGroup) byLeader.set(set.root.pid, set);
		for (const identity of set.known.values()) {
			const stat = byPid.get(identity.pid);
			if (stat && stat.startTicks === identity.startTicks && !owners.has(stat.pid)) claim(stat, set);
			else if (!stat) set.known.delete(identity.pid);
		}
	}
	const isCandidate = (stat: ProcessStat) => stat.startTicks >= oldest && !owners.has(stat.pid);
	for (const stat of living) {
		const set = byLeader.get(stat.group) ?? byLeader.get(stat.session);
		if (set && !owners.has(stat.pid) && stat.startTicks >= startOf(set)) claim(stat, set);
	}
	for (const set of sets) {
		for (const pid of evidence.inCgroupOf?.(set) ?? []) {
			const stat = byPid.get(pid);
			if (stat && !owners.has(pid) && stat.startTicks >= startOf(set)) claim(stat, set);
		}
	}
	claimChildren(living, owners, claim);
	for (const stat of living) {
		// threads of the kernel have neither environment nor files
		if (!isCandidate(stat) || stat.pid === 2 || stat.parent === 2) continue;
		const set = byCookie.get(evidence.cookieOf(stat.pid) ?? '');
		if (set) claim(stat, set);
	}
	claimChildren(living, owners, claim);
	for (const stat of living) {
		if (!isCandidate(stat) || stat.pid === 2 || stat.parent === 2) continue;
		for (const [directory, candidates] of byOutput) {
			const set = youngestBefore(stat, candidates);
			if (set && evidence.filesWrittenBy(stat.pid, directory).length > 0) {
				claim(stat, set);
				break;
			}
		}
	}
	claimChildren(living, owners, claim);
	return found;
}

/** Where nothing is known of a start, everything may have started after it. */
const startOf = ({ root }: ProcessSet): number => root?.startTicks ?? 0;

function claimChildren(
	living: readonly ProcessStat[],
	owners: ReadonlyMap<number, ProcessSet>,
	claim: (stat: ProcessStat, set: ProcessSet) => void,
): void {
	for (let before = -1; before !== owners.size; ) {
		before = owners.size;
		for (const stat of living) {
			const set = owners.has(stat.pid) ? undefined : owners.get(stat.parent);
			if (set && stat.startTicks >= startOf(set)) claim(stat, set);
		}
	}
}

/** Who writes to the output belongs to the last process that started before it did. */
function youngestBefore(stat: ProcessStat, sets: readonly ProcessSet[]): ProcessSet | undefined {
	let youngest: ProcessSet | undefined;
	for (const set of sets) {
		if (startOf(set) <= stat.startTicks && (!youngest || startOf(set) >= startOf(youngest))) youngest = set;
	}
	return youngest;
}

/**
 * A root whose pid is another process now, or of whose group and session nothing is left, not even the dead: the number is
 * free to stand for someone else's.
 */
function letGoOfGroups(sets: readonly ProcessSet[], stats: readonly ProcessStat[]): void {
	const startOfPid = new Map(stats.map(({ pid, startTicks }) => [pid, startTicks]));
	const leaders = new Set(stats.flatMap(({ group, session }) => [group, session]));
	for (const set of sets) {
		const { root } = set;
		if (!root || !set.holdsGroup) continue;
		const start = startOfPid.get(root.pid);
		set.holdsGroup = start === undefined ? leaders.has(root.pid) : start === root.startTicks;
	}
}
