/**
 * The store: what is durable of the daemon's state, in verbs of the domain.
 *
 * Guarantees: a verb that has returned survives the death of the process, and with `settled()` a power cut; a verb or a transaction
 * happens whole or not at all, wherever it is interrupted; the state is never emptied in silence. Deliberately not here: what any of
 * it means. Bodies are JSON, no rule of the domains is known, and nothing is decided.
 */
export { StoreError, type StoreFault } from './errors.ts';
export { createMemoryStore } from './memory.ts';
export {
	defaultLimits,
	type Placed,
	type Store,
	type StoredEvent,
	type StoredEvents,
	type StoredLink,
	type StoredLinks,
	type StoredProcess,
	type StoredProcesses,
	type StoredProject,
	type StoredProjects,
	type StoredRuntime,
	type StoredRuntimes,
	type StoredSettings,
	type StoreLimits,
} from './ports.ts';
export { type OpenedStore, openStore, type StoreOptions } from './sqlite/open.ts';
