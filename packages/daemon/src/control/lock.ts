/**
 * One daemon per socket and per state: a lock that dies with its holder, whatever kills it.
 *
 * A lock is a listening abstract Unix socket, named by a hash of the user and the path. It needs no file, cannot be left
 * behind, and answers everybody who connects with who holds it. Abstract sockets are Linux's; elsewhere there is none.
 */
import { createHash } from 'node:crypto';
import { createConnection, createServer, type Server } from 'node:net';
import { lockName } from '@orch/protocol/wire';

export interface Lock {
	release(): Promise<void>;
}

export class Locked extends Error {
	override readonly name = 'Locked';
	/** Of the holder, when it could be asked. */
	readonly pid: number | undefined;

	constructor(what: string, pid: number | undefined) {
		super(`${what} is held by another orchd${pid === undefined ? '' : ` (pid ${pid})`}`);
		this.pid = pid;
	}
}

/** How long the holder of a lock may take to say who it is. */
const askMs = 1_000;

/** Takes the lock, or throws Locked. Whoever asks for the holder is told what `tell` says as well, when that is known. */
export async function takeLock(kind: 'socket' | 'state', path: string, uid: number, tell?: () => Promise<string>): Promise<Lock> {
	if (process.platform !== 'linux') return { release: async () => {} };
	const name = lockName(kind, path, uid, sha256Hex);
	const server = createServer((socket) => {
		// who asks gets the answer and no more of our time
		socket.on('error', () => socket.destroy());
		socket.write(`${process.pid}\n`);
		const end = (told: string) => socket.end(told, () => socket.destroySoon());
		void (tell?.() ?? Promise.resolve('')).then(
			(told) => end(told === '' ? '' : `${told}\n`),
			() => end(''),
		);
	});
	server.maxConnections = 64;
	try {
		await listen(server, name);
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
		throw new Locked(`${kind === 'socket' ? 'socket' : 'state directory'} ${path}`, await askHolder(name));
	}
	server.unref();
	return { release: () => new Promise((resolve) => server.close(() => resolve())) };
}

const sha256Hex = (text: string): string => createHash('sha256').update(text).digest('hex');

function listen(server: Server, name: string): Promise<void> {
	return new Promise((resolve, reject) => {
		server.once('error', reject);
		server.listen(name, () => {
			server.removeListener('error', reject);
			resolve();
		});
	});
}

function askHolder(name: string): Promise<number | undefined> {
	return new Promise((resolve) => {
		let text = '';
		const socket = createConnection({ path: name });
		const done = () => {
			socket.destroy();
			const pid = Number.parseInt(text, 10);
			resolve(Number.isInteger(pid) ? pid : undefined);
		};
		socket.setTimeout(askMs, done);
		socket.on('data', (bytes) => {
			text += bytes.toString('latin1');
		});
		socket.on('error', done);
		socket.on('end', done);
	});
}
