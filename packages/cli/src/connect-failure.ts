/** Why nobody answers on the socket: not there, left behind, not ours, not a socket. */
import { lstatSync, readFileSync, type Stats, statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Places } from '@orch/protocol/wire';
import { lastLoggedPid, lastLogLines } from './daemon-log.ts';
import { CliError } from './errors.ts';
import { holderOf } from './lock-holder.ts';
import type { World } from './world.ts';

export function explainConnectFailure(error: NodeJS.ErrnoException, world: World, places: Places): CliError {
	const { socket } = places;
	const found = statOf(socket);
	if (error.code === 'ENOENT' || (error.code === 'ENOTDIR' && !found))
		return new CliError('daemon.not_running', { socket }, { cause: error });
	if (error.code === 'EACCES' || error.code === 'EPERM') return denied(world, socket, found);
	if (found && !found.isSocket())
		return new CliError('daemon.not_a_socket', { path: socket, kind: kindOf(found) }, { cause: error });
	if (error.code === 'ECONNREFUSED') {
		const [lastLine] = lastLogLines(places.logFile, 1);
		return new CliError(
			'daemon.stale_socket',
			{ socket, pid: lastLoggedPid(places.logFile), log: places.logFile, lastLine },
			{ cause: error },
		);
	}
	return new CliError('daemon.unreachable', { socket, reason: error.message }, { cause: error });
}

/** The same, and where nobody listens, who should: to ask that one may be all that it takes. */
export async function explainAbsence(error: NodeJS.ErrnoException, world: World, places: Places): Promise<CliError> {
	const explained = explainConnectFailure(error, world, places);
	if (!isDaemonMissing(explained)) return explained;
	const holder = await holderOf(places.socket, world.uid);
	if (holder === undefined || holder === 'cannot tell') return explained;
	return new CliError('daemon.unheard', { socket: places.socket, ...holder }, { cause: error });
}

/** Whether starting orchd would help: of one that runs and is not heard the start waits for its answer. */
export const isDaemonMissing = (error: unknown): boolean =>
	error instanceof CliError &&
	(error.code === 'daemon.not_running' || error.code === 'daemon.stale_socket' || error.code === 'daemon.unheard');

/**
 * The default directory in the system's temporary directory may have been made by somebody else, to be spoken to in
 * place of orchd; what an operation carries (an environment, messages) must not go there.
 */
export function refuseForeignDirectory(world: World, places: Places): void {
	const directory = dirname(places.socket);
	if (directory !== `${world.temporaryDirectory()}/orch-${world.uid}`) return;
	const found = statOf(directory, true);
	if (!found || (found.uid === world.uid && found.isDirectory())) return;
	throw new CliError('daemon.foreign_directory', { directory, owner: nameOf(found.uid), self: world.userName() });
}

function denied(world: World, socket: string, found: Stats | undefined): CliError {
	// a directory on the way may be what is closed
	let path = socket;
	let stats = found;
	while (!stats && dirname(path) !== path) {
		path = dirname(path);
		stats = statOf(path);
	}
	return new CliError('daemon.socket_denied', {
		socket: path,
		owner: stats ? nameOf(stats.uid) : 'somebody else',
		mode: stats ? (stats.mode & 0o7777).toString(8).padStart(4, '0') : 'unknown',
		self: world.userName(),
	});
}

function statOf(path: string, ofLink = false): Stats | undefined {
	try {
		return ofLink ? lstatSync(path) : statSync(path);
	} catch {
		// not there, or not to be seen: the caller says which by what connect(2) answered
		return undefined;
	}
}

function kindOf(stats: Stats): string {
	if (stats.isDirectory()) return 'a directory';
	if (stats.isFile()) return 'a file';
	return stats.isFIFO() ? 'a pipe' : 'a device';
}

function nameOf(uid: number): string {
	try {
		const line = readFileSync('/etc/passwd', 'utf8')
			.split('\n')
			.find((each) => each.split(':')[2] === String(uid));
		return line?.split(':')[0] ?? `uid ${uid}`;
	} catch {
		return `uid ${uid}`;
	}
}
