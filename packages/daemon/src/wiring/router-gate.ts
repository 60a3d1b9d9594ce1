/** The way to the router: finds the living one on its socket, or launches one that outlives this daemon. */
import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Clock, connectUnix, type Logger, socketChannel, withDeadline } from '@orch/base';
import { type ErrorData, OrchError, RemoteError, type RouterApi } from '@orch/protocol';
import { createCaller, ourHello, Session, version } from '@orch/protocol/wire';
import type { LinkRow, RouterConnection, RouterEvent, RouterGate } from '../links/index.ts';
import { bootId, createProcessTable } from '../supervisor/index.ts';

export interface RouterGateOptions {
	readonly clock: Clock;
	readonly log: Logger;
	/** The program of the router, run by this Node. */
	readonly program: string;
	readonly socket: string;
	/** The router's state: type ids and ports that must never change meaning. */
	readonly stateDirectory: string;
	readonly logFile: string;
	readonly logLevel: string;
}

/** A router that has been launched answers within this time, or is taken to have failed. */
const launchMs = 10_000;
const lookEveryMs = 10;
/** One that is on its socket says how it is within this time, or is tried again later: it may be stopped, or have too much to do. */
const answerMs = 5_000;
/** A router that has said goodbye is waited for this long. */
const endMs = 5_000;

export function createRouterGate(options: RouterGateOptions): RouterGate {
	return {
		async connect(signal) {
			const present = await tryConnect(options);
			if (present) return noted(present, options);
			await endLost(options, signal);
			const launched = launch(options);
			try {
				const deadline = options.clock.monotonicMs() + launchMs;
				while (options.clock.monotonicMs() < deadline) {
					const connection = await tryConnect(options);
					if (connection) return noted(connection, options);
					const reason = launched.ended();
					if (reason !== undefined) throw new Error(`Cannot start the router: ${reason} (see ${options.logFile})`);
					await options.clock.sleep(lookEveryMs, signal);
				}
				throw new Error(`Cannot reach the router: nothing answers on ${options.socket} within ${launchMs} ms`);
			} catch (error) {
				// nobody has it now: it must not be left behind
				launched.end();
				throw error;
			}
		},
	};
}

/** Who was reached last, in the router's state. */
const noteOf = ({ stateDirectory }: RouterGateOptions) => join(stateDirectory, 'process');

/** Writes down who it is, for a daemon that cannot reach it any more. */
function noted(connection: RouterConnection, options: RouterGateOptions): RouterConnection {
	const identity = createProcessTable(options.log).identify(connection.pid);
	try {
		writeFileSync(noteOf(options), JSON.stringify({ ...identity, bootId: bootId() }), { mode: 0o600 });
	} catch (error) {
		options.log.warn('who the router is was not written down', { error });
	}
	return connection;
}

/**
 * Ends the router that was reached last and lives, and cannot be reached any more: somebody has removed its socket, or it speaks
 * another protocol. It would keep the next one from the state, and route by its last table for ever. Clients connect to the next one.
 */
async function endLost(options: RouterGateOptions, aborted: AbortSignal): Promise<void> {
	const { clock, log, socket } = options;
	const table = createProcessTable(log);
	const lost = readNote(noteOf(options));
	const lives = () => lost !== undefined && table.identify(lost.pid)?.startTicks === lost.startTicks;
	if (!lost || !lives()) return;
	log.warn('a router that cannot be reached is ended', { router: lost.pid, socket });
	for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
		table.signal(lost, signal);
		const deadline = clock.monotonicMs() + endMs;
		while (lives() && clock.monotonicMs() < deadline) await clock.sleep(lookEveryMs, aborted);
	}
}

/** Undefined where it is not whole, or of another boot. */
function readNote(path: string): { readonly pid: number; readonly startTicks: number } | undefined {
	try {
		const note: unknown = JSON.parse(readFileSync(path, 'utf8'));
		const { pid, startTicks, bootId: boot } = note as Partial<Record<string, unknown>>;
		if (boot !== bootId() || typeof pid !== 'number' || typeof startTicks !== 'number') return undefined;
		// without a start time the pid may be anybody's by now
		return pid > 1 && startTicks > 0 ? { pid, startTicks } : undefined;
	} catch {
		return undefined;
	}
}

interface LaunchedRouter {
	/** How it has ended, if it has. */
	ended(): string | undefined;
	/** Ends it: it is our own child, not waited for yet, so its pid cannot be anybody else's. */
	end(): void;
}

/** Launches it in a session of its own. */
function launch({ program, socket, stateDirectory, logFile, logLevel, log }: RouterGateOptions): LaunchedRouter {
	const output = openSync(logFile, 'a', 0o600);
	try {
		const child = spawn(process.execPath, [program, '--socket', socket, '--state', stateDirectory, '--log-level', logLevel], {
			detached: true,
			stdio: ['ignore', output, output],
			cwd: '/',
			// nothing of ours: what it needs it gets by argument
			env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin' },
		});
		let ended: string | undefined;
		child.on('error', (error) => {
			ended = error.message;
		});
		child.on('exit', (code, cause) => {
			ended = cause === null ? `it ended with code ${code}` : `it was ended by ${cause}`;
			// 0 is an end that was asked for, or the one after a long time without anybody
			log[code === 0 ? 'info' : 'warn']('router ended', { router: child.pid, code, signal: cause });
		});
		child.unref();
		return { ended: () => ended, end: () => void (ended === undefined && child.kill('SIGTERM')) };
	} finally {
		closeSync(output);
	}
}

async function tryConnect(options: RouterGateOptions): Promise<RouterConnection | undefined> {
	let socket: Awaited<ReturnType<typeof connectUnix>>;
	try {
		socket = await connectUnix(options.socket);
	} catch {
		// nobody listens there: absent or stale, both mean that one is to be launched
		return undefined;
	}
	const channel = socketChannel(socket);
	const session = new Session({ channel, role: 'client', hello: ourHello(`orchd/${version}`, process.pid) });
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
	const caller = createCaller<RouterApi>(session);
	let status: Awaited<ReturnType<typeof caller.call<'router.status'>>>;
	const silent = new Error(`Cannot use the router: it does not answer on ${options.socket} within ${answerMs} ms`);
	try {
		status = await withDeadline(
			options.clock,
			answerMs,
			() => caller.call('router.status', {}),
			() => silent,
		);
	} catch (error) {
		session.close();
		if (error === silent) throw error;
		options.log.warn('a router that cannot be used is on the socket', { socket: options.socket, error });
		return undefined;
	}
	let takesChanges = true;
	// an end and the change that a restart makes right after it are one write: each wakes the router, which may take the processor from us
	const ends: (() => void)[] = [];
	const tellEnds = () => {
		for (const tell of ends.splice(0)) tell();
	};
	return {
		pid: status.pid,
		version: status.version,
		closed,
		close: () => session.close(),
		route({ version, ports, links, schemas }) {
			tellEnds();
			return caller.call('router.table', { version, ports: [...ports], links: links.map(toRouterLink), schemas: [...schemas] });
		},
		get isClear() {
			return socket.writableLength === 0;
		},
		async change({ base, version, ports, removedPorts, links, removedLinks, schemas }) {
			if (!takesChanges) return undefined;
			socket.cork();
			tellEnds();
			const asked = caller.call('router.change', {
				base,
				version,
				ports: [...ports],
				removedPorts: [...removedPorts],
				links: links.map(toRouterLink),
				removedLinks: [...removedLinks],
				...(schemas && { schemas: [...schemas] }),
			});
			socket.uncork();
			try {
				const routed = await asked;
				return routed.version === version ? routed : undefined;
			} catch (error) {
				if (!(error instanceof RemoteError) || error.code !== 'operation.unknown') throw error;
				takesChanges = false;
				return undefined;
			}
		},
		ended: (runtime, generation) =>
			new Promise((resolve, reject) => {
				ends.push(() => void caller.call('router.ended', { runtime, generation }).then(() => resolve(), reject));
				// before anybody hears of the end who may then come to the router himself
				if (ends.length === 1) queueMicrotask(tellEnds);
			}),
		figures: (windowSeconds) => caller.call('router.stats', windowSeconds === undefined ? {} : { windowSeconds }),
		types: () => caller.call('router.types', {}),
		memoryBytes: async () => (await caller.call('router.status', {})).memoryBytes,
		tap: (links, looks, signal) => caller.stream('router.tap', { links: [...links], ...looks }, { signal, window: 8 }),
		inject: async (message) => {
			try {
				return await caller.call('router.send', message);
			} catch (error) {
				throw aboutMessage(error);
			}
		},
		request: async (message, signal) => {
			try {
				return await caller.call('router.request', message, { signal });
			} catch (error) {
				throw aboutMessage(error);
			}
		},
		answer: async (request, outcome) => {
			await caller.call('router.answer', { request, ...outcome });
		},
		events: (signal) => caller.stream('router.events', {}, { signal, window: 256 }) as AsyncIterable<RouterEvent>,
		stop: async () => {
			await caller.call('router.stop', {});
			await closed;
			// a connection closes a moment before its process is gone, and nothing may be left behind
			const deadline = options.clock.monotonicMs() + endMs;
			while (isAlive(status.pid) && options.clock.monotonicMs() < deadline) await options.clock.sleep(lookEveryMs);
		},
	};
}

/** What is wrong with a message is told by whoever was asked to send it. */
function aboutMessage(error: unknown): unknown {
	if (!(error instanceof RemoteError)) return error;
	const { code, data } = error.wire;
	if (code === 'message.refused') return new OrchError(code, data as ErrorData<typeof code>, { cause: error });
	if (code === 'reply.missing') return new OrchError(code, data as ErrorData<typeof code>, { cause: error });
	if (code === 'reply.error') return new OrchError(code, data as ErrorData<typeof code>, { cause: error });
	if (code === 'message.invalid') return new OrchError(code, data as ErrorData<typeof code>, { cause: error });
	return error;
}

/** A link as the router knows it: without what only the daemon keeps. */
function toRouterLink({ id, from, type, to, messages, bytes, overflow, whileDown }: LinkRow) {
	return { id, from, type, to, messages, bytes, overflow, whileDown };
}

function isAlive(pid: number): boolean {
	try {
		process.kill(pid, 0);
		return true;
	} catch {
		return false;
	}
}
