/** A runtime: the parts that make one, joined, and seen from outside. */
import type { Clock, Logger, Random } from '@orch/base';
import { SupervisorError } from './faults.ts';
import { freezeSets, thawSets } from './freeze.ts';
import type { ExitStatus } from './exit-record.ts';
import type { Usage } from './figures/index.ts';
import type { Journal, KeptRuntime } from './journal.ts';
import type { FindListeners } from './listeners.ts';
import type { NeededView, Unmet } from './needs.ts';
import type { OomWitness } from './oom.ts';
import type { RuntimeOutput } from './output/index.ts';
import type { Launched, Launcher, Prepare, Recorded } from './ports.ts';
import type { CheckerOf } from './probes/index.ts';
import type { Process } from './process.ts';
import { createProcessSet, type ProcessSet } from './process-set.ts';
import type { ProcessTable } from './process-table.ts';
import type { Resumption } from './resumption.ts';
import { RuntimeCommands } from './runtime-commands.ts';
import { RuntimeEnds } from './runtime-ends.ts';
import { RuntimeInterpreter } from './runtime-interpreter.ts';
import { RuntimeLedger } from './runtime-ledger.ts';
import { RuntimeProbes } from './runtime-probes.ts';
import { RuntimeProcesses } from './runtime-processes.ts';
import { RuntimeSets } from './runtime-sets.ts';
import { RuntimeView } from './runtime-view.ts';
import type { RuntimeSnapshot, SupervisorEvent } from './snapshot.ts';
import { isSignal, type RuntimeSpec } from './spec.ts';
import { type RunCommand, type StopCommand, stopCommandOf } from './stop-command.ts';

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

export class Runtime {
	/** What may be asked of it. */
	readonly commands: RuntimeCommands;
	readonly #options: RuntimeOptions;
	readonly #removed = new AbortController();
	readonly #ledger: RuntimeLedger;
	readonly #sets: RuntimeSets;
	readonly #processes: RuntimeProcesses;
	readonly #ends: RuntimeEnds;
	readonly #probes: RuntimeProbes;
	readonly #interpreter: RuntimeInterpreter;
	readonly #view: RuntimeView;
	#spec: RuntimeSpec;
	#isClosed = false;

	constructor(options: RuntimeOptions) {
		this.#options = options;
		this.#spec = options.kept.spec;
		const { clock, random, log, journal, launcher, table, output, outputDirectory, oom } = options;
		const spec = () => this.#spec;
		// each gets what it takes, by name: a copy of all is a dictionary of its own for each part of each runtime
		const ledger = new RuntimeLedger({
			kept: options.kept,
			journal,
			clock,
			removed: this.#removed.signal,
			moment: () => this.#interpreter,
		});
		this.#ledger = ledger;
		const sets = new RuntimeSets({
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
				this.commands.forgetGrace();
				this.#interpreter.send({ kind: 'emptied' });
			},
		});
		this.#sets = sets;
		const ends = new RuntimeEnds({ clock, random, log, journal, ledger, oom, spec });
		this.#ends = ends;
		const processes = new RuntimeProcesses({
			clock,
			random,
			log,
			journal,
			launcher,
			prepare: options.prepare,
			findListeners: options.findListeners,
			output,
			outputDirectory,
			ended: options.ended,
			sets,
			spec,
			onTaken: (process) => {
				this.#view.usage = undefined;
				ends.began(process);
			},
			onExit: (process, status) => this.#exited(process, status),
		});
		this.#processes = processes;
		const probes = new RuntimeProbes({
			clock,
			output,
			checkerOf: options.checkerOf,
			ledger,
			spec,
			onReady: (generation, ready, reason) =>
				this.#publish(ready ? { kind: 'ready', generation } : { kind: 'unready', generation, reason }),
			onFailed: (reason) => this.condemn(reason),
			environmentOf: (process) => processes.environmentOf(process),
		});
		this.#probes = probes;
		this.commands = new RuntimeCommands({
			log,
			ledger,
			sets,
			spec,
			respecify: (changed) => this.respecify(changed),
			state: () => this.#interpreter.state,
			snapshot: () => this.snapshot(),
			send: (event) => this.#interpreter.send(event),
			removed: this.#removed,
		});
		this.#interpreter = new RuntimeInterpreter({
			clock,
			ledger,
			sets,
			processes,
			ends,
			probes,
			commands: this.commands,
			spec,
			unmet: () => options.unmet(this.#spec.id),
			onChanged: (change) => {
				const pid = processes.livingProgram?.pid;
				this.#publish({ kind: 'changed', generation: ledger.generation, pid, ...change });
			},
		});
		this.#view = new RuntimeView({
			clock,
			outputDirectory,
			ledger,
			sets,
			processes,
			probes,
			interpreter: this.#interpreter,
			spec,
		});
	}

	/** From its next process on; what is not of the process, such as the restart policy, from now on. */
	respecify(spec: RuntimeSpec): void {
		const before = this.#spec;
		this.#spec = spec;
		this.#options.journal.respecified(spec.id, spec);
		// other looks at the process that runs, which goes on
		const areOther = JSON.stringify(before.probes) !== JSON.stringify(spec.probes);
		const { present } = this.#processes;
		if (areOther && present && this.#interpreter.state.kind === 'running') this.#probes.begin(present);
	}

	/** The process that runs, for those who have to know before anything goes on. */
	get process(): { readonly processId: string; readonly generation: number } | undefined {
		return this.#processes.present;
	}

	get generation(): number {
		return this.#ledger.generation;
	}

	get spec(): RuntimeSpec {
		return this.#spec;
	}

	get sets(): readonly ProcessSet[] {
		return this.#sets.all;
	}

	get livedMs(): number | undefined {
		return this.#processes.livedMs;
	}

	get limitBytes(): number | undefined {
		return this.#spec.limits?.memoryBytes;
	}

	/** Takes up the process that an earlier daemon launched. To be called before `resume`. */
	adopt(recorded: Recorded, launched: Launched): void {
		const { output, table, log } = this.#options;
		this.#ledger.generation = recorded.record.generation;
		this.#processes.adopt(recorded, launched);
		if (output.wasFrozen)
			void thawSets(table, this.#sets.all).catch((error) => log.error('what was stopped was not let go', { error }));
	}

	/** What a process that has ended may have left is this runtime's, too: nothing is launched beside it. */
	inherit({ record, rootLives }: Recorded): void {
		this.#ledger.generation = Math.max(this.#ledger.generation, record.generation);
		const root = { pid: record.pid, startTicks: record.startTicks };
		const { outputDirectory } = this.#options;
		const set = createProcessSet({ processId: record.processId, root, outputDirectory, cgroup: record });
		set.holdsGroup = rootLives;
		set.exited = true;
		this.#sets.add(set);
	}

	/**
	 * Goes on where the daemon before was: by what it remembered, and by what became of its process since. `ended` is the
	 * process that was running then and is not any more; its set has been inherited.
	 */
	resume(ended: Recorded | undefined): void {
		const process = this.#processes.present;
		const resumption = this.#ledger.resumption(this.#spec, {
			process: process ? 'lives' : ended ? 'ended' : 'none',
			leftovers: !this.#sets.isEmpty,
		});
		const { next } = resumption;
		this.#interpreter.stand(resumption);
		const { state } = resumption;
		if (state.kind === 'stopping' && state.condemned) this.#ends.goOnCondemning(state.condemned.end.what);
		if (process) {
			this.#processes.hearOfEnd(process);
			this.#publish({ kind: 'adopted', generation: this.generation, pid: process.program.pid });
			if (state.kind === 'running') this.#probes.begin(process);
		}
		if (ended) this.#endedAway(ended, next);
		if (next !== 'settle') this.#interpreter.goOn(next);
		// of processes before the last one nothing may be left, either
		this.#sets.sweep();
		this.#ledger.save();
	}

	/** Stops everything of it for a moment; gives how to let it go on, or undefined where that cannot be. */
	freeze(): Promise<(() => void) | undefined> {
		return freezeSets(this.#options.table, this.#options.clock, this.#sets.all);
	}

	signal(name: string): number {
		if (!isSignal(name)) throw new SupervisorError({ kind: 'unknown_signal', signal: name });
		const program = this.#processes.livingProgram;
		if (!program || !this.#options.table.signal(program, name)) {
			throw new SupervisorError({ kind: 'not_running', name: this.#spec.name, status: this.#interpreter.state.kind });
		}
		this.#ends.signalled(name);
		return program.pid;
	}

	/** What its processes use, as was just seen. */
	used(usage: Usage | undefined): void {
		this.#view.usage = usage;
	}

	/** What runs must not go on: it is ended, and that is a failure like any other to the policy. */
	condemn(reason: string): void {
		if (this.#isClosed || this.#interpreter.state.kind !== 'running') return;
		this.#interpreter.send({ kind: 'condemned', end: this.#ends.condemned(reason, this.livedMs ?? 0) });
	}

	/** Its program has said so itself. */
	markReady(generation: number): void {
		const { kind } = this.#interpreter.state;
		if (this.#isClosed || (kind !== 'starting' && kind !== 'running')) return;
		if (generation === this.generation) this.#probes.said(generation);
	}

	/** What it needs has changed. */
	needsChanged(): void {
		if (this.#interpreter.state.kind === 'waiting') this.#interpreter.send({ kind: 'needs_changed' });
	}

	/** As those see it that need it. */
	get view(): NeededView {
		return this.#view.needed;
	}

	snapshot(): RuntimeSnapshot {
		return this.#view.snapshot();
	}

	/** The daemon is about to end: what runs goes on until it is stopped, and nothing is launched any more. */
	rest(): void {
		this.#interpreter.rest();
	}

	/** Lets go of what runs, and acts on nothing any more. */
	close(): void {
		this.#isClosed = true;
		this.#interpreter.close();
		this.#processes.close();
		this.#probes.end();
		this.#sets.close();
		this.commands.close();
	}

	#exited(process: Process, status: ExitStatus): void {
		const { log, table } = this.#options;
		const { set, generation, processId } = process;
		set.exited = true;
		const isAwaited = this.#sets.rootEnded(set);
		this.#options.ended(this.#spec.id, generation);
		if (this.#isClosed) return;
		this.#options.output.ended(generation);
		const ms = Math.round(this.#options.clock.monotonicMs() - process.startedMs);
		log.info('process ended', { runtime: this.#spec.name, process: processId, generation, ...status, ms });
		if (process === this.#processes.present) {
			const end = this.#ends.exited(process, status, this.#interpreter.state.kind === 'stopping');
			this.#interpreter.send({ kind: 'exited', end, leftovers: table.hasGroup(set) });
		}
		// one that had been given up has ended after all
		if (!isAwaited && this.#interpreter.state.kind === 'stopped') this.#sets.sweep();
	}

	/** `next`: what is to be done since it has ended while nobody was there. */
	#endedAway(recorded: Recorded, next: Resumption['next']): void {
		const { generation } = recorded.record;
		this.#options.ended(this.#spec.id, generation);
		this.#options.output.ended(generation);
		const end = this.#ends.away(recorded, next === 'end');
		// its group may be somebody else's by now, so what it left is looked for by everything else before the next is launched
		if (next === 'settle') this.#interpreter.send({ kind: 'exited', end, leftovers: true });
	}

	/** Only the program that runs now can be told to end in its own way. */
	#stopCommand(set: ProcessSet): StopCommand | undefined {
		const process = this.#processes.present;
		if (process?.set !== set) return undefined;
		const { log, outputDirectory, runCommand } = this.#options;
		return stopCommandOf(this.#spec, {
			processId: process.processId,
			pid: process.program.pid,
			environment: () => this.#processes.environmentOf(process),
			outputDirectory,
			run: runCommand,
			onComplaint: (complaint) => {
				log.warn('stop command failed', { runtime: this.#spec.name, complaint });
				this.#processes.warn(`stop command: ${complaint}`);
			},
		});
	}

	#publish(event: Omitted<SupervisorEvent>): void {
		const { id, name } = this.#spec;
		this.#options.publish({ ...event, id, name, at: this.#options.clock.now() } as SupervisorEvent);
	}
}

type Omitted<Event> = Event extends unknown ? Omit<Event, 'id' | 'name' | 'at'> : never;
