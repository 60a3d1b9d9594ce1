/** The router's own socket, on which orchd asks: one session for each connection, its events and taps end with it. */
import { lstatSync, mkdirSync, unlinkSync } from 'node:fs';
import type { Server, Socket } from 'node:net';
import { dirname } from 'node:path';
import { type Clock, closeServer, connectUnix, listenUnix, type Logger, socketChannel } from '@orch/base';
import { type Dispatch, ourHello, Session, version } from '@orch/protocol/wire';

export interface ControlServerOptions {
	readonly path: string;
	readonly clock: Clock;
	readonly log: Logger;
	readonly pid: number;
	/** What a connection may ask; `asker` grows with each. */
	readonly dispatch: (asker: number) => Dispatch;
	/** A connection has come or gone. */
	readonly changed: () => void;
}

/** Connections at once: orchd has one, and a new one comes while the old one goes. */
const maxConnections = 16;
/**
 * Requests of one connection at once: all of a read are taken before the first is answered, and each is orchd's own word, of which none
 * may be refused. So it is more than a read can hold, beside the streams that are open for good.
 */
const maxRequests = 65_536;
/** How long a closing server waits for its clients to read their last answers. */
const lingerMs = 250;

export class ControlServer {
	readonly #options: ControlServerOptions;
	readonly #sessions = new Map<Socket, Session>();
	#server: Server | undefined;
	#askers = 0;

	private constructor(options: ControlServerOptions) {
		this.#options = options;
	}

	static async open(options: ControlServerOptions): Promise<ControlServer> {
		const { path, log } = options;
		mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
		await clearStale(path);
		const control = new ControlServer(options);
		const server = await listenUnix({ path, onConnection: (socket) => control.#accept(socket) });
		server.on('error', (error) => log.error('control connection not accepted', { error }));
		control.#server = server;
		return control;
	}

	get connections(): number {
		return this.#sessions.size;
	}

	async close(): Promise<void> {
		const server = this.#server;
		if (server === undefined) return;
		this.#server = undefined;
		for (const session of this.#sessions.values()) session.close('the router is stopping');
		const timer = this.#options.clock.setTimer(lingerMs, () => {
			for (const socket of this.#sessions.keys()) socket.destroy();
		});
		await closeServer(server);
		timer.cancel();
	}

	#accept(socket: Socket): void {
		const { pid, dispatch, changed } = this.#options;
		const channel = socketChannel(socket);
		if (this.#sessions.size >= maxConnections) {
			socket.on('error', () => {});
			channel.end();
			return;
		}
		this.#askers += 1;
		const session = new Session({
			channel,
			role: 'server',
			hello: ourHello(`orch-router/${version}`, pid),
			dispatch: dispatch(this.#askers),
			maxRequests,
		});
		this.#sessions.set(socket, session);
		channel.bind({
			receive: (bytes) => session.receive(bytes),
			writable: () => session.writable(),
			disconnected: (reason) => {
				this.#sessions.delete(socket);
				session.disconnected(reason);
				changed();
			},
		});
		changed();
	}
}

/** A socket that nobody answers on is in the way; one that is answered on is somebody's. */
async function clearStale(path: string): Promise<void> {
	const stat = lstatSync(path, { throwIfNoEntry: false });
	if (stat === undefined) return;
	if (!stat.isSocket()) throw new Error(`Cannot listen on ${path}: it exists and is not a socket`);
	const socket = await connectUnix(path).catch(() => undefined);
	if (socket === undefined) {
		unlinkSync(path);
		return;
	}
	socket.destroy();
	throw new Error(`Cannot listen on ${path}: another router answers there`);
}
