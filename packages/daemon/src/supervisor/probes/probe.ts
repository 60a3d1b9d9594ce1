/** A probe of one process: carries out what its machine says, and remembers the last answer. */
import { type Clock, Mailbox, type Timer } from '@orch/base';
import { shortTime } from '../restart.ts';
import type { Answer, Checker } from './checker.ts';
import { failedLook } from './failed-look.ts';
import { gated, type ProbeEffect, type ProbeEvent, type ProbePlan, type ProbeState, stepProbe } from './probe.machine.ts';

export interface ProbeOptions {
	readonly plan: ProbePlan;
	readonly checker: Checker;
	readonly clock: Clock;
	readonly onVerdict: (good: boolean) => void;
}

export class Probe {
	readonly #options: ProbeOptions;
	readonly #mailbox = new Mailbox<ProbeEvent>((event) => this.#react(event));
	#state: ProbeState = gated;
	#timer: Timer | undefined;
	#look: AbortController | undefined;
	#verdict: boolean | undefined;
	#lastAnswer: Answer | undefined;
	/** In a row, without an end: how often the last answer was heard. */
	#fails = 0;

	constructor(options: ProbeOptions) {
		this.#options = options;
	}

	get plan(): ProbePlan {
		return this.#options.plan;
	}

	get isGated(): boolean {
		return this.#state.kind === 'gated';
	}

	/** Undefined until a threshold was reached. */
	get verdict(): boolean | undefined {
		return this.#verdict;
	}

	get lastAnswer(): Answer | undefined {
		return this.#lastAnswer;
	}

	get fails(): number {
		return this.#fails;
	}

	/** Begins to look; the second time it changes nothing. */
	open(): void {
		this.#mailbox.send({ kind: 'open' });
	}

	/** The program has said what a notify probe waits for. */
	said(): void {
		this.#options.checker.said?.();
	}

	close(): void {
		this.#mailbox.send({ kind: 'close' });
		this.#options.checker.close?.();
	}

	#react(event: ProbeEvent): void {
		const { state, effects } = stepProbe(this.#state, event, this.#options.plan);
		const isDone = state.kind === 'over' && this.#state.kind !== 'over';
		this.#state = state;
		for (const effect of effects) this.#perform(effect);
		if (isDone) this.#options.checker.done?.();
	}

	#perform(effect: ProbeEffect): void {
		switch (effect.kind) {
			case 'set_timer':
				this.#timer = this.#options.clock.setTimer(effect.ms, () => this.#mailbox.send({ kind: 'due' }), { background: true });
				return;
			case 'clear_timer':
				this.#timer?.cancel();
				return;
			case 'look':
				void this.#takeLook(effect.look, effect.timeoutMs);
				return;
			case 'abandon':
				this.#look?.abort();
				return;
			case 'verdict':
				this.#verdict = effect.good;
				this.#options.onVerdict(effect.good);
				return;
		}
	}

	async #takeLook(look: number, timeoutMs: number | null): Promise<void> {
		const { clock } = this.#options;
		const begunMs = clock.monotonicMs();
		const abort = new AbortController();
		this.#look = abort;
		const answer = await this.#answer(abort, timeoutMs);
		if (this.#state.kind !== 'looking' || this.#state.looks !== look) return;
		this.#lastAnswer = answer;
		const tookMs = clock.monotonicMs() - begunMs;
		if (answer.notSeen) {
			this.#mailbox.send({ kind: 'not_seen', look, tookMs });
			return;
		}
		this.#fails = answer.ok ? 0 : this.#fails + 1;
		this.#mailbox.send({ kind: 'answered', look, ok: answer.ok, tookMs });
	}

	async #answer(abort: AbortController, timeoutMs: number | null): Promise<Answer> {
		const { checker, clock } = this.#options;
		let timer: Timer | undefined;
		let giveBack: (() => void) | undefined;
		let isLate = false;
		const late = () => {
			isLate = true;
			abort.abort();
		};
		try {
			if (checker.turn) giveBack = await checker.turn(abort.signal);
			if (timeoutMs !== null) timer = clock.setTimer(timeoutMs, late, { background: true });
			const answer = await checker.look(abort.signal);
			return isLate && !answer.ok && !answer.notSeen && timeoutMs !== null
				? { ok: false, text: `${answer.text} within ${shortTime(timeoutMs)}` }
				: answer;
		} catch (error) {
			return failedLook(error);
		} finally {
			timer?.cancel();
			giveBack?.();
		}
	}
}
