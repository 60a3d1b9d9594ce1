/** Who has killed a process that nobody here has: as far as the kernel tells, which rarely says it of a single one. */
import { closeSync, constants, openSync, readFileSync, readSync } from 'node:fs';
import type { Clock } from '@orch/base';

/** How many processes the kernel has killed for lack of memory; undefined where it does not tell. */
export interface OomCounts {
	/** In the control group of this daemon, and so of what it launches. */
	readonly group: number | undefined;
	/** On the whole machine. */
	readonly machine: number | undefined;
}

export interface OomSources {
	readonly readText: (path: string) => string | undefined;
	/** Lines of the kernel's log; undefined where they may not be read. */
	readonly readKernelLog: () => readonly string[] | undefined;
}

export interface OomWitness {
	/** To be kept from the beginning of a process. Those that begin within the same second share what is read once. */
	sample(): Promise<OomCounts>;
	/** Of a process that was ended by a SIGKILL of somebody else; `before` as sampled at its beginning, where it was. */
	explainKill(pid: number, before: OomCounts | undefined): string;
}

const byKernel = 'killed by the kernel: out of memory';
/** As long as this, what was read stands for what is. */
const freshMs = 1_000;
const nobodyKnows = 'killed by someone else, possibly by the kernel for lack of memory';

export function createOomWitness(clock: Pick<Clock, 'monotonicMs'>, sources: OomSources = systemSources): OomWitness {
	const groupFile = groupPath(sources);
	const count = (): OomCounts => ({
		group: groupFile === undefined ? undefined : countIn(sources.readText(groupFile)),
		machine: countIn(sources.readText('/proc/vmstat')),
	});
	let last: { readonly at: number; readonly counts: OomCounts } | undefined;
	return {
		async sample() {
			const at = clock.monotonicMs();
			if (!last || at - last.at > freshMs) last = { at, counts: count() };
			return last.counts;
		},

		explainKill(pid, before) {
			const now = count();
			// who begins in its place has this one's end behind it
			last = { at: clock.monotonicMs(), counts: now };
			// nobody at all was killed for that reason meanwhile: the long log need not be read, and the restart may go on
			if (before?.machine !== undefined && now.machine === before.machine) return 'killed by someone else';
			const log = sources.readKernelLog();
			// a container's pids are others to the kernel: who is not in its log may be in it all the same, and counts say less
			if (log) return log.some((line) => killedPid(line) === pid) ? byKernel : nobodyKnows;
			if (before?.group !== undefined && now.group !== undefined && now.group > before.group) return byKernel;
			if (before?.machine === undefined || now.machine === undefined) return nobodyKnows;
			return 'killed, very likely by the kernel for lack of memory';
		},
	};
}

/** `memory.events` and `/proc/vmstat` have it on a line of its own. */
function countIn(text: string | undefined): number | undefined {
	const digits = text === undefined ? undefined : /^oom_kill (\d+)$/m.exec(text)?.[1];
	return digits === undefined ? undefined : Number(digits);
}

/** "Memory cgroup out of memory: Killed process 1234 (node) total-vm:…". */
function killedPid(line: string): number | undefined {
	const digits = /[Oo]ut of memory: Killed process (\d+) /.exec(line)?.[1];
	return digits === undefined ? undefined : Number(digits);
}

/** Undefined where the group has no such file, as many have: it is not to be asked for after every kill. */
function groupPath({ readText }: OomSources): string | undefined {
	const group = /^0::(\/.*)$/m.exec(readText('/proc/self/cgroup') ?? '')?.[1];
	if (group === undefined) return undefined;
	const path = `/sys/fs/cgroup${group === '/' ? '' : group}/memory.events`;
	return readText(path) === undefined ? undefined : path;
}

/** Of the kernel's log, which holds some thousand records. */
const mostRecords = 20_000;
const longestRecord = 8_192;

const systemSources: OomSources = {
	readText(path) {
		try {
			return readFileSync(path, 'utf8');
		} catch {
			return undefined;
		}
	},
	readKernelLog() {
		let file: number;
		try {
			file = openSync('/dev/kmsg', constants.O_RDONLY | constants.O_NONBLOCK);
		} catch {
			return undefined;
		}
		try {
			const lines: string[] = [];
			const buffer = Buffer.allocUnsafe(longestRecord);
			for (let record = 0; record < mostRecords; record++) {
				try {
					const length = readSync(file, buffer);
					if (length === 0) break;
					const line = buffer.toString('utf8', 0, length);
					if (line.includes('Killed process')) lines.push(line);
				} catch (error) {
					// overwritten while it was read; anything else is the end
					if ((error as NodeJS.ErrnoException).code !== 'EPIPE') break;
				}
			}
			return lines;
		} finally {
			closeSync(file);
		}
	},
};
