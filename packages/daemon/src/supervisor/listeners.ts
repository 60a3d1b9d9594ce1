/** Who listens on a TCP port: looked up before a program is launched that wants it. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { Clock } from '@orch/base';
import { LaunchError, type LaunchFault, type PortHolder } from './faults.ts';
import { listPids, readCommand, readStat, readVariable } from './proc-scan.ts';

/** A port that is listened on. */
export interface Listener {
	readonly port: number;
	/** Of the socket. */
	readonly uid: number;
	readonly inode: number;
}

/** The sockets that listen on any of the ports, on whatever address: each of them is in the way of a program that listens on all. */
export type FindListeners = (ports: ReadonlySet<number>) => readonly Listener[];

export const findListeners: FindListeners = (ports) => [
	...listenersIn('/proc/net/tcp', ports),
	...listenersIn('/proc/net/tcp6', ports),
];

function listenersIn(path: string, ports: ReadonlySet<number>): Listener[] {
	let text: string;
	try {
		text = readFileSync(path, 'latin1');
	} catch {
		// not this system, or without this family: then the program itself will find out
		return [];
	}
	return parseListeners(text).filter(({ port }) => ports.has(port));
}

const listening = '0A';

export function parseListeners(text: string): Listener[] {
	return text
		.split('\n')
		.slice(1)
		.flatMap((line): Listener[] => {
			const [, local = '', , state, , , , uid, , inode] = line.trim().split(/ +/);
			if (state !== listening) return [];
			return [{ port: Number.parseInt(local.slice(local.lastIndexOf(':') + 1), 16), uid: Number(uid), inode: Number(inode) }];
		});
}

/** Who has the socket open, as far as we may look. */
export function findHolder({ inode }: Listener): PortHolder | undefined {
	const socket = `socket:[${inode}]`;
	for (const pid of listPids()) {
		const stat = hasOpen(pid, socket) ? readStat(pid) : undefined;
		if (stat) return { pid, command: readCommand(stat), runtime: readVariable(pid, 'ORCH_RUNTIME_NAME') };
	}
	return undefined;
}

function hasOpen(pid: number, target: string): boolean {
	try {
		return readdirSync(`/proc/${pid}/fd`).some((descriptor) => {
			try {
				return readlinkSync(`/proc/${pid}/fd/${descriptor}`) === target;
			} catch {
				return false;
			}
		});
	} catch {
		return false;
	}
}

export interface PortWish {
	readonly ports: readonly number[];
	readonly clock: Clock;
	readonly signal: AbortSignal;
	/** How long a port that is taken may take to be let go of: longer than nothing where we have just stopped what had it. */
	readonly patienceMs: number;
	readonly find?: FindListeners | undefined;
	readonly holderOf?: (listener: Listener) => PortHolder | undefined;
}

/** How long a port may be taken after our own stop: sockets close a moment after their process is gone. */
export const releaseMs = 2_000;
const lookEveryMs = 20;

/** Resolves when nobody listens on any of the ports; rejects with the LaunchError that names who does. */
export async function portsAreFree({
	ports,
	clock,
	signal,
	patienceMs,
	find = findListeners,
	holderOf = findHolder,
}: PortWish): Promise<void> {
	const wanted = new Set(ports);
	const deadline = clock.monotonicMs() + patienceMs;
	for (;;) {
		const [taken] = find(wanted);
		if (!taken) return;
		if (clock.monotonicMs() >= deadline) throw new LaunchError(faultOf(taken, holderOf(taken)));
		await clock.sleep(lookEveryMs, signal);
	}
}

const faultOf = ({ port, uid }: Listener, holder: PortHolder | undefined): LaunchFault => ({
	kind: 'port_taken',
	port,
	uid,
	holder,
});
