/** Carries out what the machine of a runtime says, one event at a time: the parts do it, this one only tells them. */
import { type Clock, Mailbox, type Timer } from '@orch/base';
import { describeUnmet, type Unmet } from './needs.ts';
import type { Resumption } from './resumption.ts';
import { type RuntimeEffect, type RuntimeEvent, type RuntimeState, stepRuntime } from './runtime.machine.ts';
import type { RuntimeCommands } from './runtime-commands.ts';
import type { RuntimeEnds } from './runtime-ends.ts';
import type { RuntimeLedger } from './runtime-ledger.ts';
import type { RuntimeProbes } from './runtime-probes.ts';
import type { RuntimeProcesses } from './runtime-processes.ts';
import type { RuntimeSets } from './runtime-sets.ts';
import type { LastExit } from './snapshot.ts';
import type { RuntimeSpec } from './spec.ts';

/** Of its status, in words for those outside. */
export interface StatusChange {
	readonly from: RuntimeState['kind'];
	readonly to: RuntimeState['kind'];
	readonly reason: string | undefined;
	/** Set where a process has just ended. */
	readonly exit: LastExit | undefined;
}

export interface RuntimeInterpreterOptions {
	readonly clock: Clock;
	readonly ledger: RuntimeLedger;
	readonly sets: RuntimeSets;
	readonly processes: RuntimeProcesses;
	readonly ends: RuntimeEnds;
	readonly probes: RuntimeProbes;
	readonly commands: RuntimeCommands;
	readonly spec: () => RuntimeSpec;
	/** What it needs and is not there. */
	readonly unmet: () => readonly Unmet[];
	readonly onChanged: (change: StatusChange) => void;
}

/** What a launch waits for that is not to come any more. */
const daemonEnds = 'waits for the next orchd: this one is ending';

export class RuntimeInterpreter {
	readonly #options: RuntimeInterpreterOptions;
	readonly #mailbox = new Mailbox<RuntimeEvent>((event) => this.#react(event));
	#state: RuntimeState = { kind: 'stopped' };
	#timer: { readonly at: number; readonly timer: Timer } | undefined;
	#isResting = false;
	#isClosed = false;

	constructor(options: RuntimeInterpreterOptions) {
		this.#options = options;
	}

	get state(): RuntimeState {
		return this.#state;
	}

	/** When the wait that is under way ends, by the clock that only grows. */
	get timerAt(): number | undefined {
		return this.#timer?.at;
	}

	send(event: RuntimeEvent): void {
		this.#mailbox.send(event);
	}

	/** Stands where the daemon before stood; nothing is done from there before `goOn`. */
	stand({ state, timerMs }: Resumption): void {
		this.#state = state;
		if (timerMs !== undefined) this.#perform({ kind: 'set_timer', ms: timerMs });
	}

	/** The end of a process is not told of here: it is an event of its own. */
	goOn(next: Exclude<Resumption['next'], 'settle'>): void {
		const { ledger } = this.#options;
		if (next === 'end') this.#perform({ kind: 'end' });
		else if (next === 'relaunch') {
			// it was counted when it was first tried
			ledger.restarts = Math.max(0, ledger.restarts - 1);
			this.send({ kind: 'needs_changed' });
		} else if (next !== undefined) this.send({ kind: next });
	}

	/** Launches nothing any more. What waits for its time does not come to it; when that would be is still remembered. */
	rest(): void {
		this.#isResting = true;
		this.#timer?.timer.cancel();
	}

	/** Acts on nothing any more. */
	close(): void {
		this.#isClosed = true;
		this.#timer?.timer.cancel();
	}

	#react(event: RuntimeEvent): void {
		if (this.#isClosed) return;
		const { ledger, probes, processes, ends, commands, spec, onChanged } = this.#options;
		const from = this.#state.kind;
		const unmet = this.#options.unmet();
		const { restart } = spec();
		const waitsFor = this.#isResting ? daemonEnds : unmet.length > 0 ? describeUnmet(unmet) : undefined;
		const hasEscaped = this.#options.sets.escaped.length > 0;
		const context = waitsFor === undefined && !hasEscaped ? restart : { ...restart, waitsFor, hasEscaped };
		const { state, effects } = stepRuntime(this.#state, event, context);
		this.#state = state;
		const begins = from !== 'running' && state.kind === 'running';
		if (from === 'running' && state.kind !== 'running') probes.end();
		if (begins && processes.present) probes.begin(processes.present);
		for (const effect of effects) this.#perform(effect);
		ledger.save();
		if (from !== state.kind) {
			const reason = 'reason' in state ? state.reason : undefined;
			onChanged({ from, to: state.kind, reason, exit: event.kind === 'exited' ? ledger.lastExit : undefined });
		}
		commands.reacted({ event, from, state, unmet, launchFault: ends.launchFault });
		if (begins) probes.runs();
	}

	#perform(effect: RuntimeEffect): void {
		const { ledger, processes, sets, commands } = this.#options;
		switch (effect.kind) {
			case 'launch':
				ledger.restarts = effect.by === 'command' ? 0 : ledger.restarts + 1;
				ledger.generation++;
				commands.forgetGrace();
				// the word may be given in this very turn, and who comes after us has to know of it before
				ledger.save();
				this.#launch(ledger.generation);
				return;
			case 'abandon':
				processes.abandon();
				return;
			case 'end':
				sets.endAll(commands.graceMs);
				return;
			case 'sweep':
				sets.sweepSoon();
				return;
			case 'set_timer': {
				const { clock } = this.#options;
				const run = () => {
					this.#timer = undefined;
					this.send({ kind: 'backoff_over' });
				};
				this.#timer = { at: clock.monotonicMs() + effect.ms, timer: clock.setTimer(effect.ms, run) };
				if (this.#isResting) this.#timer.timer.cancel();
				return;
			}
			case 'clear_timer':
				this.#timer?.timer.cancel();
				this.#timer = undefined;
				return;
		}
	}

	#launch(generation: number): void {
		const { processes, ends, ledger } = this.#options;
		void processes.launch(generation, ledger.lastExit?.at, (failure) =>
			this.send(failure ? { kind: 'launch_failed', end: ends.launchFailed(failure.error, generation) } : { kind: 'launched' }),
		);
	}
}
