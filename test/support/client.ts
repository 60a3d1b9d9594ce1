/** A client of orchd's control socket, typed by the declared operations, over the same session that every client uses. */
import { connectUnix, socketChannel } from '@orch/base';
import { until } from '@orch/base/testing';
import type { Api, RouterApi, RuntimeInfo } from '@orch/protocol';
import { type Caller, createCaller, ourHello, RemoteError, Session } from '@orch/protocol/wire';

export interface Client extends Caller<Api> {
	readonly session: Session;
	/** The daemon's own words about itself. */
	readonly peer: { readonly agent: string; readonly pid: number };
	readonly closed: Promise<void>;
	close(): void;
}

export const connectClient = async (path: string): Promise<Client> => {
	const { session, closed, peer } = await open(path);
	return { ...createCaller<Api>(session), session, peer, closed, close: () => session.close() };
};

/** The router's pid, once orchd is connected to it: orchd answers before that. */
export const routerPidOf = ({ call }: Client): Promise<number> =>
	until('orchd is connected to its router', async () => (await call('daemon.status', {})).router.pid ?? undefined);

/** On the router's own socket, as orchd is. */
export async function connectRouter(path: string): Promise<Caller<RouterApi> & { close(): void }> {
	const { session } = await open(path);
	return { ...createCaller<RouterApi>(session), close: () => session.close() };
}

async function open(path: string) {
	const channel = socketChannel(await connectUnix(path));
	const session = new Session({ channel, role: 'client', hello: ourHello('test/1', process.pid) });
	const closed = new Promise<void>((resolve) => {
		channel.bind({
			receive: (bytes) => session.receive(bytes),
			writable: () => session.writable(),
			disconnected: (reason) => {
				session.disconnected(reason);
				resolve();
			},
		});
	});
	return { session, closed, peer: await session.hello() };
}

/** The code of the error that `work` ends with; fails where it succeeds. */
export async function codeOf(work: Promise<unknown>): Promise<string> {
	try {
		await work;
	} catch (error) {
		if (error instanceof RemoteError) return error.code;
		throw error;
	}
	throw new Error('Expected an error of orchd, but the call succeeded');
}

export type Runtime = RuntimeInfo;

export interface Program {
	readonly program: string;
	readonly args: readonly string[];
}

/** A program that is a line of shell. */
export const sh = (script: string): Program => ({ program: '/bin/sh', args: ['-c', script] });

/** A program that is a line of JavaScript, or a file with its arguments. */
export const node = (...args: readonly string[]): Program => ({ program: process.execPath, args });

/** Runs until it is told to end, and ends at once then. */
export const sleeper = (): Program => ({ program: '/bin/sleep', args: ['1000000'] });
