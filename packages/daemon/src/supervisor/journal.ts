/** What a supervisor writes down of its runtimes, so that the next one goes on where it was: the port, and the shape of a memory. */
import type { SignalName } from './exit-record.ts';
import type { LastExit } from './snapshot.ts';
import type { RuntimeSpec } from './spec.ts';

/**
 * Every verb has happened when it returns: it outlives this process, killed at whatever instruction. What lives is not in here: each
 * process has its record in a file (process-record.ts), which the launch shim writes to as well.
 */
export interface Journal {
	/** In the order in which they were added. */
	load(): readonly KeptRuntime[];
	/** All of them, or none where it throws. */
	added(...kept: readonly KeptRuntime[]): void;
	respecified(id: string, spec: RuntimeSpec): void;
	remembered(id: string, memory: RuntimeMemory): void;
	/** Throws where the state does not take it: then it is as it was. */
	removed(id: string): void;
	/** A process runs. */
	began(life: LifeBegun): void;
	/** It has ended. */
	ended(processId: string, end: LifeEnd): void;
}

export interface KeptRuntime {
	readonly spec: RuntimeSpec;
	readonly addedAt: number;
	readonly memory: RuntimeMemory;
}

/** All times are milliseconds since the Unix epoch, for the clocks that only grow are of one daemon. */
export interface RuntimeMemory {
	readonly version: 1;
	/** The boot in which this was written. */
	readonly bootId: string;
	readonly desired: 'running' | 'stopped';
	readonly generation: number;
	/** The last generation whose end has been judged: it and what was before it are history. */
	readonly settled: number;
	readonly readyGeneration: number;
	/** The last one whose startup probe has succeeded. */
	readonly startedUpGeneration: number;
	readonly restarts: number;
	readonly state: RememberedState;
	readonly lastExit: RememberedExit | null;
}

export type RememberedState =
	| { readonly kind: 'stopped' | 'exited' }
	/** A process is being launched or runs; its record says how far that got. */
	| { readonly kind: 'active'; readonly account: RememberedAccount }
	/** `condemned`: it is ended as a failure, and once nothing is left the policy decides. */
	| { readonly kind: 'stopping'; readonly thenStart: boolean; readonly condemned?: RememberedCondemned }
	| { readonly kind: 'backoff'; readonly account: RememberedAccount; readonly reason: string; readonly nextAt: number }
	| { readonly kind: 'failed'; readonly account: RememberedAccount; readonly reason: string; readonly nextAt: number | null };

export interface RememberedCondemned {
	readonly account: RememberedAccount;
	readonly end: { readonly what: string; readonly livedMs: number; readonly at: number; readonly chance: number };
}

export interface RememberedAccount {
	readonly failures: readonly number[];
	readonly tries: number;
	readonly gaveUp: boolean;
}

export interface RememberedExit {
	readonly code: number | null;
	readonly signal: SignalName | null;
	readonly coreDumped: boolean;
	readonly at: number;
	readonly notBefore?: number | undefined;
	readonly by: LastExit['by'];
	readonly reason: string | null;
}

export interface LifeBegun {
	readonly processId: string;
	readonly runtimeId: string;
	readonly generation: number;
	/** The program's. */
	readonly pid: number;
	readonly startTicks: number;
	readonly bootId: string;
	readonly startedAt: number;
}

export interface LifeEnd {
	readonly at: number;
	readonly exit: RememberedExit;
}
