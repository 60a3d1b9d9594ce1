/** Where both programs are that speak no common protocol, and how long that orchd runs: as far as this machine tells it. */
import { readFileSync } from 'node:fs';
import { type ErrorData, OrchError, RemoteError } from '@orch/protocol/wire';
import type { World } from './world.ts';

/** Ticks of `starttime` in a second: the same on every Linux. */
const ticksPerSecond = 100;

/** The error with them; the same one where it is another. */
export function withWhereabouts(error: unknown, world: Pick<World, 'root'>, clientPath: string | undefined): unknown {
	const data = (error instanceof OrchError ? error.data : error instanceof RemoteError ? error.wire.data : undefined) as
		| Partial<ErrorData<'protocol.version'>>
		| undefined;
	// an orchd of before tells of itself only its version
	if (!isTold(data)) return error;
	return new OrchError('protocol.version', {
		...data,
		...(clientPath === undefined ? {} : { clientPath }),
		...processAt(`${world.root}/proc`, data.pid),
	});
}

const isTold = (data: Partial<ErrorData<'protocol.version'>> | undefined): data is ErrorData<'protocol.version'> =>
	typeof data?.pid === 'number' && data.older !== undefined;

function processAt(proc: string, pid: number): { readonly daemonPath?: string; readonly uptimeMs?: number } {
	try {
		// of a program that Node runs the second word is the one that says what it is
		const [node = '', program = node] = readFileSync(`${proc}/${pid}/cmdline`, 'utf8').split('\0');
		const stat = readFileSync(`${proc}/${pid}/stat`, 'utf8');
		const startTicks = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]);
		const uptime = Number(readFileSync(`${proc}/uptime`, 'utf8').split(' ')[0]);
		return { daemonPath: program, uptimeMs: Math.max(0, Math.round((uptime - startTicks / ticksPerSecond) * 1000)) };
	} catch {
		// gone by now, or in another container: its pid is told
		return {};
	}
}
