/**
 * orchd for programs that run it within themselves: `createOrchestrator`.
 *
 * Guarantees: nothing is begun before `listen`, nothing is left after `close`; several may be there at a time, on different
 * sockets. Deliberately not here: what a client does over a socket (the operations of `@orch/protocol`).
 */
export {
	createOrchestrator,
	type Listening,
	type Orchestrator,
	type OrchestratorOptions,
	type RegisteredRunner,
	type Registry,
	type RunnerWish,
} from './orchestrator.ts';
