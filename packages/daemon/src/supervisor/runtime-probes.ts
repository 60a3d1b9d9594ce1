/** Whether a runtime is ready and lives: by the probes of the process that runs, and of no other, or by that one's own word. */
import type { Clock } from '@orch/base';
import { readOutput, type RuntimeOutput } from './output/index.ts';
import { type CheckerOf, followNotes, type ProbeReport, type ProbeTarget, ProcessProbes } from './probes/index.ts';
import type { Process } from './process.ts';
import type { RuntimeLedger } from './runtime-ledger.ts';
import type { RuntimeStatus } from './snapshot.ts';
import type { Probes, RuntimeSpec } from './spec.ts';
import { userOf, wordsToBecome } from './user.ts';

export interface RuntimeProbesOptions {
	readonly clock: Clock;
	readonly output: RuntimeOutput;
	readonly checkerOf: CheckerOf;
	/** Keeps which process is ready, and which has started up. */
	readonly ledger: RuntimeLedger;
	readonly spec: () => RuntimeSpec;
	/** Whether it is ready has changed, for the process of this generation. */
	readonly onReady: (generation: number, ready: boolean, reason: string | undefined) => void;
	/** The process that runs must not go on. */
	readonly onFailed: (reason: string) => void;
	/** What the program got; asked for where a probe wants it. */
	readonly environmentOf: (process: Process) => Readonly<Record<string, string>>;
}

/** The file that a program's notes go to; each process has it anew. */
export const notesPath = (outputDirectory: string): string => `${outputDirectory}notes`;

/** Whether it is for probes to say that it is ready. */
export const decideReady = (probes: Probes | undefined): boolean => probes?.ready !== undefined || probes?.startup !== undefined;

/** Whether the environment of the process will be asked for. */
export const wantCommands = (probes: Probes | undefined): boolean =>
	Object.values(probes ?? {}).some((probe) => probe?.check.kind === 'exec');

export class RuntimeProbes {
	readonly #options: RuntimeProbesOptions;
	#present: { readonly generation: number; readonly probes: ProcessProbes; readonly ended: AbortController } | undefined;
	/** What is known of the process before, for people who ask why it was ended. */
	#last: readonly ProbeReport[] = [];
	/** The process that has said itself that it is ready. */
	#saidGeneration = 0;

	constructor(options: RuntimeProbesOptions) {
		this.#options = options;
	}

	get reports(): readonly ProbeReport[] {
		return this.#present?.probes.reports ?? this.#last;
	}

	/** Undefined where nothing runs, or where nobody decides it and nothing was said. */
	ready(status: RuntimeStatus): boolean | undefined {
		const { ledger, spec } = this.#options;
		if (status === 'running' && ledger.readyGeneration === ledger.generation) return true;
		return (status === 'running' || status === 'starting') && decideReady(spec().probes) ? false : undefined;
	}

	/** What an earlier daemon had seen of this process holds. */
	begin(process: Process): void {
		const { clock, checkerOf, ledger, spec, onFailed } = this.#options;
		const { probes = {}, ...rest } = spec();
		this.end();
		this.#last = [];
		if (Object.keys(probes).length === 0) return;
		const { generation } = process;
		const ended = new AbortController();
		const one = new ProcessProbes({
			probes,
			target: this.#targetOf(process, rest, ended.signal),
			clock,
			checkerOf,
			known: { ready: ledger.readyGeneration === generation, started: ledger.startedUpGeneration === generation },
			onReady: (ready, reason) => this.#setReady(generation, ready, reason),
			onStarted: () => {
				ledger.startedUpGeneration = generation;
				ledger.save();
			},
			onFailed: (_role, reason) => {
				if (generation === ledger.generation) onFailed(reason);
			},
		});
		this.#present = { generation, probes: one, ended };
		one.begin();
	}

	/** The program itself has said that it is ready; it may do so before it is known to run. */
	said(generation: number): void {
		const { spec } = this.#options;
		this.#saidGeneration = generation;
		this.#tellSaid();
		if (!decideReady(spec().probes)) this.#setReady(generation, true, undefined);
	}

	/** It is known to run, so that what it has said counts. */
	runs(): void {
		this.#tellSaid();
	}

	/** Nothing is asked of that process any more. */
	end(): void {
		const present = this.#present;
		if (!present) return;
		this.#last = present.probes.reports;
		this.#present = undefined;
		present.probes.close();
		present.ended.abort();
	}

	#tellSaid(): void {
		if (this.#present?.generation === this.#saidGeneration) this.#present.probes.said();
	}

	#setReady(generation: number, ready: boolean, reason: string | undefined): void {
		const { ledger, onReady } = this.#options;
		if (generation !== ledger.generation || (ledger.readyGeneration === generation) === ready) return;
		ledger.readyGeneration = ready ? generation : 0;
		ledger.save();
		onReady(generation, ready, reason);
	}

	#targetOf(target: Process, { cwd, user }: Pick<RuntimeSpec, 'cwd' | 'user'>, ended: AbortSignal): ProbeTarget {
		const { generation, set } = target;
		const { clock, output, environmentOf } = this.#options;
		return {
			set,
			cwd,
			env: () => environmentOf(target),
			before: () => (user === undefined ? [] : wordsToBecome(userOf(user, process.getuid?.()))),
			output: (stream, signal) => {
				const life = output.lives.list.find((one) => one.generation === generation);
				return readOutput(output, {
					stream,
					fromOffset: life?.from[stream],
					follow: true,
					signal: AbortSignal.any([signal, ended]),
				});
			},
			notes: (signal) => followNotes(notesPath(output.directory), clock, AbortSignal.any([signal, ended])),
		};
	}
}
