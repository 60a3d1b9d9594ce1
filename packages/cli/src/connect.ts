/** Connects to orchd and speaks the whole protocol over it; says exactly why where that does not work. */
import { createConnection } from 'node:net';
import type { Api } from '@orch/protocol';
import { type Caller, createCaller, OrchError, ourHello, type Places, Session, version } from '@orch/protocol/wire';
import { explain } from './ask.ts';
import { type Clock, within } from './clock.ts';
import { refuseLongPath } from './places.ts';
import type { World } from './world.ts';

export interface Connection {
	readonly session: Session;
	readonly caller: Caller<Api>;
	/** Rejects with the reason, in words for people, where nobody answers. */
	readonly connected: Promise<void>;
	/** Resolves when the connection is gone. */
	readonly closed: Promise<void>;
	close(): void;
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

export type Hello = Awaited<ReturnType<Session['hello']>>;

/** The first word of who listens there. One that takes connections and says nothing (it is stopped, or hangs) is not waited for longer. */
export async function helloOf(
	{ connected, session }: Pick<Connection, 'connected' | 'session'>,
	clock: Clock,
	withinMs: number,
	signal?: AbortSignal,
): Promise<Hello> {
	const work = () => connected.then(() => session.hello());
	return within(clock, withinMs, work, () => new OrchError('timeout', { ms: withinMs }), signal);
}
