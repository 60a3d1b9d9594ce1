/** A runtime: carries out what its machine says, with one process at a time. */
import { type Clock, type Logger, Mailbox, type Random, type Timer, withDeadline } from '@orch/base';
import { describeExit, isFailure, lastExitOf } from './exit.ts';
import type { ExitStatus } from './exit-record.ts';
import { describeLaunchFault, LaunchError, type LaunchFault, SupervisorError } from './faults.ts';
import type { Identity, Launched, Launcher, Preparation, Prepare } from './ports.ts';
import { createProcessSet, type ProcessSet } from './process-set.ts';
import type { ProcessTable } from './process-table.ts';
import { type Account, failuresAt } from './restart.ts';
import { type RuntimeEffect, type RuntimeEvent, type RuntimeState, stepRuntime } from './runtime.machine.ts';
import { RuntimeSets } from './runtime-sets.ts';
import type { BackoffInfo, LastExit, RuntimeSnapshot, SupervisorEvent } from './snapshot.ts';
import { isSignal, type Priority, type RuntimeSpec } from './spec.ts';
import { Waiters } from './waiters.ts';

export interface RuntimeOptions {
	readonly spec: RuntimeSpec;
	/** With a closing slash; it exists. */
	readonly outputDirectory: string;
	readonly clock: Clock;
	readonly random: Random;
	readonly log: Logger;
	readonly launcher: Launcher;
	readonly table: ProcessTable;
	readonly prepare: Prepare;
	readonly ended: (runtimeId: string, generation: number) => void;
	readonly publish: (event: SupervisorEvent) => void;
}

/** How long what is done before a launch may take. */
const prepareMs = 10_000;

/** One life: from its launch to the end of its shim. */
interface Process {
	readonly processId: string;
	readonly generation: number;
	readonly program: Identity;
	readonly set: ProcessSet;
	readonly launched: Launched;
	readonly startedAt: number;
	readonly startedMs: number;
}

export class Runtime {
	readonly #options: RuntimeOptions;
	readonly #mailbox = new Mailbox<RuntimeEvent>((event) => this.#react(event));
	readonly #waiters: Waiters;
	readonly #addedAt: number;
	readonly #removed = new AbortController();
	readonly #sets: RuntimeSets;
	#spec: RuntimeSpec;
	#state: RuntimeState = { kind: 'stopped' };
	#desired: 'running' | 'stopped' = 'stopped';
	#generation = 0;
	#restarts = 0;
	#readyGeneration = 0;
	/** Who runs, or ran last. */
	#process: Process | undefined;
	#launching: AbortController | undefined;
	#launchFault: LaunchFault | undefined;
	#warnings: readonly string[] = [];
	#lastExit: LastExit | undefined;
	#timer: { readonly at: number; readonly timer: Timer } | undefined;
	/** The grace that the last stop asked for. */
	#graceMs: number | undefined;
	#isRemoving = false;
	#isClosed = false;

	constructor(options: RuntimeOptions) {
		this.#options = options;
		this.#spec = options.spec;
		this.#addedAt = options.clock.now();
		this.#waiters = new Waiters(options.spec.name);
		const { clock, log, table, launcher } = options;
		this.#sets = new RuntimeSets({
			clock,
			log,
			table,
			stop: () => this.#spec.stop,
			onGone: ({ processId }) => launcher.forget(processId),
			onEscaped: (escaped) => {
				log.warn('processes could not be ended', { runtime: this.#spec.name, escaped });
				this.#publish({ kind: 'escaped', escaped });
			},
			onEmptied: () => {
				this.#graceMs = undefined;
				this.#mailbox.send({ kind: 'emptied' });
			},
		});
	}

	get spec(): RuntimeSpec {
		return this.#spec;
	}

	/** Aborted when the runtime is removed. */
	get removed(): AbortSignal {
		return this.#removed.signal;
	}

	start({ priority, signal }: { readonly priority?: Priority | undefined; readonly signal?: AbortSignal | undefined }) {
		this.#accept('running');
		if (priority !== undefined) this.#spec = { ...this.#spec, priority };
		return this.#command({ kind: 'start' }, 'run', signal);
	}

	restart({ graceMs, signal }: { readonly graceMs?: number | undefined; readonly signal?: AbortSignal | undefined }) {
		this.#accept('running');
		this.#askGrace(graceMs);
		const done = this.#waiters.wait('run', signal);
		this.#mailbox.send({ kind: 'restart' });
		return done;
	}

	stop({ graceMs, signal }: { readonly graceMs?: number | undefined; readonly signal?: AbortSignal | undefined }) {
		this.#accept('stopped');
		this.#waiters.overtaken('stop');
		this.#askGrace(graceMs);
		return this.#command({ kind: 'stop' }, 'stop', signal);
	}

	/** Resolves when nothing is left; the runtime takes no command from its acceptance on. */
	async remove({ force, signal }: { readonly force: boolean; readonly signal?: AbortSignal | undefined }) {
		this.#accept('stopped', force);
		this.#isRemoving = true;
		this.#waiters.overtaken('remove');
		try {
			// what an earlier stop could not end was reported then, and does not stand in the way for good
			if (this.#state.kind !== 'stopped') await this.#command({ kind: 'stop' }, 'stop', signal);
			this.#removed.abort();
			return this.snapshot();
		} finally {
			this.#isRemoving = this.#removed.signal.aborted;
		}
	}

	signal(name: string): number {
		if (!isSignal(name)) throw new SupervisorError({ kind: 'unknown_signal', signal: name });
		const program = this.#livingProgram();
		if (!program || !this.#options.table.signal(program, name)) {
			throw new SupervisorError({ kind: 'not_running', name: this.#spec.name, status: this.#state.kind });
		}
		return program.pid;
	}

	markReady(generation: number): void {
		if (generation !== this.#generation || this.#readyGeneration === generation) return;
		if (this.#state.kind !== 'starting' && this.#state.kind !== 'running') return;
		this.#readyGeneration = generation;
		this.#publish({ kind: 'ready', generation });
	}

	snapshot(): RuntimeSnapshot {
		const { kind } = this.#state;
		const running = kind === 'running' ? this.#process : undefined;
		return {
			spec: this.#spec,
			status: kind,
			desired: this.#desired,
			ready: running && this.#readyGeneration === this.#generation ? true : undefined,
			reason: 'reason' in this.#state ? this.#state.reason : undefined,
			pid: this.#livingProgram()?.pid,
			processId: this.#process?.processId,
			generation: this.#generation,
			restarts: this.#restarts,
			addedAt: this.#addedAt,
			startedAt: this.#process?.startedAt,
			uptimeMs: this.#livedMs(),
			lastExit: this.#lastExit,
			backoff: this.#backoff(),
			escaped: this.#sets.escaped,
			warnings: this.#warnings,
			stdoutPath: `${this.#options.outputDirectory}stdout.log`,
			stderrPath: `${this.#options.outputDirectory}stderr.log`,
		};
	}

	/** Lets go of what runs, and acts on nothing any more. */
	close(): void {
		this.#isClosed = true;
		this.#timer?.timer.cancel();
		this.#launching?.abort();
		this.#sets.close();
		this.#process?.launched.release();
		this.#waiters.close();
		this.#removed.abort();
	}

	#accept(desired: 'running' | 'stopped', force = true): void {
		const { name } = this.#spec;
		if (this.#isClosed) throw new SupervisorError({ kind: 'closing' });
		if (this.#isRemoving) throw new SupervisorError({ kind: 'superseded', name, by: 'remove' });
		const status = this.#state.kind;
		if (!force && status !== 'stopped' && status !== 'exited' && status !== 'failed') {
			throw new SupervisorError({ kind: 'running', name, status, pid: this.#livingProgram()?.pid });
		}
		this.#desired = desired;
	}

	/** Sends a command; resolves at once where what it asks for is so already. */
	#command(event: RuntimeEvent, goal: 'run' | 'stop', signal: AbortSignal | undefined): Promise<RuntimeSnapshot> {
		const { kind } = this.#state;
		if (goal === 'run' ? kind === 'running' : kind === 'stopped' && this.#sets.isEmpty) return Promise.resolve(this.snapshot());
		const done = this.#waiters.wait(goal, signal);
		this.#mailbox.send(event);
		return done;
	}

	/** A stop under way may be asked to be quicker, never to be slower. */
	#askGrace(graceMs: number | undefined): void {
		if (graceMs === undefined) return;
		this.#graceMs = this.#state.kind === 'stopping' ? Math.min(graceMs, this.#graceMs ?? this.#spec.stop.graceMs) : graceMs;
	}

	#react(event: RuntimeEvent): void {
		if (this.#isClosed) return;
		const from = this.#state.kind;
		const { state, effects } = stepRuntime(this.#state, event, this.#spec.restart);
		this.#state = state;
		for (const effect of effects) this.#perform(effect);
		if (from !== state.kind) {
			this.#publish({
				kind: 'changed',
				generation: this.#generation,
				from,
				to: state.kind,
				pid: this.#livingProgram()?.pid,
				reason: 'reason' in state ? state.reason : undefined,
				exit: event.kind === 'exited' ? this.#lastExit : undefined,
			});
		}
		const snapshot = () => this.snapshot();
		if (event.kind === 'emptied') this.#waiters.stopped(snapshot, this.#sets.escaped);
		if (state.kind === 'running') this.#waiters.runs(snapshot);
		// one that is being stopped failed to nobody's surprise; a start that came since waits for its own launch
		if (event.kind === 'launch_failed' && from === 'starting') this.#waiters.failedToRun(() => this.#startFailed());
	}

	#perform(effect: RuntimeEffect): void {
		switch (effect.kind) {
			case 'launch':
				this.#restarts = effect.by === 'command' ? 0 : this.#restarts + 1;
				this.#graceMs = undefined;
				this.#generation++;
				void this.#launch(this.#generation);
				return;
			case 'abandon':
				this.#launching?.abort();
				return;
			case 'end':
				this.#sets.endAll(this.#graceMs ?? this.#spec.stop.graceMs);
				return;
			case 'sweep':
				this.#sets.sweepSoon();
				return;
			case 'set_timer': {
				const { clock } = this.#options;
				const run = () => {
					this.#timer = undefined;
					this.#mailbox.send({ kind: 'backoff_over' });
				};
				this.#timer = { at: clock.monotonicMs() + effect.ms, timer: clock.setTimer(effect.ms, run) };
				return;
			}
			case 'clear_timer':
				this.#timer?.timer.cancel();
				this.#timer = undefined;
				return;
		}
	}

	async #launch(generation: number): Promise<void> {
		const { id } = this.#spec;
		const processId = this.#options.random.uuid();
		const abort = new AbortController();
		this.#launching = abort;
		let event: RuntimeEvent;
		let isPrepared = false;
		try {
			if (this.#sets.mayBeStuck()) await this.#refuseStuck();
			isPrepared = true;
			const preparation = this.#prepare(processId, generation, abort.signal);
			const launched = await this.#options.launcher.launch(this.#request(processId, generation, preparation), abort.signal);
			this.#begin(processId, generation, launched);
			event = { kind: 'launched' };
		} catch (error) {
			if (isPrepared) this.#options.ended(id, generation);
			event = this.#launchFailed(error, generation);
		}
		this.#launching = undefined;
		if (this.#isClosed) this.#process?.launched.release();
		this.#mailbox.send(event);
	}

	#prepare(processId: string, generation: number, signal: AbortSignal): Preparation {
		const { clock, prepare } = this.#options;
		const late = () => new LaunchError({ kind: 'unprepared', reason: `what precedes a launch took longer than ${prepareMs} ms` });
		const { env, ready } = prepare(this.#spec.id, { processId, generation }, signal);
		return { env, ready: withDeadline(clock, prepareMs, () => ready, late, signal).catch(unprepared(signal)) };
	}

	#request(processId: string, generation: number, { env: added, ready }: Preparation) {
		const { id, name, program, args, cwd, env, priority, stop } = this.#spec;
		const { outputDirectory } = this.#options;
		return {
			processId,
			generation,
			runtimeId: id,
			runtimeName: name,
			program,
			args,
			cwd,
			env: { ...env, ...added },
			mayGo: ready,
			priority,
			stop,
			stdoutPath: `${outputDirectory}stdout.log`,
			stderrPath: `${outputDirectory}stderr.log`,
		};
	}

	#begin(processId: string, generation: number, launched: Launched): void {
		const { clock, log, outputDirectory } = this.#options;
		const set = createProcessSet({ processId, root: launched.root, outputDirectory });
		this.#sets.add(set);
		const process: Process = {
			processId,
			generation,
			program: launched.program,
			set,
			launched,
			startedAt: clock.now(),
			startedMs: clock.monotonicMs(),
		};
		this.#process = process;
		this.#warnings = launched.warnings;
		this.#launchFault = undefined;
		launched.onExit(
			() => set.killed,
			(status) => this.#exited(process, status),
		);
		log.info('process started', { runtime: this.#spec.name, process: processId, pid: launched.program.pid, generation });
		for (const warning of launched.warnings) log.warn('launch warning', { runtime: this.#spec.name, warning });
	}

	#launchFailed(error: unknown, generation: number): RuntimeEvent {
		const { clock, random, log } = this.#options;
		const fault: LaunchFault = error instanceof LaunchError ? error.fault : { kind: 'system', code: '', reason: String(error) };
		this.#launchFault = fault;
		const what = describeLaunchFault(fault);
		if (fault.kind !== 'abandoned') log.warn('launch failed', { runtime: this.#spec.name, generation, error });
		return {
			kind: 'launch_failed',
			end: { failed: true, what, livedMs: 0, at: clock.monotonicMs(), chance: random.float() },
		};
	}

	#startFailed(): SupervisorError {
		const fault = this.#launchFault ?? { kind: 'abandoned' };
		return new SupervisorError({ kind: 'start_failed', name: this.#spec.name, fault, reason: describeLaunchFault(fault) });
	}

	#exited(process: Process, status: ExitStatus): void {
		const { clock, random, log, table } = this.#options;
		const { set, generation } = process;
		set.exited = true;
		const isAwaited = this.#sets.rootEnded(set);
		this.#options.ended(this.#spec.id, generation);
		if (this.#isClosed) return;
		const livedMs = clock.monotonicMs() - process.startedMs;
		const isPresent = process === this.#process;
		if (isPresent) {
			const asked = this.#state.kind === 'stopping';
			this.#lastExit = lastExitOf({ status, livedMs, at: clock.now(), asked, killed: set.killed }, this.#spec);
			const end = {
				failed: isFailure(this.#lastExit),
				what: describeExit(this.#lastExit),
				livedMs,
				at: clock.monotonicMs(),
				chance: random.float(),
			};
			this.#mailbox.send({ kind: 'exited', end, leftovers: table.hasGroup(set) });
		}
		log.info('process ended', {
			runtime: this.#spec.name,
			process: process.processId,
			generation,
			...status,
			ms: Math.round(livedMs),
		});
		// one that had been given up has ended after all
		if (!isAwaited && this.#state.kind === 'stopped') this.#sets.sweep();
	}

	async #refuseStuck(): Promise<void> {
		const left = await this.#sets.stuck();
		if (left.length > 0) throw new LaunchError({ kind: 'still_there', left });
	}

	#livingProgram(): Identity | undefined {
		const process = this.#process;
		return process && !process.set.exited ? process.program : undefined;
	}

	#livedMs(): number | undefined {
		const process = this.#process;
		return process && !process.set.exited ? this.#options.clock.monotonicMs() - process.startedMs : undefined;
	}

	#backoff(): BackoffInfo | undefined {
		const { restart } = this.#spec;
		const { clock } = this.#options;
		const account: Account | undefined = 'account' in this.#state ? this.#state.account : undefined;
		const livedMs = this.#state.kind === 'running' ? this.#livedMs() : undefined;
		const failures = account ? failuresAt(account, clock.monotonicMs(), livedMs, restart) : 0;
		if (failures === 0 && !this.#timer) return undefined;
		const nextInMs = this.#timer && Math.max(0, this.#timer.at - clock.monotonicMs());
		return {
			failures,
			of: restart.failures,
			withinMs: restart.withinMs,
			nextInMs,
			nextAt: nextInMs === undefined ? undefined : clock.now() + nextInMs,
		};
	}

	#publish(event: Omitted<SupervisorEvent>): void {
		const { id, name } = this.#spec;
		this.#options.publish({ ...event, id, name, at: this.#options.clock.now() } as SupervisorEvent);
	}
}

type Omitted<Event> = Event extends unknown ? Omit<Event, 'id' | 'name' | 'at'> : never;

/** What to throw where the preparation of a launch has failed. */
const unprepared =
	(signal: AbortSignal) =>
	(error: unknown): never => {
		if (signal.aborted) throw new LaunchError({ kind: 'abandoned' });
		if (error instanceof LaunchError) throw error;
		throw new LaunchError(
			{ kind: 'unprepared', reason: error instanceof Error ? error.message : String(error) },
			{ cause: error },
		);
	};
