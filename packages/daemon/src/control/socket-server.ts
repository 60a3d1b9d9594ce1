/** The Unix socket that clients connect to: taking it over or refusing it, and one session for each connection. */
import { lstatSync, statSync, unlinkSync } from 'node:fs';
import type { Server, Socket } from 'node:net';
import { dirname } from 'node:path';
import {
	type Clock,
	closeServer,
	connectUnix,
	listenUnix,
	type Logger,
	makePrivateDirectory,
	socketChannel,
	type Timer,
} from '@orch/base';
import type { Dispatch } from '@orch/protocol';
import { type HolderState, ourHello, Session, version } from '@orch/protocol/wire';

export interface SocketServerOptions {
	readonly path: string;
	readonly dispatch: Dispatch;
	readonly log: Logger;
	readonly clock: Clock;
	/** Whose directory it has to be in where it is made anew; ours where it is absent. */
	readonly uid?: number;
	readonly maxConnections?: number;
}

/** Connections at once; one more is told so and closed. */
export const maxConnections = 256;

/** How often a client that sends no more is looked after. */
const probeMs = 1_000;

/** How long a closing server waits for its clients to read their last answers. */
const lingerMs = 250;

/** The socket cannot be listened on, in words for the person who started the daemon. */
export class SocketRefused extends Error {
	override readonly name = 'SocketRefused';
	readonly exit: number;

	constructor(message: string, exit: number) {
		super(message);
		this.exit = exit;
	}
}

/** The directory of a socket: made private when it is missing; refused when it is somebody else's. */
export function prepareSocketDirectory(directory: string, uid: number): void {
	try {
		makePrivateDirectory(directory);
	} catch (error) {
		throw new SocketRefused(`cannot make the directory ${directory}: ${(error as Error).message}`, 6);
	}
	const stat = statSync(directory);
	const link = lstatSync(directory).isSymbolicLink();
	const sticky = (stat.mode & 0o1000) !== 0;
	// root's directories (/run, a sticky /tmp) are fine to be in; another user's are a trap
	if (stat.uid !== uid && !(stat.uid === 0 && !link && (sticky || uid === 0))) {
		throw new SocketRefused(`permission denied: ${directory} belongs to uid ${stat.uid}, you are uid ${uid}`, 6);
	}
}

/** Removes a socket that nobody answers on; refuses what is alive and what is no socket. The caller holds the lock. */
export async function clearStale(path: string, log: Logger): Promise<void> {
	let stat: ReturnType<typeof lstatSync>;
	try {
		stat = lstatSync(path);
	} catch {
		return;
	}
	if (!stat?.isSocket())
		throw new SocketRefused(`${path} exists and is not a socket: remove it, or choose another path by --socket`, 8);
	try {
		const socket = await connectUnix(path);
		socket.destroy();
	} catch {
		log.info('stale socket removed', { path });
		unlinkSync(path);
		return;
	}
	throw new SocketRefused(`${path} is in use by another program`, 7);
}

export class SocketServer {
	readonly #options: SocketServerOptions;
	#server: Server | undefined;
	/** Which file is ours. */
	#inode: string | undefined;
	/** Those whose file is gone, until the last one who came by it has. */
	readonly #former = new Set<Promise<void>>();
	readonly #sockets = new Map<Socket, Session>();
	#isClosed = false;
	#looking: Promise<HolderState | 'is closed'> | undefined;
	#trouble: string | undefined;

	private constructor(options: SocketServerOptions) {
		this.#options = options;
	}

	static async open(options: SocketServerOptions): Promise<SocketServer> {
		await clearStale(options.path, options.log);
		const opened = new SocketServer(options);
		await opened.#listen();
		return opened;
	}

	get connections(): number {
		return this.#sockets.size;
	}

	/**
	 * Listens anew where somebody has removed the socket, or put something else in its place: nobody could reach us, and the lock keeps everybody
	 * else from it. What lives there is left alone. Costs one look at the file where all is well.
	 */
	lookAfter(): Promise<HolderState | 'is closed'> {
		this.#looking ??= this.#lookAfter().finally(() => {
			this.#looking = undefined;
		});
		return this.#looking;
	}

	async #lookAfter(): Promise<HolderState | 'is closed'> {
		const { path, log, uid = process.getuid?.() ?? 0 } = this.#options;
		if (this.#isClosed) return 'is closed';
		if (this.#server?.listening && inodeOf(path) === this.#inode) return 'listens';
		try {
			prepareSocketDirectory(dirname(path), uid);
			await clearStale(path, log);
			if (this.#isClosed) return 'is closed';
			this.#retire();
			await this.#listen();
		} catch (error) {
			const reason = (error as Error).message;
			if (reason !== this.#trouble) log.error('the socket is gone, and cannot be listened on again', { path, error });
			this.#trouble = reason;
			return `cannot listen: ${reason}`;
		}
		this.#trouble = undefined;
		log.warn('the socket was gone: listening anew', { path });
		return 'listens anew';
	}

	async #listen(): Promise<void> {
		const { path, log } = this.#options;
		const server = await listenUnix({ path, allowHalfOpen: true, onConnection: (socket) => this.#accept(socket) });
		// a failing accept (no descriptors left) must not end the daemon: the client is refused, the next one may succeed
		server.on('error', (error) => log.error('cannot accept a connection', { error }));
		this.#server = server;
		this.#inode = inodeOf(path);
		// closed meanwhile
		if (this.#isClosed) this.#retire();
	}

	/** Its connections go on. Before another one listens, for closing it removes whatever has its path. */
	#retire(): void {
		if (!this.#server) return;
		const ended: Promise<void> = closeServer(this.#server).finally(() => this.#former.delete(ended));
		this.#former.add(ended);
		this.#server = undefined;
	}

	/** Ends every session; what has been written goes out, but a client that does not read it is not waited for long. */
	async close(): Promise<void> {
		this.#isClosed = true;
		for (const session of this.#sockets.values()) session.close('orchd is stopping');
		const timer = this.#options.clock.setTimer(lingerMs, () => {
			for (const socket of this.#sockets.keys()) socket.destroy();
		});
		this.#retire();
		await this.#looking;
		await Promise.all(this.#former);
		timer.cancel();
	}

	#accept(socket: Socket): void {
		const { dispatch, log } = this.#options;
		const channel = socketChannel(socket);
		if (this.#sockets.size >= (this.#options.maxConnections ?? maxConnections)) {
			log.warn('connection refused: too many', { connections: this.#sockets.size });
			socket.on('error', () => {});
			channel.end();
			return;
		}
		const session = new Session({ channel, role: 'server', hello: ourHello(`orchd/${version}`, process.pid), dispatch });
		this.#sockets.set(socket, session);
		channel.bind({
			receive: (bytes) => session.receive(bytes),
			writable: () => session.writable(),
			disconnected: (reason) => {
				this.#sockets.delete(socket);
				session.disconnected(reason);
			},
			finished: () => this.#finish(socket, session),
		});
	}

	/**
	 * The client has sent its last request. One that pipes a line into `socat` does so at once and still reads: it gets
	 * its answers. Whether such a reader is still there only writing tells, hence the blank lines, which mean nothing.
	 */
	#finish(socket: Socket, session: Session): void {
		if (session.encoding !== 'json') {
			session.close('the client has closed its side');
			return;
		}
		let timer: Timer | undefined;
		const probe = () => {
			timer = this.#options.clock.setTimer(probeMs, () => {
				if (!socket.writable) return;
				if (socket.writableLength === 0) socket.write('\n');
				probe();
			});
		};
		socket.once('close', () => timer?.cancel());
		probe();
		session.whenAnswered(() => session.close('everything is answered'));
	}
}

/** Undefined where nothing is there. */
function inodeOf(path: string): string | undefined {
	try {
		const { dev, ino } = lstatSync(path);
		return `${dev}:${ino}`;
	} catch {
		// or nothing that can be seen on the way to it
		return undefined;
	}
}
