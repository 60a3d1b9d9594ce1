/** What the supervisor needs of the world: a launcher, the table of processes, and those who prepare a launch. */
import type { Clock, Logger, Random } from '@orch/base';
import type { HeldCgroup } from './cgroup.ts';
import type { ExitStatus } from './exit-record.ts';
import type { ProcessRecord } from './process-record.ts';
import type { Priority, RuntimeSpec, StopPolicy } from './spec.ts';

/** Which process a pid means: with its start time and the boot, for a pid alone is soon someone else's. */
export interface Identity {
	readonly pid: number;
	/** In clock ticks since the boot: field 22 of /proc/<pid>/stat. 0 where the system does not tell. */
	readonly startTicks: number;
}

export interface LaunchRequest {
	readonly processId: string;
	readonly generation: number;
	readonly runtimeId: string;
	readonly runtimeName: string;
	/** All that is asked of the runtime: for the daemon after us, should it find a state that does not know it. */
	readonly spec: RuntimeSpec;
	readonly program: string;
	readonly args: readonly string[];
	readonly cwd: string;
	/** The whole environment but for ORCH_PROCESS, which the launcher adds. */
	readonly env: Readonly<Record<string, string>>;
	readonly priority: Priority;
	/** The program is let go when this resolves, or at once where there is nothing to wait for; a rejection with a LaunchError calls the launch off. */
	readonly mayGo: Promise<void> | undefined;
	/** For the daemon after us, should it have to stop what we left. */
	readonly stop: StopPolicy;
	readonly stdoutPath: string;
	readonly stderrPath: string;
	/** Put before the program: another one, which executes it. */
	readonly before?: readonly string[] | undefined;
	/** The program's; ours where it is absent. */
	readonly umask?: number | undefined;
	/** A new file that the program gets opened for appending, as `descriptor`. */
	readonly notes?: { readonly path: string; readonly descriptor: number } | undefined;
}

export interface Launched {
	/** The shim: leader of the process group and of the session. */
	readonly root: Identity;
	readonly program: Identity;
	/** That of the shim, where there are any. */
	readonly cgroup?: HeldCgroup | undefined;
	readonly warnings: readonly string[];
	/** Calls `listener` once, when the process has ended, never before this turn is over. `killed` is asked then: whether we sent SIGKILL. */
	onExit(killed: () => boolean, listener: (status: ExitStatus) => void): void;
	/** Lets the daemon end while the process runs on. */
	release(): void;
}

export interface Launcher {
	/**
	 * Launches, or rejects with a LaunchError, in which case nothing runs. When `signal` is aborted before the program
	 * is let go nothing is launched; after that the launch is completed.
	 */
	launch(request: LaunchRequest, signal: AbortSignal): Promise<Launched>;
	/** Takes away what is recorded of a process that has ended with all it forked. */
	forget(processId: string): void;
	/** Marks what is recorded of a process that lives and is nobody's any more. Throws where that cannot be written. */
	disown(processId: string): void;
	/** Ends what was made ready for launches to come; launches nothing any more. */
	endSpares?(): Promise<void>;
}

/** What is written down of a process that an earlier daemon launched. */
export interface Recorded {
	readonly record: ProcessRecord;
	readonly launch: { readonly pid: number | undefined; readonly isLetGo: boolean; readonly hasEnded: boolean };
	/** Of another boot nothing lives, and no pid means anything. */
	readonly isThisBoot: boolean;
	/** The shim is there, by pid and start time. */
	readonly rootLives: boolean;
	/** How it ended, if it has; `killed` is whether we sent SIGKILL. */
	readonly statusIf: (killed: boolean) => ExitStatus;
	/** When its record changed last, in milliseconds since the Unix epoch: its end, where it has ended. */
	readonly changedAt: number;
}

export interface Adoption {
	/** Writes down again of whom somebody has removed the record while he lives; gives of how many. */
	recover(): number;
	/** Everything that is recorded; launches that were under way are settled by then. */
	recorded(): Promise<readonly Recorded[]>;
	/** Ends what of all that belongs to no runtime among `known`, and takes its records away. To be called once, after `recorded`. */
	settle(known: ReadonlySet<string>): Promise<SettleReport>;
	/** As if it had been launched here. */
	adopt(recorded: Recorded): Launched;
	/** Takes away a record, of another boot or of one that never ran. */
	drop(processId: string): void;
	close(): void;
}

/** What an earlier daemon left behind, and what became of it. */
export interface SettleReport {
	/** Runtimes of which something still ran, and was ended. */
	readonly stopped: readonly { readonly runtimeId: string; readonly name: string; readonly pid: number }[];
	readonly escaped: readonly { readonly pid: number; readonly command: string }[];
	/** How many recorded processes had ended with all they forked. */
	readonly gone: number;
}

export interface Preparation {
	/** Added to the environment. */
	readonly env: Readonly<Record<string, string>>;
	/** The same, but for what the spec says itself. */
	readonly defaults?: Readonly<Record<string, string>> | undefined;
	/** Awaited before the program is let go, while the shim is being spawned; a rejection calls the launch off. Undefined where all is done. */
	readonly ready: Promise<void> | undefined;
}

/** Called before each launch, in its turn: what takes time goes into `ready`. */
export type Prepare = (
	runtimeId: string,
	process: { readonly processId: string; readonly generation: number },
	signal: AbortSignal,
) => Preparation;

export interface World {
	readonly clock: Clock;
	readonly random: Random;
	readonly log: Logger;
}
