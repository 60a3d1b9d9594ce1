/** Finds the socket of orchd and speaks over it; says exactly why where that does not work. */
import { createConnection } from 'node:net';
import { resolve } from 'node:path';
import type { Api } from '@orch/protocol';
import {
	type Caller,
	createCaller,
	findPlaces,
	OrchError,
	ourHello,
	type Places,
	RemoteError,
	Session,
	version,
	type WireError,
} from '@orch/protocol/wire';
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

export interface Connection {
	readonly session: Session;
	readonly caller: Caller<Api>;
	/** Rejects with the reason, in words for people, where nobody answers. */
	readonly connected: Promise<void>;
	/** Resolves when the connection is gone. */
	readonly closed: Promise<void>;
	close(): void;
}

function refuseLongPath({ socket }: Places): void {
	const bytes = Buffer.byteLength(socket);
	if (bytes > longestSocketPathBytes)
		throw new CliError('socket.too_long', { path: socket, bytes, limit: longestSocketPathBytes });
}

/** What is asked before the socket is connected goes out with the hello, in one write. */
export function openConnection(world: World, places: Places): Connection {
	refuseLongPath(places);
	const socket = createConnection({ path: places.socket });
	const session = new Session({
		role: 'client',
		hello: ourHello(`orch ${version}`, process.pid),
		channel: {
			write: (bytes) => socket.writable && socket.write(bytes),
			pause: () => socket.pause(),
			resume: () => socket.resume(),
			end: () => socket.destroySoon(),
		},
	});
	let reason = 'orchd closed the connection';
	socket.on('data', (bytes) => session.receive(bytes));
	socket.on('drain', () => session.writable());
	const closed = new Promise<void>((resolve) => {
		socket.on('close', () => {
			session.disconnected(reason);
			resolve();
		});
	});
	const connected = new Promise<void>((resolve, reject) => {
		socket.once('connect', resolve);
		socket.on('error', (error: NodeJS.ErrnoException) => {
			reason = error.message;
			// after the connection was there, this changes nothing
			void explain(error, world, places).then(reject, reject);
		});
	});
	// whoever asks for nothing need not look at it
	connected.catch(() => {});
	return {
		session,
		caller: createCaller<Api>(session),
		connected,
		closed,
		close() {
			session.close();
			socket.destroy();
		},
	};
}

/**
 * Asks one question on a connection of its own, in JSON Lines: a long list is read by the engine's own parser, in a tenth of the
 * time that MessagePack takes in a program that has just started. Not for answers with bytes in them. Resolves with `notJson` where
 * whoever listens says something else, such as an orchd of another version.
 */
export function askInJson(world: World, places: Places, operation: string, params: unknown): Promise<unknown> {
	refuseLongPath(places);
	return new Promise((resolve, reject) => {
		const parts: Buffer[] = [];
		const socket = createConnection({ path: places.socket });
		socket.on('error', (error: NodeJS.ErrnoException) => void explain(error, world, places).then(reject, reject));
		socket.on('close', () => reject(new OrchError('disconnected', { reason: 'orchd closed the connection' })));
		socket.on('data', (bytes) => {
			if (parts.length === 0 && bytes[0] !== brace) {
				resolve(notJson);
				socket.destroy();
				return;
			}
			parts.push(bytes);
			if (bytes.at(-1) !== newline) return;
			socket.destroy();
			const answer = JSON.parse(Buffer.concat(parts).toString('utf8')) as { ok?: unknown; error?: WireError };
			if (answer.error) reject(new RemoteError(answer.error));
			else resolve(answer.ok);
		});
		// the hello has no answer here, but what does not fit together is told
		const hello = JSON.stringify({ hello: ourHello(`orch ${version}`, process.pid) });
		socket.write(`${hello}\n${JSON.stringify({ id: 1, op: operation, params })}\n`);
	});
}

export const notJson = Symbol('not JSON');
const newline = 0x0a;
const brace = 0x7b;

/** Only where something went wrong is it worth to look closer, and to load what that takes. */
async function explain(error: NodeJS.ErrnoException, world: World, places: Places): Promise<Error> {
	const { explainConnectFailure } = await import('./connect-failure.ts');
	return explainConnectFailure(error, world, places);
}
