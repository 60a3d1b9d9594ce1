/** What is asked of a runtime: its program, when to restart it, how to stop it. */
import { constants } from 'node:os';

export interface RuntimeSpec {
	/** A UUIDv7. */
	readonly id: string;
	readonly name: string;
	/** An absolute path. */
	readonly program: string;
	readonly args: readonly string[];
	/** An absolute path. */
	readonly cwd: string;
	/** All that a process gets, but for ORCH_*: nothing of the daemon's own. */
	readonly env: Readonly<Record<string, string>>;
	readonly priority: Priority;
	readonly privileged: boolean;
	readonly restart: RestartPolicy;
	readonly stop: StopPolicy;
}

export type Priority = 'high' | 'normal' | 'low';

/** The nice value of each priority. */
export const niceOf: Readonly<Record<Priority, number>> = { high: -10, normal: 0, low: 10 };

export interface RestartPolicy {
	readonly when: 'no' | 'on-failure' | 'always';
	/** The first restart is at once; the second waits this long, each later one twice as long as the one before. */
	readonly firstMs: number;
	readonly capMs: number;
	/** Give up after so many failures within `withinMs`; 0 never gives up. */
	readonly failures: number;
	readonly withinMs: number;
	/** After giving up: null parks, a number tries again every so many milliseconds. */
	readonly retryEveryMs: number | null;
	/** A process that lived this long resets waits and failures. */
	readonly healthyMs: number;
}

export interface StopPolicy {
	readonly signal: NodeJS.Signals;
	/** From the signal to SIGKILL. */
	readonly graceMs: number;
}

export const defaultRestart: RestartPolicy = {
	when: 'on-failure',
	firstMs: 500,
	capMs: 30_000,
	failures: 5,
	withinMs: 60_000,
	retryEveryMs: null,
	healthyMs: 60_000,
};

export const defaultStop: StopPolicy = { signal: 'SIGTERM', graceMs: 10_000 };

/** Whether this system has a signal of that name. */
export function isSignal(name: string): name is NodeJS.Signals {
	return Object.hasOwn(constants.signals, name);
}
