/**
 * Supervision: programs are launched, watched, restarted by policy and stopped with all that they forked.
 *
 * Guarantees: never two processes of one runtime; a stop is never forgotten and returns when nothing is left, or says
 * what is; no signal goes to a pid that has become someone else's; deadlines hold; a program's output is written by the
 * program itself and costs the daemon nothing. Deliberately not here: names and prefixes, sockets, messages, any store.
 */
export { checkProgram } from './check-program.ts';
export type { RestoredRuntime, Supervisor, SupervisorOptions } from './door.ts';
export {
	describeLaunchFault,
	LaunchError,
	type LaunchFault,
	type ProgramFault,
	SupervisorError,
	type SupervisorFault,
} from './faults.ts';
export {
	createPattern,
	keepOutputMs,
	type LogBatch,
	type LogsEnd,
	type LogsQuery,
	PatternError,
	readLogs,
} from './output/index.ts';
export type { Journal, KeptRuntime, LifeBegun, LifeEnd, RuntimeMemory } from './journal.ts';
export { wholeRuntime } from './kept.ts';
export type { Preparation, Prepare, SettleReport } from './ports.ts';
export { bootId } from './proc-scan.ts';
export { createProcessTable } from './proc-table.ts';
export type {
	BackoffInfo,
	Escaped,
	LastExit,
	RuntimeSnapshot,
	RuntimeStatus,
	StatusChanged,
	SupervisorEvent,
} from './snapshot.ts';
export {
	defaultRestart,
	defaultStop,
	isSignal,
	type Priority,
	type RestartPolicy,
	type RuntimeSpec,
	type StopPolicy,
} from './spec.ts';
export { looked } from './shortage.ts';
export { cronFault } from './triggers/index.ts';
export { findUser } from './user.ts';
export { createSupervisor } from './supervisor.ts';
export type { Goal } from './wait-for.ts';
export type { Why } from './why.ts';
