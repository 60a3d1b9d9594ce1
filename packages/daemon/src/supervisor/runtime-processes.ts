/** Brings about the processes of a runtime, one at a time: launches each, or takes up what an earlier daemon launched. */
import type { Clock, Logger, Random } from '@orch/base';
import type { ExitStatus } from './exit-record.ts';
import type { Journal } from './journal.ts';
import { LaunchError } from './faults.ts';
import { launchRequest, prepareLaunch } from './launch-request.ts';
import type { FindListeners } from './listeners.ts';
import { timesOf } from './memory.ts';
import type { RuntimeOutput } from './output/index.ts';
import type { Identity, Launched, Launcher, Prepare, Recorded } from './ports.ts';
import { bootId, readEnvironment } from './proc-scan.ts';
import { lifeOf, type Process } from './process.ts';
import { createProcessSet } from './process-set.ts';
import { wantCommands } from './runtime-probes.ts';
import type { RuntimeSets } from './runtime-sets.ts';
import type { RuntimeSpec } from './spec.ts';

export interface RuntimeProcessesOptions {
	readonly clock: Clock;
	readonly random: Random;
	readonly log: Logger;
	readonly journal: Journal;
	readonly launcher: Launcher;
	readonly prepare: Prepare;
	readonly findListeners?: FindListeners | undefined;
	/** Is told which process writes from when on. */
	readonly output: RuntimeOutput;
	/** With a closing slash; it exists. */
	readonly outputDirectory: string;
	/** What was prepared for a launch is of no use any more. */
	readonly ended: (runtimeId: string, generation: number) => void;
	readonly sets: RuntimeSets;
	readonly spec: () => RuntimeSpec;
	/** It is the runtime's own from now on. */
	readonly onTaken: (process: Process) => void;
	readonly onExit: (process: Process, status: ExitStatus) => void;
}

export class RuntimeProcesses {
	readonly #options: RuntimeProcessesOptions;
	#present: Process | undefined;
	#launching: AbortController | undefined;
	/** That of the process, as far as a stop command or a probe will need it. */
	#environment: Readonly<Record<string, string>> | undefined;
	#warnings: readonly string[] = [];
	#isClosed = false;

	constructor(options: RuntimeProcessesOptions) {
		this.#options = options;
	}

	/** Who runs, or ran last. */
	get present(): Process | undefined {
		return this.#present;
	}

	/** Undefined where none runs. */
	get livingProgram(): Identity | undefined {
		const process = this.#present;
		return process && !process.set.exited ? process.program : undefined;
	}

	get livedMs(): number | undefined {
		const process = this.#present;
		return process && !process.set.exited ? this.#options.clock.monotonicMs() - process.startedMs : undefined;
	}

	get warnings(): readonly string[] {
		return this.#warnings;
	}

	warn(warning: string): void {
		this.#warnings = [...this.#warnings, warning];
	}

	/** What `process` got, kept where it is needed; what an earlier daemon launched has it, too. */
	environmentOf({ program }: Process): Readonly<Record<string, string>> {
		return this.#environment ?? readEnvironment(program.pid);
	}

	/**
	 * Launches the process of a generation. `onOver` is called once, in the turn in which that runs and is ours, or in which
	 * nothing will come of it: then with why.
	 */
	async launch(generation: number, endedAt: number | undefined, onOver: (failure?: { readonly error: unknown }) => void) {
		const { prepare, clock, random, findListeners, launcher, output, outputDirectory, sets, spec, ended } = this.#options;
		const { id } = spec();
		const processId = random.uuid();
		const abort = new AbortController();
		this.#launching = abort;
		let failure: { readonly error: unknown } | undefined;
		let isPrepared = false;
		try {
			if (sets.mayBeStuck()) await this.#refuseStuck();
			isPrepared = true;
			output.began(generation);
			const next = { processId, generation };
			const { signal } = abort;
			const preparation = prepareLaunch(spec(), next, { prepare, clock, findListeners, endedAt, signal });
			const { request, env } = launchRequest(spec(), next, preparation, outputDirectory);
			this.#environment = spec().stop.command || wantCommands(spec().probes) ? env : undefined;
			this.#begin(processId, generation, await launcher.launch(request, signal));
		} catch (error) {
			failure = { error };
			if (isPrepared) ended(id, generation);
			output.neverBegan(generation);
		}
		this.#launching = undefined;
		if (this.#isClosed) this.#present?.launched.release();
		onOver(failure);
	}

	/** Calls off the launch that is under way, if its program is not let go yet. */
	abandon(): void {
		this.#launching?.abort();
	}

	/** Its end is not heard of before `hearOfEnd`. */
	adopt(recorded: Recorded, launched: Launched): void {
		const { processId, generation, launchedAt } = recorded.record;
		const { clock, journal } = this.#options;
		const startedMs = timesOf(clock).toMonotonic(launchedAt);
		this.#take(processId, generation, launched, { startedAt: launchedAt, startedMs });
		journal.began(lifeOf(recorded));
	}

	/** From now on the end of `process` is told. */
	hearOfEnd(process: Process): void {
		const { launched, set } = process;
		launched.onExit(
			() => set.killed,
			(status) => this.#options.onExit(process, status),
		);
	}

	/** Launches nothing any more, and lets go of what runs. */
	close(): void {
		this.#isClosed = true;
		this.abandon();
		this.#present?.launched.release();
	}

	#begin(processId: string, generation: number, launched: Launched): void {
		const { clock, log, journal, spec } = this.#options;
		const startedAt = clock.now();
		const process = this.#take(processId, generation, launched, { startedAt, startedMs: clock.monotonicMs() });
		this.hearOfEnd(process);
		const { id, name } = spec();
		journal.began({ processId, runtimeId: id, generation, ...launched.program, bootId: bootId(), startedAt });
		log.info('process started', { runtime: name, process: processId, processPid: launched.program.pid, generation });
		for (const warning of launched.warnings) log.warn('launch warning', { runtime: name, warning });
	}

	/** It is ours from now on. */
	#take(
		processId: string,
		generation: number,
		launched: Launched,
		started: { readonly startedAt: number; readonly startedMs: number },
	): Process {
		const { outputDirectory, sets, onTaken } = this.#options;
		const set = createProcessSet({ processId, root: launched.root, outputDirectory, cgroup: launched.cgroup });
		sets.add(set);
		const process: Process = { processId, generation, program: launched.program, set, launched, ...started };
		this.#present = process;
		this.#warnings = launched.warnings;
		onTaken(process);
		return process;
	}

	async #refuseStuck(): Promise<void> {
		const left = await this.#options.sets.stuck();
		if (left.length > 0) throw new LaunchError({ kind: 'still_there', left });
	}
}
