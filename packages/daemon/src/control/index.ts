/**
 * Control: how requests reach the domains: sockets, sessions, checks, handlers.
 *
 * Guarantees: one daemon per socket and per state; a request is checked against its declaration before a handler sees it;
 * bad input gets a typed error and harms no other client. Deliberately not here: decisions. Handlers translate.
 */
export { createCheck } from './check.ts';
export { emptyEvent, type EventKeeper, EventLog, type EventLogOptions, type NewEvent } from './event-log.ts';
export { binaryHandlers } from './handlers/binary.ts';
export { type DaemonFacts, daemonHandlers } from './handlers/daemon.ts';
export { type Directory, type Entry, isoTime, resolveRuntime, resolveRuntimes } from './handlers/directory.ts';
export { type LinkHandlersOptions, linkHandlers } from './handlers/link.ts';
export { type ProjectHandlersOptions, projectHandlers } from './handlers/project.ts';
export { describeRunner, type RunnerHandlersOptions, runnerHandlers } from './handlers/runner.ts';
export {
	type Flows,
	type RuntimeDetails,
	type Removed,
	type RuntimeHandlersOptions,
	type RuntimeColumns,
	type RuntimeInfo,
	type Runtimes,
	type RuntimeWish,
	runtimeHandlers,
	type WhichRuntimes,
} from './handlers/runtime.ts';
export { watchHandlers, type WatchHandlersOptions } from './handlers/watching.ts';
export { whyHandlers, type WhyHandlersOptions, type WhyRuntime } from './handlers/why.ts';
export { type Lock, Locked, takeLock } from './lock.ts';
export { freeName, nameOfProgram } from './names.ts';
export { everySoOften } from './rounds.ts';
export { clearStale, prepareSocketDirectory, SocketRefused, SocketServer, type SocketServerOptions } from './socket-server.ts';
