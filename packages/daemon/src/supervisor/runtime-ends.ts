/** Judges how the processes of a runtime end: which ends are failures and why, each written down once. */
import type { Clock, Logger, Random } from '@orch/base';
import { describeExit, isFailure, lastExitOf } from './exit.ts';
import type { ExitStatus } from './exit-record.ts';
import { describeLaunchFault, LaunchError, type LaunchFault } from './faults.ts';
import type { Journal } from './journal.ts';
import { rememberExit, timesOf } from './memory.ts';
import type { OomCounts, OomWitness } from './oom.ts';
import type { Recorded } from './ports.ts';
import { lifeOf, type Process } from './process.ts';
import type { End } from './restart.ts';
import type { RuntimeLedger } from './runtime-ledger.ts';
import type { LastExit } from './snapshot.ts';
import type { RuntimeSpec } from './spec.ts';

export interface RuntimeEndsOptions {
	readonly clock: Clock;
	readonly random: Random;
	readonly log: Logger;
	readonly journal: Journal;
	readonly ledger: RuntimeLedger;
	readonly oom?: OomWitness | undefined;
	readonly spec: () => RuntimeSpec;
}

interface When {
	readonly livedMs: number;
	readonly at: number;
	readonly notBefore?: number;
	readonly atMs: number;
}

export class RuntimeEnds {
	readonly #options: RuntimeEndsOptions;
	/** The last that has begun. */
	#process: Process | undefined;
	/** Of the time when it began. */
	#oomBefore: OomCounts | undefined;
	/** Why it must not go on. */
	#condemnedFor: string | undefined;
	#launchFault: LaunchFault | undefined;
	/** Sent by command, the last one. */
	#signalled: NodeJS.Signals | undefined;

	constructor(options: RuntimeEndsOptions) {
		this.#options = options;
	}

	/** Why the last launch has failed; undefined where it has not. */
	get launchFault(): LaunchFault | undefined {
		return this.#launchFault;
	}

	/** What was known of the process before is of no use for this one. */
	began(process: Process): void {
		this.#process = process;
		this.#oomBefore = this.#condemnedFor = this.#launchFault = this.#signalled = undefined;
		void this.#options.oom?.sample().then((counts) => {
			if (this.#process === process) this.#oomBefore = counts;
		});
	}

	/** Somebody has had this sent to it: where it ends by that, nobody else is told of. */
	signalled(signal: NodeJS.Signals): void {
		this.#signalled = signal;
	}

	/** `asked`: whether a stop was under way. */
	exited({ processId, generation, set, startedMs }: Process, status: ExitStatus, asked: boolean): End {
		const { clock } = this.#options;
		const atMs = clock.monotonicMs();
		const when = { livedMs: atMs - startedMs, at: clock.now(), atMs };
		return this.#settle({ processId, generation }, status, when, asked, set.killed);
	}

	/** How a process has ended that nobody was there for. One that was being stopped then was killed by that stop, if it could not say more. */
	away(recorded: Recorded, asked: boolean): End {
		const { record, statusIf, changedAt } = recorded;
		const { log, clock, journal, spec } = this.#options;
		const status = statusIf(asked);
		const livedMs = Math.max(0, changedAt - record.launchedAt);
		journal.began(lifeOf(recorded));
		const { processId } = record;
		log.info('process ended while no daemon was there', { runtime: spec().name, process: processId, ...status });
		const atMs = timesOf(clock).toMonotonic(changedAt);
		const recordedAt = Math.round(changedAt);
		// what its shim has not written down is later than what it has: the policy goes by what is certain, and people are told both
		const when =
			status.kind === 'unknown' ? { livedMs, at: clock.now(), notBefore: recordedAt, atMs } : { livedMs, at: recordedAt, atMs };
		return this.#settle(record, status, when, asked, asked);
	}

	launchFailed(error: unknown, generation: number): End {
		const { clock, random, log, ledger, spec } = this.#options;
		ledger.settled = generation;
		const fault: LaunchFault = error instanceof LaunchError ? error.fault : { kind: 'system', code: '', reason: String(error) };
		this.#launchFault = fault;
		const what = describeLaunchFault(fault);
		if (fault.kind !== 'abandoned') log.warn('launch failed', { runtime: spec().name, generation, error });
		return { failed: true, what, livedMs: 0, at: clock.monotonicMs(), chance: random.float() };
	}

	/** The process that runs must not go on: its end is a failure like any other to the policy. */
	condemned(reason: string, livedMs: number): End {
		const { clock, random, log, ledger, spec } = this.#options;
		this.#condemnedFor = reason;
		log.warn('process is ended', { runtime: spec().name, generation: ledger.generation, reason });
		return { failed: true, what: reason, livedMs, at: clock.monotonicMs(), chance: random.float() };
	}

	/** The daemon before has begun to end the process for this reason. */
	goOnCondemning(reason: string): void {
		this.#condemnedFor = reason;
	}

	/** Writes down how a process has ended; gives what its end means to the machine. */
	#settle(
		{ processId, generation }: { readonly processId: string; readonly generation: number },
		status: ExitStatus,
		{ livedMs, at, notBefore, atMs }: When,
		asked: boolean,
		killed: boolean,
	): End {
		const { ledger, journal, random, spec } = this.#options;
		ledger.settled = generation;
		const exit = lastExitOf({ status, livedMs, at, notBefore, asked, killed }, spec());
		const reason = this.#condemnedFor ?? this.#whySignalled(exit) ?? this.#whyKilled(exit);
		const judged = reason === undefined ? exit : { ...exit, reason };
		ledger.lastExit = judged;
		journal.ended(processId, { at, exit: rememberExit(judged) });
		return {
			failed: isFailure(judged, spec().restart),
			what: describeExit(judged),
			livedMs,
			at: atMs,
			chance: random.float(),
		};
	}

	#whySignalled({ signal, by }: LastExit): string | undefined {
		return signal !== undefined && by === 'itself' && signal === this.#signalled ? 'sent by orch runtime signal' : undefined;
	}

	/** Of a SIGKILL that nobody here has sent. */
	#whyKilled({ signal, by }: LastExit): string | undefined {
		const pid = this.#process?.program.pid;
		if (signal !== 'SIGKILL' || by !== 'itself' || pid === undefined) return undefined;
		return this.#options.oom?.explainKill(pid, this.#oomBefore);
	}
}
