/** A runtime: carries out what its machine says, with one process at a time. */
import { type Clock, type Logger, Mailbox, type Random, type Timer } from '@orch/base';
import { describeExit, isFailure, lastExitOf } from './exit.ts';
import type { ExitStatus } from './exit-record.ts';
import { freezeSets, thawSets } from './freeze.ts';
import type { Journal, KeptRuntime, RuntimeMemory } from './journal.ts';
import { freshMemory, recallAccount, recallExit, rememberExit, rememberState, timesOf } from './memory.ts';
import { describeLaunchFault, LaunchError, type LaunchFault, SupervisorError } from './faults.ts';
import { launchRequest, prepareLaunch } from './launch-request.ts';
import type { RuntimeOutput } from './output/index.ts';
import { describeUnmet, type NeededView, type Unmet } from './needs.ts';
import type { OomCounts, OomWitness } from './oom.ts';
import type { Identity, Launched, Launcher, Prepare, Recorded } from './ports.ts';
import type { CheckerOf } from './probes/index.ts';
import { bootId, readEnvironment } from './proc-scan.ts';
import { cookieName, createProcessSet, type ProcessSet } from './process-set.ts';
import type { ProcessTable } from './process-table.ts';
import { backoffInfo, type End, freshAccount, longestWaitMs } from './restart.ts';
import { resume } from './resumption.ts';
import { type RuntimeEffect, type RuntimeEvent, type RuntimeState, stepRuntime } from './runtime.machine.ts';
import type { Usage } from './figures/index.ts';
import { decideReady, RuntimeProbes, wantCommands } from './runtime-probes.ts';
import { RuntimeSets } from './runtime-sets.ts';
import type { BackoffInfo, LastExit, RuntimeSnapshot, SupervisorEvent } from './snapshot.ts';
import { isSignal, type Priority, type RuntimeSpec } from './spec.ts';
import type { FindListeners } from './listeners.ts';
import { userOf, wordsToBecome } from './user.ts';
import { defaultCommandMs, type RunCommand, runCommand, type StopCommand, stopCommandOf } from './stop-command.ts';
import { Waiters } from './waiters.ts';

export interface RuntimeOptions {
	/** With the memory of an earlier daemon, or a fresh one. */
	readonly kept: KeptRuntime;
	readonly journal: Journal;
	/** With a closing slash; it exists. */
	readonly outputDirectory: string;
	/** Is told which process writes from when to when. */
	readonly output: RuntimeOutput;
	readonly clock: Clock;
	readonly random: Random;
	readonly log: Logger;
	readonly launcher: Launcher;
	readonly table: ProcessTable;
	readonly prepare: Prepare;
	readonly ended: (runtimeId: string, generation: number) => void;
	readonly publish: (event: SupervisorEvent) => void;
	readonly checkerOf: CheckerOf;
	/** What it needs and is not there. */
	readonly unmet: (id: string) => readonly Unmet[];
	readonly oom?: OomWitness | undefined;
	/** How stop commands are run; of real processes where it is absent. */
	readonly runCommand?: RunCommand | undefined;
	/** Who listens on which ports; on this system where it is absent. */
	readonly findListeners?: FindListeners | undefined;
}

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
	readonly #probes: RuntimeProbes;
	readonly #before: RuntimeMemory;
	#spec: RuntimeSpec;
	#state: RuntimeState = { kind: 'stopped' };
	#desired: 'running' | 'stopped';
	#generation: number;
	/** The last generation whose end has been judged. */
	#settled: number;
	#restarts: number;
	/** The process that is ready; 0 is none. */
	#readyGeneration: number;
	/** The process whose startup probe has succeeded. */
	#startedUpGeneration: number;
	/** The process that has said so itself. */
	#saidGeneration = 0;
	/** What the journal has, as text. */
	#remembered = '';
	/** Who runs, or ran last. */
	#process: Process | undefined;
	#launching: AbortController | undefined;
	#launchFault: LaunchFault | undefined;
	/** That of the process, as far as a stop command or a probe will need it. */
	#environment: Readonly<Record<string, string>> | undefined;
	#warnings: readonly string[] = [];
	#lastExit: LastExit | undefined;
	#timer: { readonly at: number; readonly timer: Timer } | undefined;
	#usage: Usage | undefined;
	/** Why the process that runs must not go on. */
	#condemnedFor: string | undefined;
	/** Of the time when the process began. */
	#oomBefore: OomCounts | undefined;
	/** The grace that the last stop asked for. */
	#graceMs: number | undefined;
	#isRemoving = false;
	#isClosed = false;

	constructor(options: RuntimeOptions) {
		this.#options = options;
		const { clock, log, table, launcher, kept } = options;
		const { memory } = kept;
		this.#spec = kept.spec;
		this.#addedAt = kept.addedAt;
		this.#before = memory;
		this.#desired = memory.desired;
		this.#generation = memory.generation;
		this.#settled = memory.settled;
		this.#restarts = memory.restarts;
		this.#readyGeneration = memory.readyGeneration;
		this.#startedUpGeneration = memory.startedUpGeneration;
		this.#lastExit = memory.lastExit === null ? undefined : recallExit(memory.lastExit);
		this.#waiters = new Waiters(kept.spec.name);
		this.#probes = new RuntimeProbes({
			clock,
			output: options.output,
			checkerOf: options.checkerOf,
			onReady: (generation, ready, reason) => this.#setReady(generation, ready, reason),
			onStarted: (generation) => {
				this.#startedUpGeneration = generation;
				this.#remember();
			},
			onFailed: (generation, reason) => {
				if (generation === this.#generation) this.condemn(reason);
			},
		});
		this.#sets = new RuntimeSets({
			clock,
			log,
			table,
			stop: () => this.#spec.stop,
			stopCommand: (set) => this.#stopCommand(set),
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

	/** From its next process on; what is not of the process, such as the restart policy, from now on. */
	respecify(spec: RuntimeSpec): void {
		const before = this.#spec;
		this.#spec = spec;
		this.#options.journal.respecified(spec.id, spec);
		// other looks at the process that runs, which goes on
		const areOther = JSON.stringify(before.probes) !== JSON.stringify(spec.probes);
		if (areOther && this.#state.kind === 'running' && this.#process) this.#beginProbes(this.#process);
	}

	/** The process that runs, for those who have to know before anything goes on. */
	get process(): { readonly processId: string; readonly generation: number } | undefined {
		return this.#process;
	}

	get generation(): number {
		return this.#generation;
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
		if (priority !== undefined && priority !== this.#spec.priority) this.respecify({ ...this.#spec, priority });
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

	/** Stops it because the daemon ends: what is wanted of it stays, and one that rests is left as it is. */
	shutDown({ graceMs }: { readonly graceMs?: number | undefined }): Promise<RuntimeSnapshot> {
		if (this.#isClosed) return Promise.resolve(this.snapshot());
		const { kind } = this.#state;
		const rests = kind === 'stopped' || ((kind === 'exited' || kind === 'failed') && !this.#state.clearing);
		this.#waiters.overtaken('stop');
		if (rests && this.#sets.isEmpty) return Promise.resolve(this.snapshot());
		this.#askGrace(graceMs);
		return this.#command({ kind: 'stop' }, 'stop', undefined);
	}

	/** Takes up the process that an earlier daemon launched. To be called before `resume`. */
	adopt(recorded: Recorded, launched: Launched): void {
		const { record } = recorded;
		this.#generation = record.generation;
		const { clock } = this.#options;
		this.#take(recorded.record.processId, record.generation, launched, {
			startedAt: record.launchedAt,
			startedMs: timesOf(clock).toMonotonic(record.launchedAt),
		});
		this.#noteLife(recorded);
		const { output, table, log } = this.#options;
		if (output.wasFrozen)
			void thawSets(table, this.#sets.all).catch((error) => log.error('what was stopped was not let go', { error }));
	}

	/** Stops everything of it for a moment; gives how to let it go on, or undefined where that cannot be. */
	freeze(): Promise<(() => void) | undefined> {
		return freezeSets(this.#options.table, this.#options.clock, this.#sets.all);
	}

	/** What a process that has ended may have left is this runtime's, too: nothing is launched beside it. */
	inherit({ record, rootLives }: Recorded): void {
		this.#generation = Math.max(this.#generation, record.generation);
		const root = { pid: record.pid, startTicks: record.startTicks };
		const set = createProcessSet({ processId: record.processId, root, outputDirectory: this.#options.outputDirectory });
		set.holdsGroup = rootLives;
		set.exited = true;
		this.#sets.add(set);
	}

	/**
	 * Goes on where the daemon before was: by what it remembered, and by what became of its process since. `ended` is the
	 * process that was running then and is not any more; its set has been inherited.
	 */
	resume(ended: Recorded | undefined): void {
		const { clock } = this.#options;
		const { state: remembered, bootId: bootBefore } = this.#before;
		const process = this.#process;
		const { state, next, timerMs } = resume({
			remembered,
			desired: this.#desired,
			autostart: this.#spec.autostart !== false && this.#spec.schedule?.action !== 'start',
			account: 'account' in remembered ? recallAccount(remembered.account, timesOf(clock)) : freshAccount,
			restarts: this.#restarts,
			process: process ? 'lives' : ended ? 'ended' : 'none',
			isSameBoot: bootBefore === bootId(),
			now: clock.now(),
			longestWaitMs: longestWaitMs(this.#spec.restart),
		});
		this.#state = state;
		if (timerMs !== undefined) this.#perform({ kind: 'set_timer', ms: timerMs });
		if (process) {
			this.#hearOfEnd(process);
			this.#publish({ kind: 'adopted', generation: this.#generation, pid: process.program.pid });
			this.#beginProbes(process);
		}
		const judged = ended && this.#endedAway(ended, next === 'end');
		if (next === 'settle' && judged) this.#mailbox.send({ kind: 'exited', ...judged });
		else if (next === 'end') this.#perform({ kind: 'end' });
		else if (next === 'relaunch') {
			// it was counted when it was first tried
			this.#restarts = Math.max(0, this.#restarts - 1);
			this.#mailbox.send({ kind: 'needs_changed' });
		} else if (next === 'start' || next === 'stop' || next === 'restart') this.#mailbox.send({ kind: next });
		// of processes before the last one nothing may be left, either
		this.#sets.sweep();
		this.#remember();
	}

	/** How the process that nobody was there for has ended. */
	#endedAway(recorded: Recorded, asked: boolean): { end: End; leftovers: boolean } {
		const { record, statusIf, changedAt } = recorded;
		const { log, clock } = this.#options;
		const times = timesOf(clock);
		// one that was being stopped and could not write how it ended was killed by that stop
		const status = statusIf(asked);
		const livedMs = Math.max(0, changedAt - record.launchedAt);
		this.#noteLife(recorded);
		this.#options.ended(this.#spec.id, record.generation);
		this.#options.output.ended(record.generation);
		log.info('process ended while no daemon was there', { runtime: this.#spec.name, process: record.processId, ...status });
		return {
			end: this.#settle(record, status, { livedMs, at: Math.round(changedAt), atMs: times.toMonotonic(changedAt) }, asked, asked),
			// its group may be somebody else's by now, so what it left is looked for by everything else before the next is launched
			leftovers: true,
		};
	}

	/** The daemon before may have died between the launch and its note of it. */
	#noteLife({ record: { processId, runtimeId, generation, pid, startTicks, bootId: boot, launchedAt }, launch }: Recorded): void {
		const life = { processId, runtimeId, generation, pid: launch.pid ?? pid, startTicks, bootId: boot, startedAt: launchedAt };
		this.#options.journal.began(life);
	}

	/** Writes down how a process has ended; gives what its end means to the machine. */
	#settle(
		{ processId, generation }: { readonly processId: string; readonly generation: number },
		status: ExitStatus,
		{ livedMs, at, atMs }: { readonly livedMs: number; readonly at: number; readonly atMs: number },
		asked: boolean,
		killed: boolean,
	): End {
		this.#settled = generation;
		const exit = lastExitOf({ status, livedMs, at, asked, killed }, this.#spec);
		const reason = this.#condemnedFor ?? this.#whyKilled(exit);
		this.#lastExit = reason === undefined ? exit : { ...exit, reason };
		this.#options.journal.ended(processId, { at, exit: rememberExit(this.#lastExit) });
		return {
			failed: isFailure(this.#lastExit, this.#spec.restart),
			what: describeExit(this.#lastExit),
			livedMs,
			at: atMs,
			chance: this.#options.random.float(),
		};
	}

	/** Puts into the journal what a later daemon has to know; costs nothing where that is there already. */
	#remember(): void {
		const times = timesOf(this.#options.clock);
		const memory: RuntimeMemory = {
			...freshMemory(bootId()),
			desired: this.#desired,
			generation: this.#generation,
			settled: this.#settled,
			readyGeneration: this.#readyGeneration,
			startedUpGeneration: this.#startedUpGeneration,
			restarts: this.#restarts,
			state: rememberState(this.#state, this.#timer?.at, times),
			lastExit: this.#lastExit ? rememberExit(this.#lastExit) : null,
		};
		const text = JSON.stringify(memory);
		if (text === this.#remembered || this.#removed.signal.aborted) return;
		this.#options.journal.remembered(this.#spec.id, memory);
		this.#remembered = text;
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

	get sets(): readonly ProcessSet[] {
		return this.#sets.all;
	}

	get livedMs(): number | undefined {
		return this.#livedMs();
	}

	get limitBytes(): number | undefined {
		return this.#spec.limits?.memoryBytes;
	}

	/** What its processes use, as was just seen. */
	used(usage: Usage | undefined): void {
		this.#usage = usage;
	}

	/** What runs must not go on: it is ended, and that is a failure like any other to the policy. */
	condemn(reason: string): void {
		if (this.#isClosed || this.#state.kind !== 'running') return;
		const { clock, random, log } = this.#options;
		this.#condemnedFor = reason;
		log.warn('process is ended', { runtime: this.#spec.name, generation: this.#generation, reason });
		const end = { failed: true, what: reason, livedMs: this.#livedMs() ?? 0, at: clock.monotonicMs(), chance: random.float() };
		this.#mailbox.send({ kind: 'condemned', end });
	}

	markReady(generation: number): void {
		if (this.#state.kind !== 'starting' && this.#state.kind !== 'running') return;
		if (generation !== this.#generation) return;
		this.#saidGeneration = generation;
		this.#probes.said(generation);
		if (!decideReady(this.#spec.probes)) this.#setReady(generation, true, undefined);
	}

	#setReady(generation: number, ready: boolean, reason: string | undefined): void {
		if (this.#isClosed || generation !== this.#generation || (this.#readyGeneration === generation) === ready) return;
		this.#readyGeneration = ready ? generation : 0;
		this.#remember();
		if (ready) this.#publish({ kind: 'ready', generation });
		else this.#publish({ kind: 'unready', generation, reason });
	}

	/** As those see it that need it. */
	get view(): NeededView {
		return {
			spec: this.#spec,
			status: this.#state.kind,
			desired: this.#desired,
			ready: this.#ready(),
			reason: 'reason' in this.#state ? this.#state.reason : undefined,
			lastExit: this.#lastExit,
			backoff: this.#backoff(),
		};
	}

	/** What it needs has changed. */
	needsChanged(): void {
		if (this.#state.kind === 'waiting') this.#mailbox.send({ kind: 'needs_changed' });
	}

	/** Not by anybody's command: nobody waits for it. */
	restartFor(reason: string): void {
		if (this.#isClosed || this.#isRemoving || this.#desired === 'stopped') return;
		this.#options.log.info('restarted', { runtime: this.#spec.name, reason });
		this.#mailbox.send({ kind: 'restart', reason });
	}

	stopFor(reason: string): void {
		if (this.#isClosed || this.#isRemoving) return;
		this.#options.log.info('stopped', { runtime: this.#spec.name, reason });
		this.#accept('stopped');
		this.#waiters.overtaken('stop');
		this.#mailbox.send({ kind: 'stop', reason });
	}

	/** Undefined where nothing runs, too. */
	#ready(): boolean | undefined {
		const { kind } = this.#state;
		if (kind === 'running' && this.#readyGeneration === this.#generation) return true;
		return (kind === 'running' || kind === 'starting') && decideReady(this.#spec.probes) ? false : undefined;
	}

	#beginProbes({ generation, set, program }: Process): void {
		const { probes } = this.#spec;
		const needsEnvironment = wantCommands(probes) && this.#environment === undefined;
		const env = needsEnvironment ? readEnvironment(program.pid) : (this.#environment ?? {});
		this.#probes.begin(
			this.#spec,
			{ generation, set, env },
			{
				ready: this.#readyGeneration === generation,
				started: this.#startedUpGeneration === generation,
			},
		);
	}

	/** Of a SIGKILL that nobody here has sent. */
	#whyKilled({ signal, by }: LastExit): string | undefined {
		const pid = this.#process?.program.pid;
		if (signal !== 'SIGKILL' || by !== 'itself' || pid === undefined) return undefined;
		return this.#options.oom?.explainKill(pid, this.#oomBefore);
	}

	snapshot(): RuntimeSnapshot {
		const { kind } = this.#state;
		return {
			spec: this.#spec,
			status: kind,
			desired: this.#desired,
			ready: this.#ready(),
			reason: 'reason' in this.#state ? this.#state.reason : this.#sets.activity,
			pid: this.#livingProgram()?.pid,
			processId: this.#process?.processId,
			generation: this.#generation,
			restarts: this.#restarts,
			addedAt: this.#addedAt,
			startedAt: this.#process?.startedAt,
			uptimeMs: this.#livedMs(),
			lastExit: this.#lastExit,
			backoff: this.#backoff(),
			usage: this.#sets.isEmpty ? undefined : this.#usage,
			probes: this.#probes.reports,
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
		this.#probes.end();
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
		if (this.#desired === desired) return;
		this.#desired = desired;
		this.#remember();
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
		const unmet = this.#options.unmet(this.#spec.id);
		const { restart } = this.#spec;
		const context = unmet.length === 0 ? restart : { ...restart, waitsFor: describeUnmet(unmet) };
		const { state, effects } = stepRuntime(this.#state, event, context);
		this.#state = state;
		if (from === 'running' && state.kind !== 'running') this.#probes.end();
		if (from !== 'running' && state.kind === 'running' && this.#process) this.#beginProbes(this.#process);
		for (const effect of effects) this.#perform(effect);
		this.#remember();
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
		if (state.kind === 'running' && from !== 'running') this.#probes.said(this.#saidGeneration);
		if (state.kind === 'waiting') this.#tellOfHopeless(unmet);
		// one that is being stopped failed to nobody's surprise; a start that came since waits for its own launch
		if (event.kind === 'launch_failed' && from === 'starting') this.#waiters.failedToRun(() => this.#startFailed());
	}

	#perform(effect: RuntimeEffect): void {
		switch (effect.kind) {
			case 'launch':
				this.#restarts = effect.by === 'command' ? 0 : this.#restarts + 1;
				this.#launchNext();
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

	#launchNext(): void {
		this.#graceMs = undefined;
		this.#generation++;
		void this.#launch(this.#generation);
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
			this.#options.output.began(generation);
			const next = { processId, generation };
			const { prepare, clock, findListeners, launcher, outputDirectory } = this.#options;
			const { signal } = abort;
			const endedAt = this.#lastExit?.at;
			const preparation = prepareLaunch(this.#spec, next, { prepare, clock, findListeners, endedAt, signal });
			const { request, env } = launchRequest(this.#spec, next, preparation, outputDirectory);
			this.#environment = this.#spec.stop.command || wantCommands(this.#spec.probes) ? env : undefined;
			const launched = await launcher.launch(request, signal);
			this.#begin(processId, generation, launched);
			event = { kind: 'launched' };
		} catch (error) {
			if (isPrepared) this.#options.ended(id, generation);
			this.#options.output.neverBegan(generation);
			event = this.#launchFailed(error, generation);
		}
		this.#launching = undefined;
		if (this.#isClosed) this.#process?.launched.release();
		this.#mailbox.send(event);
	}

	/** Who has commanded a start hears that it waits for what will not come by itself; it goes on waiting. */
	#tellOfHopeless(unmet: readonly Unmet[]): void {
		const stuck = unmet.filter(({ standing }) => standing === 'stuck');
		if (stuck.length === 0) return;
		const { name } = this.#spec;
		const how = [...new Set(stuck.map((one) => one.how))];
		this.#waiters.failedToRun(() => new SupervisorError({ kind: 'waits', name, reason: describeUnmet(unmet), how }));
	}

	#begin(processId: string, generation: number, launched: Launched): void {
		const { clock, log, journal } = this.#options;
		const startedAt = clock.now();
		this.#take(processId, generation, launched, { startedAt, startedMs: clock.monotonicMs() });
		if (this.#process) this.#hearOfEnd(this.#process);
		journal.began({
			processId,
			runtimeId: this.#spec.id,
			generation,
			...launched.program,
			bootId: bootId(),
			startedAt,
		});
		log.info('process started', { runtime: this.#spec.name, process: processId, pid: launched.program.pid, generation });
		for (const warning of launched.warnings) log.warn('launch warning', { runtime: this.#spec.name, warning });
	}

	/** It is ours from now on, and its end is heard of. */
	#take(
		processId: string,
		generation: number,
		launched: Launched,
		started: { readonly startedAt: number; readonly startedMs: number },
	): void {
		const { outputDirectory } = this.#options;
		const set = createProcessSet({ processId, root: launched.root, outputDirectory });
		this.#sets.add(set);
		const process: Process = {
			processId,
			generation,
			program: launched.program,
			set,
			launched,
			...started,
		};
		this.#process = process;
		this.#usage = undefined;
		this.#condemnedFor = undefined;
		this.#sampleOom(process);
		this.#warnings = launched.warnings;
		this.#launchFault = undefined;
	}

	#sampleOom(process: Process): void {
		this.#oomBefore = undefined;
		void this.#options.oom?.sample().then((counts) => {
			if (this.#process === process) this.#oomBefore = counts;
		});
	}

	/** From now on the machine is told of its end. */
	#hearOfEnd(process: Process): void {
		const { launched, set } = process;
		launched.onExit(
			() => set.killed,
			(status) => this.#exited(process, status),
		);
	}

	#launchFailed(error: unknown, generation: number): RuntimeEvent {
		const { clock, random, log } = this.#options;
		this.#settled = generation;
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
		const { clock, log, table } = this.#options;
		const { set, generation } = process;
		set.exited = true;
		const isAwaited = this.#sets.rootEnded(set);
		this.#options.ended(this.#spec.id, generation);
		if (this.#isClosed) return;
		this.#options.output.ended(generation);
		const livedMs = clock.monotonicMs() - process.startedMs;
		const isPresent = process === this.#process;
		if (isPresent) {
			const asked = this.#state.kind === 'stopping';
			const now = { livedMs, at: clock.now(), atMs: clock.monotonicMs() };
			const end = this.#settle(process, status, now, asked, set.killed);
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

	#stopCommand(set: ProcessSet): StopCommand | undefined {
		const life = this.#process;
		const { cwd, name, stop, user } = this.#spec;
		if (!stop.command || life?.set !== set) return undefined;
		const { log, outputDirectory, runCommand: run = runCommand } = this.#options;
		const { pid } = life.program;
		const onComplaint = (complaint: string) => {
			log.warn('stop command failed', { runtime: name, complaint });
			this.#warnings = [...this.#warnings, `stop command: ${complaint}`];
		};
		let before: readonly string[];
		try {
			before = user === undefined ? [] : wordsToBecome(userOf(user, process.getuid?.()));
		} catch (error) {
			// no stop is called off by that
			onComplaint(error instanceof Error ? error.message : String(error));
			return undefined;
		}
		// what an earlier daemon launched has it, too
		const env = this.#environment ?? readEnvironment(pid);
		return stopCommandOf({
			command: [...before, ...stop.command],
			text: stop.command.join(' '),
			ms: stop.commandMs ?? defaultCommandMs,
			cwd,
			env: { ...env, [cookieName]: life.processId, ORCH_RUNTIME_PID: String(pid) },
			stdoutPath: `${outputDirectory}stdout.log`,
			stderrPath: `${outputDirectory}stderr.log`,
			run,
			onComplaint,
		});
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
		return backoffInfo({
			account: 'account' in this.#state ? this.#state.account : undefined,
			livedMs: this.#state.kind === 'running' ? this.#livedMs() : undefined,
			timerAt: this.#timer?.at,
			policy: this.#spec.restart,
			clock: this.#options.clock,
		});
	}

	#publish(event: Omitted<SupervisorEvent>): void {
		const { id, name } = this.#spec;
		this.#options.publish({ ...event, id, name, at: this.#options.clock.now() } as SupervisorEvent);
	}
}

type Omitted<Event> = Event extends unknown ? Omit<Event, 'id' | 'name' | 'at'> : never;
