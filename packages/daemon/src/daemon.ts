/** The composition root: builds the daemon's parts in order, closes them in reverse. */
import { createHash } from 'node:crypto';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Clock, type Logger, makePrivateDirectory, measureSocketPath, type Random, Scope, settleAll } from '@orch/base';
import { api, type Call, createDispatch, type Dispatch, type RunnerInfo, suggest } from '@orch/protocol';
import type { HolderState, Places } from '@orch/protocol/wire';
import { Binaries } from './binaries/index.ts';
import {
	binaryHandlers,
	clearStale,
	createCheck,
	daemonHandlers,
	describeRunner,
	emptyEvent,
	EventLog,
	everySoOften,
	isoTime,
	linkHandlers,
	prepareSocketDirectory,
	projectHandlers,
	runnerHandlers,
	runtimeHandlers,
	SocketServer,
	takeLock,
	watchHandlers,
	whyHandlers,
} from './control/index.ts';
import { Links } from './links/index.ts';
import { openStore } from './store/index.ts';
import { createSupervisor, looked } from './supervisor/index.ts';
import {
	answerControlRequests,
	createEventKeeper,
	createJournal,
	createLinkJournal,
	createRouterGate,
	createStateWatch,
	createUserSockets,
	joinProjects,
	joinRuntimes,
	readEnvFiles,
	joinWhy,
	livesOf,
	nameBy,
	projectNotices,
	restoreTypes,
	tellOfLinks,
	tellOfProjects,
	tellOfRouter,
	tellOfRuntimes,
} from './wiring/index.ts';

/** What a state that cannot be opened is refused with. */
export { StoreError } from './store/index.ts';

/** Nothing can be kept where it was to be. */
export class HomeRefused extends Error {
	override readonly name = 'HomeRefused';
}

export interface DaemonOptions {
	readonly places: Places;
	readonly log: Logger;
	readonly logLevel: string;
	readonly clock: Clock;
	readonly random: Random;
	readonly uid: number;
	/** The program of the router. */
	readonly routerProgram: string;
	/** What the runtimes of a project start with where nobody says it: PATH and the like. */
	readonly inherited: Readonly<Record<string, string>>;
	/** Check answers against their declarations as well: for tests. */
	readonly checkResults?: boolean;
}

export interface Daemon {
	/** Stops every runtime gracefully, or keeps all of them running, then ends everything else; calling it again waits for the same stop. */
	stop(what?: 'stop' | 'keep'): Promise<void>;
	/** Settles when it has ended. */
	readonly closed: Promise<void>;
	/** The way in without a socket: what the socket itself uses. */
	readonly dispatch: Dispatch;
	/** The runners at this moment; the listener is called after one has come, moved, been reloaded or gone. */
	readonly runners: { list(): readonly RunnerInfo[]; subscribe(changed: () => void): () => void };
}

/** How many runtimes ran: stopped with the daemon, or kept running without it. */
interface Stopped {
	readonly stopped: number;
	readonly kept: number;
}

/** How long one part may take to close. A stop of runtimes has deadlines of its own and is not cut short by this. */
const closeMs = 10_000;
/** How often it is looked whether what the daemon stands on is still there: a wait that a person can stand, and nothing for the processor. */
const roundMs = 5_000;
/** Registered runtimes at once. */
const maxRuntimes = 10_000;
/** The longest name that is made in the directory of the sockets: 12 digits and `.v.sock`, behind `.d/`. */
const longestSocketName = '.d/0123456789ab.v.sock';

export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
	const { places, log, clock, random, uid } = options;
	measureSocketPath(`${places.socket}${longestSocketName}`);
	const scope = new Scope({ clock, log, closeMs });
	const startedAt = clock.now();
	const startedMs = clock.monotonicMs();
	const notices: string[] = [];
	/** What becomes of the runtimes, and with them of the router, when this daemon ends. Before it is known whether any run, all are kept. */
	let onStop: 'stop' | 'keep' = 'keep';
	let stopping: Promise<Stopped> | undefined;
	try {
		prepareSocketDirectory(places.socket.slice(0, places.socket.lastIndexOf('/')) || '/', uid);
		makeHome(places.home);
		/** How the socket is, for who finds none and asks the lock: an answer makes it whole again where it can be. */
		let tellOfSocket = async (): Promise<string> => 'is starting' satisfies HolderState;
		const socketLock = await takeLock('socket', places.socket, uid, () => tellOfSocket());
		scope.add('lock of the socket', () => socketLock.release());
		const stateLock = await takeLock('state', places.home, uid);
		scope.add('lock of the state', () => stateLock.release());
		// before anything is begun that a refusal would have to undo
		await clearStale(places.socket, log);
		prepareSocketDirectory(places.socketDirectory, uid);
		scope.add('directory of the runtimes’ sockets', () => {
			if (onStop === 'stop') rmSync(places.socketDirectory, { recursive: true, force: true });
		});

		const opened = openStore({ path: join(places.home, 'orch.db'), clock, log });
		notices.push(...opened.notices);
		const { store } = opened;
		scope.add('store', () => store.close());

		const binaries = new Binaries({ clock, random, log, directory: join(places.home, 'binaries') });
		scope.add('uploads', () => binaries.close());

		const gate = createRouterGate({
			clock,
			log,
			program: options.routerProgram,
			socket: places.routerSocket,
			stateDirectory: join(places.home, 'router'),
			logFile: join(places.home, 'router.log'),
			logLevel: options.logLevel,
		});
		const events = new EventLog({ log, keeper: createEventKeeper(store.events) });
		const secret = secretOf(places.home, random);
		const links: Links = new Links({
			clock,
			random,
			log,
			gate,
			secret,
			socketDirectory: places.socketDirectory,
			journal: createLinkJournal(store),
			routerChanged: tellOfRouter({ events, clock }),
			changed: (change) => tellOfLinks({ events, clock }, nameBy(links))(change),
		});
		scope.add('router', () => (onStop === 'keep' ? links.release() : links.close()));

		const journal = createJournal({ store, clock, log });
		scope.add('journal', () => journal.close());
		const supervisor = createSupervisor({
			clock,
			random,
			log,
			stateDirectory: places.home,
			journal,
			prepare(runtime, process, signal) {
				const defaults = readEnvFiles(supervisor.snapshot(runtime).spec.envFiles ?? []);
				const { env, ready } = links.prepare(runtime, process, signal);
				return { env: { ...env, ORCH_SOCKET: places.socket }, defaults, ready };
			},
			ended: (runtime, generation) => links.ended(runtime, generation),
		});
		scope.add('supervisor', () => supervisor.close());

		scope.add('events of runtimes', tellOfRuntimes({ events, supervisor, clock }));
		supervisor.outputs.told.subscribe((reason) =>
			events.append({ at: isoTime(clock.now()), kind: 'notice', ...emptyEvent, reason }),
		);
		// only root can run programs as others, and only there is it needed
		const userSockets = uid === 0 ? createUserSockets(userSocketDirectory(places.socket)) : undefined;
		scope.add('sockets of other users’ runtimes', () => {
			if (onStop === 'stop') userSockets?.close();
		});
		const history = (id: string) => livesOf(store, id);
		const runtimes = joinRuntimes({ supervisor, links, binaries, clock, random, log, history, userSockets });
		const restored = await supervisor.restore();
		// a start that fails must not harm what runs
		onStop = restored.length > 0 ? 'keep' : 'stop';
		runtimes.restore(restored);
		supervisor.outputs.allAreOpen();
		links.restore();
		restoreTypes({ links, store });
		links.start();
		// what runs and belongs to nobody that is known: never a duplicate, never a process that nobody stops
		const leftovers = await supervisor.settle();
		for (const { name, pid } of leftovers.stopped) {
			notices.push(`stopped ${name} (pid ${pid}), which an earlier daemon had left running`);
		}
		for (const { spec, process } of restored.filter(({ wasLost }) => wasLost)) {
			notices.push(
				`${spec.name} (process ${process?.generation ?? 0} of its) runs and was not in the state: it was taken back from the record of its process; links that it had may be missing`,
			);
		}
		for (const { pid, command } of leftovers.escaped)
			notices.push(`could not stop pid ${pid} (${command}), which an earlier daemon had left running`);
		for (const reason of notices) events.append({ at: isoTime(clock.now()), kind: 'notice', ...emptyEvent, reason });
		supervisor.resume();
		const adopted = restored.filter(({ became }) => became === 'adopted').length;
		log.info('state restored', { runtimes: restored.length, adopted, links: links.list().length });

		const projects = joinProjects({ supervisor, runtimes, links, store, clock, log, maxRuntimes });
		scope.add('projects', () => projects.close());
		scope.add('events of projects', tellOfProjects({ projects, events, clock }));
		await projects.restore();

		const lookAfterState = createStateWatch({
			home: places.home,
			store,
			secret,
			recoverRecords: () => supervisor.recoverRecords(),
			clock,
			log,
			told(reason) {
				notices.push(reason);
				events.append({ at: isoTime(clock.now()), kind: 'notice', ...emptyEvent, reason });
			},
		});

		/** What is there, not what is wanted: one that failed, or waits for its next start, has no process. */
		const countRunning = () => runtimes.list().filter(({ pid }) => pid !== null).length;
		const stopAll = async () => {
			const running = countRunning();
			onStop = 'stop';
			// a file that is saved now must start nothing any more
			await projects.close();
			await supervisor.stopAll();
			await lookAfterState('look');
			return { stopped: running, kept: 0 };
		};
		const keepAll = async () => {
			onStop = 'keep';
			await projects.close();
			await lookAfterState('end');
			return { stopped: 0, kept: countRunning() };
		};
		const beginStop = (what: 'stop' | 'keep' = 'stop'): Promise<Stopped> => {
			stopping ??= what === 'keep' ? keepAll() : stopAll();
			return stopping;
		};
		const whileOpen = (call: Call<'daemon.stopping'>) => {
			if (stopping !== undefined) call.fail('daemon.stopping', {});
		};

		const runtimesOf = (project: string) =>
			supervisor
				.list()
				.filter(({ spec }) => spec.project === project)
				.map(({ spec }) => spec.name);

		const dispatch = createDispatch(
			api,
			{
				...daemonHandlers({
					async status() {
						await lookAfterState('look');
						const router = links.router.connection;
						const counts: Record<string, number> = {};
						for (const { status } of runtimes.list()) counts[status] = (counts[status] ?? 0) + 1;
						return {
							startedAt: isoTime(startedAt),
							uptimeMs: Math.round(clock.monotonicMs() - startedMs),
							socket: places.socket,
							home: places.home,
							memoryBytes: residentBytes(),
							runtimes: counts,
							links: links.list().length,
							router: {
								status: router ? 'running' : 'starting',
								pid: router?.pid ?? null,
								version: router?.version ?? null,
								memoryBytes: router ? await router.memoryBytes().catch(() => null) : null,
								restarts: links.router.restarts,
							},
							notices: [...notices, ...supervisor.outputs.notices, ...projectNotices(projects)],
						};
					},
					async stop(what) {
						try {
							return await beginStop(what);
						} finally {
							// after the answer has been written
							clock.setTimer(0, () => void daemon.stop());
						}
					},
					async clear(signal) {
						const before = { runtimes: runtimes.list().length, links: links.list().length };
						await projects.clear();
						const all = runtimes.list();
						const removed = await settleAll(
							all.map(({ id }) => runtimes.remove(id, { force: true, leaveEscaped: true, signal })),
						);
						for (const { id } of links.list()) links.remove(id);
						const dropped = await Promise.all(removed.map(({ droppedMessages }) => droppedMessages));
						const droppedMessages = dropped.includes(null) ? null : dropped.reduce<number>((sum, one) => sum + (one ?? 0), 0);
						return { ...before, droppedMessages };
					},
				}),
				...runtimeHandlers({ runtimes, binaries, maxRuntimes, now: () => clock.now(), whileOpen }),
				...binaryHandlers(binaries),
				...linkHandlers({ links, directory: runtimes, clock, whileOpen }),
				...watchHandlers({ events, runtimes, clock }),
				...projectHandlers({ projects, whileOpen, runtimesOf }),
				...runnerHandlers({ projects, whileOpen, runtimesOf, inherited: options.inherited }),
				...whyHandlers({ directory: runtimes, ...joinWhy({ supervisor, describe: runtimes.describe }) }),
			},
			{
				check: createCheck(),
				checkResults: options.checkResults ?? false,
				onDefect: (error, operation) => log.error('defect in an operation', { operation, error }),
				suggest,
			},
		);
		scope.add('control requests of runtimes', answerControlRequests({ links, supervisor, dispatch, log }));

		const server = await SocketServer.open({ path: places.socket, dispatch, log, clock, uid });
		scope.add('control socket', () => server.close());
		const lookAfterSocket = async () => {
			const state = await server.lookAfter();
			if (state === 'listens anew') {
				const reason = `the socket ${places.socket} was gone: orchd listens on it again`;
				events.append({ at: isoTime(clock.now()), kind: 'notice', ...emptyEvent, reason });
			}
			return state === 'is closed' ? ('is stopping' satisfies HolderState) : state;
		};
		tellOfSocket = lookAfterSocket;
		scope.add(
			'rounds',
			everySoOften(clock, roundMs, async () => {
				await lookAfterSocket();
				await lookAfterState('look');
			}),
		);
		log.info('listening', { socket: places.socket, home: places.home });

		let settleClosed: () => void = () => {};
		const closed = new Promise<void>((resolve) => {
			settleClosed = resolve;
		});
		const daemon: Daemon = {
			dispatch,
			runners: {
				list: () => projects.runners().map((status) => describeRunner(status, runtimesOf(status.record.name))),
				subscribe: (changed) =>
					projects.events.subscribe(({ project, kind }) => {
						if (kind === 'unmounted' || projects.find(project)?.record.mount) changed();
					}),
			},
			closed,
			async stop(what) {
				try {
					await beginStop(what);
				} catch (error) {
					// whatever it was, this daemon is of no use any more: the next one takes up what is left
					log.error('the stop failed, and orchd ends', { error });
				}
				await scope.close();
				log.info('stopped');
				settleClosed();
			},
		};
		return daemon;
	} catch (error) {
		await scope.close();
		throw error;
	}
}

/** Another one for each daemon, where everybody may pass. */
let lastBytes = 0;
/** Told when little else can be: what was seen last where it cannot be seen now. */
function residentBytes(): number {
	try {
		lastBytes = looked(() => process.memoryUsage.rss());
	} catch {
		// no descriptor is left
	}
	return lastBytes;
}

function makeHome(home: string): void {
	try {
		makePrivateDirectory(home);
	} catch (cause) {
		throw new HomeRefused(`cannot keep the state in ${home}: ${(cause as Error).message}`, { cause });
	}
}

function userSocketDirectory(socket: string): string {
	return `/run/orch-${createHash('sha256').update(socket).digest('hex').slice(0, 12)}`;
}

/** The key of the tokens, made once: 32 unpredictable bytes that only the owner can read. */
function secretOf(home: string, random: Random): Uint8Array {
	const path = join(home, 'secret');
	try {
		const kept = readFileSync(path);
		if (kept.length === 32) return kept;
	} catch {
		// not there yet
	}
	const secret = random.bytes(32);
	writeFileSync(path, secret, { mode: 0o600 });
	return secret;
}
