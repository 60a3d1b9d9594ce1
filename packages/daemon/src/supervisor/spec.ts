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
	/** Whether a daemon that starts, starts it too, where it was wanted to run. Absent is true. */
	readonly autostart?: boolean | undefined;
	readonly labels?: Readonly<Record<string, string>> | undefined;
	/** Absolute paths of files of NAME=value lines, read at each start; `env` goes before them, a later file before an earlier one. */
	readonly envFiles?: readonly string[] | undefined;
	/** Name or number of the user it runs as, where the daemon is root. */
	readonly user?: string | undefined;
	/** Octal, such as 027. */
	readonly umask?: string | undefined;
	readonly probes?: Probes | undefined;
	readonly needs?: readonly Need[] | undefined;
	/** TCP ports that the program listens on: checked to be free before each start. */
	readonly ports?: readonly number[] | undefined;
	readonly limits?: Limits | undefined;
	readonly schedule?: Schedule | undefined;
	readonly watch?: Watch | undefined;
	readonly output?: OutputLimits | undefined;
	/** Which of several instances of one thing this is; `name` is then `<group>-<index>`. */
	readonly group?: InstanceGroup | undefined;
	/** The project that declares it. */
	readonly project?: string | undefined;
}

export interface Probes {
	/** Until it has succeeded the others are not asked; when it fails for good the process is ended as a failure. */
	readonly startup?: Probe | undefined;
	/** Whether it is ready, asked as long as it runs. */
	readonly ready?: Probe | undefined;
	/** When it fails the process is restarted, with the reason. */
	readonly live?: Probe | undefined;
}

export interface Probe {
	readonly check: ProbeCheck;
	/** Absent: 1 s. */
	readonly everyMs?: number | undefined;
	/** Of one look. Absent: 1 s; for `log` and `notify` in `startup` and `ready`: no end. */
	readonly timeoutMs?: number | undefined;
	/** From the start of the process, or from the end of the startup probe, to the first look. Absent: 0. */
	readonly delayMs?: number | undefined;
	/** Failures in a row that make it fail. Absent: 3, for `startup` 60. */
	readonly failures?: number | undefined;
	/** Successes in a row that make it succeed. Absent: 1. */
	readonly successes?: number | undefined;
}

export type ProbeCheck =
	/** Any status from 200 to 399, or one of `statuses`. */
	| {
			readonly kind: 'http';
			readonly url: string;
			readonly headers?: Readonly<Record<string, string>> | undefined;
			readonly statuses?: readonly number[] | undefined;
	  }
	| { readonly kind: 'tcp'; readonly port: number; readonly host?: string | undefined }
	/** Exit code 0, in the environment and directory of the runtime. */
	| { readonly kind: 'exec'; readonly command: readonly string[] }
	/** A line that matches the regular expression. */
	| { readonly kind: 'log'; readonly pattern: string; readonly stream?: 'stdout' | 'stderr' | undefined }
	/** The program says so: ready() of the SDK, or a newline on the descriptor that ORCH_NOTIFY_FD names. */
	| { readonly kind: 'notify' };

export interface Need {
	/** The name of the runtime that is needed; one that does not exist yet is waited for. */
	readonly runtime: string;
	readonly condition: 'started' | 'ready' | 'succeeded';
	/** What becomes of this one when the needed one is restarted. Absent: keep. */
	readonly onRestart?: 'keep' | 'restart' | 'stop' | undefined;
}

export interface Limits {
	/** Resident memory of all its processes; beyond it is restarted, with the reason. */
	readonly memoryBytes?: number | undefined;
}

export interface Schedule {
	/** Five or six fields, or @hourly and the like. */
	readonly cron: string;
	/** An IANA name; absent: the daemon's own. */
	readonly timeZone?: string | undefined;
	readonly action: 'start' | 'restart';
	/** When `start` is due while it still runs. Absent: skip. */
	readonly overlap?: 'skip' | 'queue' | 'replace' | undefined;
}

export interface Watch {
	/** Absolute paths of files and directories. */
	readonly paths: readonly string[];
	/** Glob patterns, relative to the watched paths. */
	readonly ignore?: readonly string[] | undefined;
	/** Changes that are no farther apart are one. Absent: 300 ms. */
	readonly quietMs?: number | undefined;
}

export interface OutputLimits {
	/** Of live files and segments of both streams together. */
	readonly maxBytes: number;
	readonly segmentBytes?: number | undefined;
}

export interface InstanceGroup {
	readonly name: string;
	/** From 1 on. */
	readonly index: number;
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
	/** Exit codes beside 0 that are no failure. */
	readonly successExitCodes?: readonly number[] | undefined;
}

export interface StopPolicy {
	readonly signal: NodeJS.Signals;
	/** From the signal to SIGKILL. */
	readonly graceMs: number;
	/** Run before the signal, in the runtime's environment and directory; ended after `commandMs` at the latest. */
	readonly command?: readonly string[] | undefined;
	/** Absent: 10 s. */
	readonly commandMs?: number | undefined;
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
