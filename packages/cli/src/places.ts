/** Where orchd is to be found, by the rule that it follows itself. */
import { resolve } from 'node:path';
import { findPlaces, type Places } from '@orch/protocol/wire';
import { CliError } from './errors.ts';
import type { World } from './world.ts';

/** What Linux has room for in sockaddr_un, without the closing NUL; longer paths are truncated in silence. */
export const longestSocketPathBytes = 107;

/** By the rule that orchd follows, with the paths made absolute here, where they were typed. */
export function placesOf(world: World, socket: string | undefined): Places {
	const { env, cwd } = world;
	const absolute = (path: string | undefined) => (path === undefined || path === '' ? undefined : resolve(cwd, path));
	const find = (homeDirectory: string, sha256Hex: (text: string) => string) =>
		findPlaces({
			env,
			uid: world.uid,
			homeDirectory,
			get temporaryDirectory() {
				return world.temporaryDirectory();
			},
			sha256Hex,
			socket: absolute(socket ?? env['ORCH_SOCKET']),
			home: absolute(env['ORCH_HOME']),
		});
	// what only the state depends on is not asked for: most commands never name it, and the hash alone would double their work
	const sockets = find('', () => '');
	let whole: Places | undefined;
	const all = () => {
		whole ??= find(world.homeDirectory(), (text) =>
			process.getBuiltinModule('node:crypto').createHash('sha256').update(text).digest('hex'),
		);
		return whole;
	};
	return {
		socket: sockets.socket,
		socketDirectory: sockets.socketDirectory,
		routerSocket: sockets.routerSocket,
		get home() {
			return all().home;
		},
		get logFile() {
			return all().logFile;
		},
	};
}

export function refuseLongPath({ socket }: Places): void {
	const bytes = Buffer.byteLength(socket);
	if (bytes > longestSocketPathBytes)
		throw new CliError('socket.too_long', { path: socket, bytes, limit: longestSocketPathBytes });
}
