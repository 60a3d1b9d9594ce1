/** The supervisor as its users see it. */
import type { Publisher } from '@orch/base';
import type { Journal } from './journal.ts';
import type { Figures } from './figures/index.ts';
import type { OutputStore } from './output/index.ts';
import type { Prepare, SettleReport, World } from './ports.ts';
import type { Escaped, RuntimeSnapshot, SupervisorEvent } from './snapshot.ts';
import type { Priority, RuntimeSpec } from './spec.ts';
import type { Goal } from './wait-for.ts';
import type { Why } from './why.ts';

export interface SupervisorOptions extends World {
	/** Holds `processes/` and `logs/`; belongs to this supervisor alone. */
	readonly stateDirectory: string;
	readonly journal: Journal;
	readonly prepare: Prepare;
	/** Called once for every generation that was prepared, when its process has ended or could not be launched. */
	readonly ended: (runtimeId: string, generation: number) => void;
}

export interface Supervisor {
	/** Every change, in order, at once. */
	readonly events: Publisher<SupervisorEvent>;
	/**
	 * Knows again what is in the journal, and who of it lives, and takes back whoever lives and is not in it; to be called once,
	 * before anything else. Nothing is signalled, launched or judged before `resume`.
	 */
	restore(): Promise<readonly RestoredRuntime[]>;
	/** Writes down again which processes run, where somebody has removed that: the next supervisor would launch them again. Gives of how many. */
	recoverRecords(): number;
	/** Ends what an earlier daemon left running and no runtime of the journal has: after `restore`, and before anything is started. */
	settle(): Promise<SettleReport>;
	/** Goes on with all of it: what ended meanwhile is settled by its restart policy, what was to be done is done. */
	resume(): void;
	/** Registers all of them, or none where it throws, id_taken for one; starts nothing. */
	add(...specs: readonly RuntimeSpec[]): void;
	/**
	 * Gives it another spec, of the same id and name: policies, probes, limits, schedule and the like hold from now on, what its process
	 * is made of from its next start on. Throws as add does, and where it is being removed.
	 */
	respecify(spec: RuntimeSpec): RuntimeSnapshot;
	/** In the order in which they were added. */
	list(): readonly RuntimeSnapshot[];
	find(id: string): RuntimeSnapshot | undefined;
	/** As find, but throws not_found. */
	snapshot(id: string): RuntimeSnapshot;
	/** What a start of it would start as well: what it needs and nobody has started, in that order. */
	toStartFor(id: string): readonly string[];
	/**
	 * Resolves once the program runs, at once where it does. Rejects with waits where what it needs will not come by itself;
	 * it goes on waiting then. Rejects with start_failed, or superseded by a later stop or
	 * remove. `signal` ends the waiting, not the command: that holds for all commands here.
	 */
	start(
		id: string,
		options?: {
			/** Instead of the spec's, from now on. */
			readonly priority?: Priority | undefined;
			/** Start what it needs as well, as far as nobody has. Absent: yes. */
			readonly withNeeds?: boolean | undefined;
			readonly signal?: AbortSignal | undefined;
		},
	): Promise<RuntimeSnapshot>;
	/** Resolves when nothing of the runtime is left; rejects with stop_incomplete naming what is. `graceMs` instead of the policy's; it can shorten a stop under way. */
	stop(
		id: string,
		options?: { readonly graceMs?: number | undefined; readonly signal?: AbortSignal | undefined },
	): Promise<RuntimeSnapshot>;
	/** Stops what runs and starts anew; resolves as start does. */
	restart(
		id: string,
		options?: { readonly graceMs?: number | undefined; readonly signal?: AbortSignal | undefined },
	): Promise<RuntimeSnapshot>;
	/**
	 * Forgets the runtime and its output, unless that is to be kept: then it stays until it is old. Rejects with running unless `force`
	 * is set; with stop_incomplete, and then keeps it. Where `leaveEscaped` is set, and it rests and its snapshot has named what escaped, that
	 * is tried once more and then left behind, for the next daemon to end.
	 */
	remove(
		id: string,
		options?: {
			readonly force?: boolean | undefined;
			readonly leaveEscaped?: boolean | undefined;
			readonly keepOutput?: boolean | undefined;
			readonly signal?: AbortSignal | undefined;
		},
	): Promise<RuntimeSnapshot>;
	/** Why it is as it is: itself, and what it waits for. */
	why(id: string): Promise<readonly Why[]>;
	/**
	 * Resolves when it has come to what is waited for, at once where it has already; rejects with not_reached where it will not
	 * come to that unless somebody does something.
	 */
	waitFor(id: string, goal: Goal, signal?: AbortSignal): Promise<RuntimeSnapshot>;
	/** Sends a signal to the program alone; gives its pid. Throws not_running, unknown_signal. */
	signal(id: string, name: string): number;
	/** The program says that it is ready. What comes from an earlier generation is ignored. */
	markReady(id: string, generation: number): void;
	/** The bytes of a stream as the program wrote them, 64 KiB at most at a time: the backlog, or its last `lines`, then what comes. Returns how it ended. */
	output(
		id: string,
		stream: 'stdout' | 'stderr',
		options: {
			readonly follow: boolean;
			readonly lines?: number | undefined;
			readonly signal?: AbortSignal | undefined;
			/** Told before the chunk that follows, how much was removed between it and the one before. */
			readonly onRemoved?: ((bytes: number) => void) | undefined;
		},
	): AsyncGenerator<Uint8Array, 'end' | 'removed', void>;
	/**
	 * Stops all that run, at the same time, because the daemon ends; resolves when nothing is left, with what could not be
	 * ended. What is wanted of them stays: the next daemon starts them again.
	 */
	stopAll(options?: {
		readonly graceMs?: number | undefined;
	}): Promise<readonly { readonly id: string; readonly name: string; readonly escaped: readonly Escaped[] }[]>;
	/** All that they have written: told by time as well, and kept within its limits. */
	readonly outputs: OutputStore;
	/** What the processes use: taken when somebody looks. */
	readonly figures: Pick<Figures, 'watch' | 'glance' | 'looked'>;
	/** Refuses all further commands, restarts nothing any more, and lets go of what runs without stopping it. */
	close(): Promise<void>;
}

export interface RestoredRuntime {
	readonly spec: RuntimeSpec;
	readonly generation: number;
	/** Who runs. */
	readonly process: { readonly processId: string; readonly generation: number } | undefined;
	/** What became of the process that ran under the daemon before, if one did. */
	readonly became: 'adopted' | 'ended' | 'none';
	/** The journal did not know it: the record of its process, which lives, has told what it is. */
	readonly wasLost: boolean;
}
