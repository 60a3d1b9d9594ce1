/** The socket files of one runtime: listened on, made anew where they were deleted, closed. */
import { chownSync, existsSync, lstatSync, mkdirSync, statSync, unlinkSync } from 'node:fs';
import type { Server, Socket } from 'node:net';
import { dirname } from 'node:path';
import { closeServer, listenUnix } from '@orch/base';
import type { RouterPort } from '@orch/protocol';
import { socketHighWaterBytes } from './limits.ts';

export interface PortSocketsOptions {
	readonly spec: () => Pick<RouterPort, 'socket' | 'veecleSocket'>;
	/** Somebody has connected; `ours`: to the socket that is not Veecle's. */
	readonly connected: (socket: Socket, ours: boolean) => void;
	/** A connection could not be accepted. */
	readonly failed: (error: Error) => void;
}

export interface SocketProblem {
	readonly path: string;
	readonly message: string;
}

export class PortSockets {
	readonly #options: PortSocketsOptions;
	readonly #servers = new Map<string, Server>();
	#listening: Promise<void> = Promise.resolve();
	#closed = false;

	constructor(options: PortSocketsOptions) {
		this.#options = options;
	}

	/** Listens where the table says; gives what could not be, in sentences, by path. */
	listen(): Promise<readonly SocketProblem[]> {
		const next = this.#listening.then(() => this.#listen());
		this.#listening = next.then(
			() => {},
			() => {},
		);
		return next;
	}

	/** Stops listening. The files go, too. */
	async close(): Promise<void> {
		this.#closed = true;
		// at once, because closing removes the socket file, which may be somebody else's soon
		const closing = [...this.#servers.values()].map((server) => closeServer(server));
		this.#servers.clear();
		await this.#listening;
		await Promise.all([...closing, ...[...this.#servers.values()].map((server) => closeServer(server))]);
	}

	async #listen(): Promise<SocketProblem[]> {
		const { socket, veecleSocket } = this.#options.spec();
		const wanted = new Set([socket, veecleSocket]);
		for (const [path, server] of this.#servers) {
			// a file that somebody has deleted is one that nobody can connect to
			if (wanted.has(path) && existsSync(path)) continue;
			this.#servers.delete(path);
			server.close();
		}
		const problems: SocketProblem[] = [];
		for (const path of wanted) {
			if (this.#servers.has(path) || this.#closed) continue;
			try {
				this.#servers.set(path, await this.#open(path, path === socket));
			} catch (error) {
				problems.push({ path, message: error instanceof Error ? error.message : String(error) });
			}
		}
		return problems;
	}

	async #open(path: string, ours: boolean): Promise<Server> {
		const { connected, failed } = this.#options;
		// somebody may have tidied up while we ran
		mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
		// the state's lock says that no other router lives, so what is there is of one that died
		if (lstatSync(path, { throwIfNoEntry: false })?.isSocket()) unlinkSync(path);
		const server = await listenUnix({
			path,
			highWaterMark: socketHighWaterBytes,
			// what somebody has written who has gone by now is taken before the end is
			allowHalfOpen: true,
			onConnection: (socket) => connected(socket, ours),
		});
		// in a directory that is somebody else's it is for him
		const { uid, gid } = statSync(dirname(path));
		if (uid !== process.getuid?.()) chownSync(path, uid, gid);
		// no descriptors left: this connection is lost, the next one may succeed
		server.on('error', failed);
		return server;
	}
}
