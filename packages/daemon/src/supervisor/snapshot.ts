/** A runtime as others see it: plain data, whole, never changed afterwards. */
import type { SignalName } from './exit-record.ts';
import type { RuntimeSpec } from './spec.ts';
import type { TriggerFacts } from './triggers/facts.ts';
import type { Usage } from './figures/index.ts';
import type { ProbeReport } from './probes/report.ts';

/** `waiting`: wanted to run, and something that it needs is not there yet. */
export type RuntimeStatus = 'stopped' | 'waiting' | 'starting' | 'running' | 'stopping' | 'backoff' | 'exited' | 'failed';

/** All times are milliseconds since the Unix epoch. */
export interface RuntimeSnapshot {
	readonly spec: RuntimeSpec;
	readonly status: RuntimeStatus;
	/** What the last accepted command asked for. */
	readonly desired: 'running' | 'stopped';
	/** False until the probes say so, or where they say so no more; undefined where none decides it and nobody has said so. */
	readonly ready: boolean | undefined;
	/** Why it is failed, or waits, or what its last launch could not do. */
	readonly reason: string | undefined;
	/** The program's, not the shim's. */
	readonly pid: number | undefined;
	/** Of the process that runs or ran last. */
	readonly processId: string | undefined;
	/** How many processes this runtime has had, counting those that could not be launched. */
	readonly generation: number;
	/** Restarts by policy since the last start by command. */
	readonly restarts: number;
	readonly addedAt: number;
	readonly startedAt: number | undefined;
	readonly uptimeMs: number | undefined;
	readonly lastExit: LastExit | undefined;
	/** Undefined where there is nothing to tell: no failure within the window, and no try to come. */
	readonly backoff: BackoffInfo | undefined;
	/** What its processes use; undefined where nothing runs, or nothing is known yet. */
	readonly usage: Usage | undefined;
	/** How its probes stand; of the last process where none runs. */
	readonly probes: readonly ProbeReport[];
	/** What starts or restarts it beside commands; undefined where nothing does. */
	readonly triggers?: TriggerFacts | undefined;
	/** What its last stop could not end. */
	readonly escaped: readonly Escaped[];
	readonly warnings: readonly string[];
	readonly stdoutPath: string;
	readonly stderrPath: string;
}

export interface LastExit {
	/** Neither code nor signal: how it ended is unknown, `reason` says why. */
	readonly code: number | undefined;
	readonly signal: SignalName | undefined;
	readonly coreDumped: boolean;
	/** At the latest, where `notBefore` is there. */
	readonly at: number;
	/** Where nobody saw the end, and nothing tells of it: that came between this and `at`. */
	readonly notBefore?: number | undefined;
	/** Who ended it: itself, or a stop (with or without SIGKILL). */
	readonly by: 'itself' | 'stop' | 'kill';
	readonly reason: string | undefined;
}

export interface BackoffInfo {
	/** Failures counted towards giving up. */
	readonly failures: number;
	/** The number at which it gives up; 0 is never. */
	readonly of: number;
	readonly withinMs: number;
	/** The next try. */
	readonly nextAt: number | undefined;
	readonly nextInMs: number | undefined;
}

export interface Escaped {
	readonly pid: number;
	readonly command: string;
}

export type SupervisorEvent =
	| { readonly kind: 'added'; readonly id: string; readonly name: string; readonly at: number }
	| { readonly kind: 'removed'; readonly id: string; readonly name: string; readonly at: number }
	| StatusChanged
	/** It runs since an earlier daemon, and is this one's from now on. */
	| {
			readonly kind: 'adopted';
			readonly id: string;
			readonly name: string;
			readonly at: number;
			readonly generation: number;
			readonly pid: number;
	  }
	| { readonly kind: 'ready'; readonly id: string; readonly name: string; readonly generation: number; readonly at: number }
	/** It was ready, and is not any more. */
	| {
			readonly kind: 'unready';
			readonly id: string;
			readonly name: string;
			readonly generation: number;
			readonly at: number;
			readonly reason: string | undefined;
	  }
	/** Something was left that could not be ended. */
	| {
			readonly kind: 'escaped';
			readonly id: string;
			readonly name: string;
			readonly at: number;
			readonly escaped: readonly Escaped[];
	  };

export interface StatusChanged {
	readonly kind: 'changed';
	readonly id: string;
	readonly name: string;
	readonly at: number;
	readonly generation: number;
	readonly from: RuntimeStatus;
	readonly to: RuntimeStatus;
	readonly pid: number | undefined;
	readonly reason: string | undefined;
	/** Set where a process has just ended. */
	readonly exit: LastExit | undefined;
}
