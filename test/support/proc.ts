/** What /proc says: which processes belong to a test, and what a process holds. A zombie counts as gone: somebody else has to reap it. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

export interface Seen {
	readonly pid: number;
	readonly parent: number;
	readonly group: number;
	readonly session: number;
	/** One letter, as in ps. */
	readonly state: string;
	/** Since the boot, in clock ticks: with the pid, the identity of a process. */
	readonly startTicks: number;
	readonly command: string;
}

export function processAt(pid: number): Seen | undefined {
	const stat = read(`/proc/${pid}/stat`);
	if (stat === undefined) return undefined;
	const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
	const [state = '', parent, group, session] = fields;
	if (state === 'Z' || state === 'X') return undefined;
	return {
		pid,
		parent: Number(parent),
		group: Number(group),
		session: Number(session),
		state,
		startTicks: Number(fields[19]),
		command: (read(`/proc/${pid}/cmdline`) ?? '').replaceAll('\0', ' ').trim(),
	};
}

export const isAlive = (pid: number): boolean => processAt(pid) !== undefined;

export function allProcesses(): Seen[] {
	return readdirSync('/proc').flatMap((name) => (/^\d+$/.test(name) ? (processAt(Number(name)) ?? []) : []));
}

/** Processes that have to do with `text`: in their command line, their environment, their directory, or a file that they hold open. */
export function processesAbout(text: string): Seen[] {
	return allProcesses().filter(
		({ pid, command }) =>
			pid !== process.pid &&
			(command.includes(text) || environ(pid).includes(text) || holds(pid).some((path) => path.includes(text))),
	);
}

/** Every process that has `name=value` in its environment. */
export function processesWith(name: string, value: string): Seen[] {
	return allProcesses().filter(({ pid }) => `\0${environ(pid)}`.includes(`\0${name}=${value}\0`));
}

export function environmentOf(pid: number): Record<string, string> {
	const pairs = environ(pid)
		.split('\0')
		.filter((pair) => pair.includes('='));
	return Object.fromEntries(pairs.map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]));
}

/** How many launch shims of the orchd of this home wait for a launch: each leads a session, and has one child that is no program yet. */
export function spareShimsOf(home: string): number {
	const shims = allProcesses().filter(({ command }) => command.includes(`${home}/launches/`));
	const children = (of: number) => shims.filter(({ parent }) => parent === of);
	return shims.filter(({ pid, session }) => {
		const [child, ...others] = children(pid);
		return session === pid && child?.session === pid && others.length === 0;
	}).length;
}

/** Where everything that has been taken of them is replaced. */
export const keptShims = 7;

/** Below it all are in use, so that a limit of so many leaves none, wherever there are gaps above. */
export function lowestFreeDescriptor(pid: number): number {
	const used = new Set(readdirSync(`/proc/${pid}/fd`).map(Number));
	for (let descriptor = 0; ; descriptor++) if (!used.has(descriptor)) return descriptor;
}

/** How many descriptors a process has open. */
export const descriptorsOf = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length;

/** What those descriptors are: files, sockets, pipes; without the numbers that differ from one to the next. */
export function descriptorKindsOf(pid: number): Record<string, number> {
	const kinds: Record<string, number> = {};
	for (const path of holds(pid)) {
		const kind = path.replace(/\[\d+\]$/, '');
		kinds[kind] = (kinds[kind] ?? 0) + 1;
	}
	return kinds;
}

/** How many sockets it holds: one more for each client. */
export const connectionsOf = ({ pid }: { readonly pid: number }): number => descriptorKindsOf(pid)['socket:'] ?? 0;

export function residentBytesOf(pid: number): number {
	const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(read(`/proc/${pid}/status`) ?? '')?.[1];
	return Number(kilobytes ?? 0) * 1024;
}

/** Its nice value. */
export function niceOf(pid: number): number {
	const stat = read(`/proc/${pid}/stat`) ?? '';
	return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[16]);
}

/** User and system time that a process has had. */
export function cpuMsOf(pid: number): number {
	const stat = read(`/proc/${pid}/stat`) ?? '';
	const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
	// in hundredths of a second on every Linux that there is
	return (Number(fields[11]) + Number(fields[12])) * 10;
}

const environ = (pid: number): string => read(`/proc/${pid}/environ`) ?? '';

function holds(pid: number): string[] {
	const folder = `/proc/${pid}/fd`;
	try {
		return [`/proc/${pid}/cwd`, ...readdirSync(folder).map((name) => `${folder}/${name}`)].flatMap((path) => linked(path) ?? []);
	} catch {
		// ended, or somebody else's
		return [];
	}
}

function linked(path: string): string | undefined {
	try {
		return readlinkSync(path);
	} catch {
		return undefined;
	}
}

function read(path: string): string | undefined {
	try {
		return readFileSync(path, 'utf8');
	} catch {
		return undefined;
	}
}
