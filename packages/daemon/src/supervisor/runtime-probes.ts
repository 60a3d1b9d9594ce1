/** The probes of a runtime: of the process that runs, and of no other. */
import type { Clock } from '@orch/base';
import { readOutput, type RuntimeOutput } from './output/index.ts';
import { type CheckerOf, followNotes, type ProbeReport, type ProbeTarget, ProcessProbes } from './probes/index.ts';
import type { ProcessSet } from './process-set.ts';
import type { Probes, RuntimeSpec } from './spec.ts';
import { userOf, wordsToBecome } from './user.ts';

export interface RuntimeProbesOptions {
	readonly clock: Clock;
	readonly output: RuntimeOutput;
	readonly checkerOf: CheckerOf;
	readonly onReady: (generation: number, ready: boolean, reason: string | undefined) => void;
	/** Its startup probe has succeeded. */
	readonly onStarted: (generation: number) => void;
	/** The process must not go on. */
	readonly onFailed: (generation: number, reason: string) => void;
}

export interface ProbedProcess {
	readonly generation: number;
	readonly set: ProcessSet;
	/** What the program got. */
	readonly env: Readonly<Record<string, string>>;
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

	constructor(options: RuntimeProbesOptions) {
		this.#options = options;
	}

	get reports(): readonly ProbeReport[] {
		return this.#present?.probes.reports ?? this.#last;
	}

	/** `known`: what an earlier daemon had seen. */
	begin(
		spec: Pick<RuntimeSpec, 'probes' | 'cwd' | 'user'>,
		process: ProbedProcess,
		known: { readonly started: boolean; readonly ready: boolean },
	): void {
		const { probes = {} } = spec;
		this.end();
		this.#last = [];
		if (Object.keys(probes).length === 0) return;
		const { clock, checkerOf, onReady, onStarted, onFailed } = this.#options;
		const { generation } = process;
		const ended = new AbortController();
		const one = new ProcessProbes({
			probes,
			target: this.#targetOf(process, spec, ended.signal),
			clock,
			checkerOf,
			known,
			onReady: (ready, reason) => onReady(generation, ready, reason),
			onStarted: () => onStarted(generation),
			onFailed: (_role, reason) => onFailed(generation, reason),
		});
		this.#present = { generation, probes: one, ended };
		one.begin();
	}

	/** The program itself has said that it is ready. */
	said(generation: number): void {
		if (this.#present?.generation === generation) this.#present.probes.said();
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

	#targetOf(
		{ generation, set, env }: ProbedProcess,
		{ cwd, user }: Pick<RuntimeSpec, 'cwd' | 'user'>,
		ended: AbortSignal,
	): ProbeTarget {
		const { clock, output } = this.#options;
		return {
			set,
			cwd,
			env,
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
