/**
 * What the daemon and the router stand on: time, chance, log, machines, mailboxes, scopes, sockets.
 *
 * Guarantees: nothing here knows anything about runtimes, links or workflows; only `clock.ts` reads time and only
 * `random.ts` draws chance. Deliberately not here: anything that only one of its users needs.
 */
export { Mailbox } from './actor.ts';
export { type Backoff, backoffMs } from './backoff.ts';
export { type Clock, sleepOn, systemClock, type Timer, withDeadline } from './clock.ts';
export { DirectoryUnusable, makePrivateDirectory } from './directory.ts';
export { type Listener, Publisher } from './events.ts';
export { createLogger, type LogFields, type Logger, type LogLevel, logLevels, readableDestination, silentLogger } from './log.ts';
export { diagram, type Row, type Step, step, type Table } from './machine.ts';
export { type Random, systemRandom } from './random.ts';
export { Scope, type ScopeOptions } from './scope.ts';
export { nextTurn, settleAll } from './turns.ts';
export {
	type ByteChannel,
	type ByteReceiver,
	closeServer,
	connectUnix,
	type ListenOptions,
	listenUnix,
	longestSocketPathBytes,
	measureSocketPath,
	SocketPathTooLong,
	socketChannel,
} from './unix-socket.ts';
export { canWatchTime } from './watchdog.ts';
