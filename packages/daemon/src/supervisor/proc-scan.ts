/**
 * Reads what /proc tells of processes. That one is gone, or another user's, is an answer; that we have no descriptor or memory
 * left to look with is none, and throws: nobody may take it for an absence.
 */
import { lstatSync, readdirSync, readFileSync, readlinkSync, readSync } from 'node:fs';
import type { Identity } from './ports.ts';
import { closeLook, looked, nothing, openLook } from './shortage.ts';

export interface ProcessStat extends Identity {
	readonly parent: number;
	readonly group: number;
	readonly session: number;
	readonly state: string;
	/** The name of what was executed, 15 bytes of it. */
	readonly name: string;
}

/** Dead, but not yet waited for by its parent: nothing runs any more, and a signal reaches nobody. */
export const isDead = ({ state }: ProcessStat): boolean => state === 'Z' || state === 'X' || state === 'x';

/** Stopped by a signal or a tracer: it acts on no other signal but SIGKILL before it is continued. */
export const isStopped = ({ state }: ProcessStat): boolean => state === 'T' || state === 't';

/** A name may hold spaces and parentheses, so all else is counted from the last one. */
export function parseStat(text: string): ProcessStat | undefined {
	const nameAt = text.indexOf('(');
	const nameEnd = text.lastIndexOf(')');
	const fields = text.slice(nameEnd + 2).split(' ', 20);
	const state = fields[0];
	const startTicks = Number(fields[19]);
	if (nameAt === -1 || nameEnd < nameAt || !state || fields[19] === undefined || !Number.isSafeInteger(startTicks))
		return undefined;
	return {
		pid: Number.parseInt(text, 10),
		name: text.slice(nameAt + 1, nameEnd),
		state,
		parent: Number(fields[1]),
		group: Number(fields[2]),
		session: Number(fields[3]),
		startTicks,
	};
}

/** What a process uses, as well. */
export interface UsageStat extends ProcessStat {
	/** Its own processor time and that of the children it has waited for, in clock ticks. */
	readonly cpuTicks: number;
	readonly residentPages: number;
}

export function parseUsage(text: string): UsageStat | undefined {
	const stat = parseStat(text);
	const fields = text.slice(text.lastIndexOf(')') + 2).split(' ', 22);
	const [own, ownInKernel, children, childrenInKernel] = fields.slice(11, 15).map(Number);
	const residentPages = Number(fields[21]);
	const cpuTicks = (own ?? 0) + (ownInKernel ?? 0) + (children ?? 0) + (childrenInKernel ?? 0);
	if (!stat || !Number.isSafeInteger(cpuTicks) || !Number.isSafeInteger(residentPages)) return undefined;
	return { ...stat, cpuTicks, residentPages };
}

/** One buffer for all: reads are synchronous, and a stat line is far shorter. */
const statBytes = Buffer.allocUnsafe(4096);

export const readStat = (pid: number): ProcessStat | undefined => readStatLine(pid, parseStat);
export const readUsage = (pid: number): UsageStat | undefined => readStatLine(pid, parseUsage);

function readStatLine<Stat>(pid: number, parse: (text: string) => Stat | undefined): Stat | undefined {
	let descriptor: number;
	try {
		descriptor = openLook(`/proc/${pid}/stat`);
	} catch (error) {
		return nothing(error);
	}
	try {
		return parse(statBytes.toString('latin1', 0, readSync(descriptor, statBytes)));
	} catch (error) {
		return nothing(error);
	} finally {
		closeLook(descriptor);
	}
}

export function listPids(): number[] {
	const pids: number[] = [];
	for (const name of looked(() => readdirSync('/proc'))) {
		const first = name.charCodeAt(0);
		if (first >= 49 && first <= 57) pids.push(Number(name));
	}
	return pids;
}

/** The environment with which a process was executed; empty where we may not look. */
export function readEnvironment(pid: number): Record<string, string> {
	try {
		const pairs = looked(() => readFileSync(`/proc/${pid}/environ`, 'utf8')).split('\0');
		return Object.fromEntries(
			pairs.flatMap((pair) => {
				const at = pair.indexOf('=');
				return at > 0 ? [[pair.slice(0, at), pair.slice(at + 1)]] : [];
			}),
		);
	} catch (error) {
		return nothing(error) ?? {};
	}
}

/** The value of a variable in the environment with which a process was executed; undefined where we may not look. */
export function readVariable(pid: number, name: string): string | undefined {
	let environment: string;
	try {
		environment = looked(() => readFileSync(`/proc/${pid}/environ`, 'latin1'));
	} catch (error) {
		return nothing(error);
	}
	const at = environment.startsWith(`${name}=`) ? 0 : environment.indexOf(`\0${name}=`) + 1;
	if (at === 0 && !environment.startsWith(`${name}=`)) return undefined;
	const from = at + name.length + 1;
	const to = environment.indexOf('\0', from);
	return environment.slice(from, to === -1 ? undefined : to);
}

/** The files below `directory` that a process has open for writing. */
export function filesWritten(pid: number, directory: string): string[] {
	const paths: string[] = [];
	try {
		for (const descriptor of looked(() => readdirSync(`/proc/${pid}/fd`))) {
			const link = `/proc/${pid}/fd/${descriptor}`;
			try {
				// the link itself is read, never its target: that may be on a file system that does not answer
				const target = readlinkSync(link);
				if (target.startsWith(directory) && (lstatSync(link).mode & 0o200) !== 0) paths.push(target);
			} catch (error) {
				nothing(error);
			}
		}
	} catch (error) {
		nothing(error);
	}
	return paths;
}

const longestCommand = 200;

/** What a process was executed with, in one line, for people. */
export function readCommand({ pid, name }: Pick<ProcessStat, 'pid' | 'name'>): string {
	try {
		const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').join(' ').trim();
		if (words !== '') return words.length > longestCommand ? `${words.slice(0, longestCommand - 1)}…` : words;
	} catch {
		// its name will do, also where we have nothing left to look with
	}
	return `[${name}]`;
}

let boot: string | undefined;

/** Which boot this is: pids and start times mean nothing across boots. Empty where the system does not tell. */
export function bootId(): string {
	if (boot === undefined) {
		try {
			boot = looked(() => readFileSync('/proc/sys/kernel/random/boot_id', 'latin1')).trim();
		} catch {
			boot = '';
		}
	}
	return boot;
}
