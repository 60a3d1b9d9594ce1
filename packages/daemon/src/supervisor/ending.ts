/** Ends sets of processes: carries out what the machine of endings says. */
import type { Clock, Logger, Timer } from '@orch/base';
import { beginEnding, type EndingEffect, type EndingEvent, type EndingState, stepEnding } from './ending.machine.ts';
import { isForGroup } from './launch-shim.ts';
import type { Member, ProcessSet } from './process-set.ts';
import type { ProcessTable } from './process-table.ts';
import type { Escaped } from './snapshot.ts';
import type { StopCommand } from './stop-command.ts';

export interface EndingOptions {
	readonly clock: Clock;
	readonly log: Logger;
	readonly table: ProcessTable;
	readonly sets: readonly ProcessSet[];
	readonly signal: NodeJS.Signals;
	readonly graceMs: number;
	/** Run before anybody is signalled. */
	readonly command?: StopCommand | undefined;
	/** Called once, never within `begin`. */
	readonly onOver: (escaped: readonly Escaped[]) => void;
}

interface Deadline {
	readonly at: number;
	readonly kind: 'command_over' | 'grace_over' | 'kill_over';
	readonly timer: Timer;
}

/** What SIGKILL has not ended after this time is reported as escaped. */
export const killMs = 5_000;

/** Waits between two looks at what is left, growing; an exit that is told of ends them at once. */
const firstLookMs = 4;
const lastLookMs = 200;

export class Ending {
	readonly sets: readonly ProcessSet[];
	readonly #options: EndingOptions;
	/** Who has been asked, as pid and start: nobody is asked twice, for some take a second time for "now". */
	readonly #asked = new Set<string>();
	/** Sets whose whole group was asked at once. */
	readonly #askedGroups = new Set<ProcessSet>();
	#state: EndingState;
	#found = new Map<ProcessSet, readonly Member[]>();
	#deadline: Deadline | undefined;
	#look: Timer | undefined;
	#lookMs = firstLookMs;
	#isLooking = false;
	#lookAgain = false;
	/** Ends the stop command, while it runs. */
	#endCommand: (() => void) | undefined;

	constructor(options: EndingOptions) {
		this.#options = options;
		this.sets = options.sets;
		this.#state = { kind: 'asking' };
	}

	begin(): void {
		const { graceMs, command } = this.#options;
		const { state, effects } = beginEnding({ graceMs, commandMs: command?.ms }, { killMs });
		this.#state = state;
		for (const effect of effects) this.#perform(effect);
		this.poke();
	}

	/** What it is waiting for, where that is not the processes themselves. */
	get activity(): string | undefined {
		return this.#state.kind === 'preparing' ? `its stop command runs: ${this.#options.command?.text}` : undefined;
	}

	/** Something has ended, or may have: looks now. */
	poke(): void {
		this.#lookMs = firstLookMs;
		// what is left before the stop command is over does not matter, and it would be among it
		if (this.#state.kind !== 'preparing') this.#lookNow();
	}

	/** Makes the grace end sooner; never later. */
	hurry(graceMs: number): void {
		if (this.#state.kind === 'preparing') {
			this.#send({ kind: 'hurry', graceMs });
			return;
		}
		if (!this.#deadline || this.#options.clock.monotonicMs() + graceMs >= this.#deadline.at) return;
		this.#send({ kind: 'hurry', graceMs });
	}

	/** Ends no more, and tells nobody. */
	cancel(): void {
		this.#state = { kind: 'over', escaped: true };
		this.#endCommand?.();
		this.#deadline?.timer.cancel();
		this.#look?.cancel();
	}

	#send(event: EndingEvent): void {
		const before = this.#state;
		const { state, effects } = stepEnding(before, event, { killMs });
		this.#state = state;
		for (const effect of effects) this.#perform(effect);
		if (state.kind === before.kind) return;
		if (state.kind !== 'over') {
			this.poke();
			return;
		}
		this.#look?.cancel();
		this.#options.onOver(state.escaped ? this.#describeLeft() : []);
	}

	#perform(effect: EndingEffect): void {
		switch (effect.kind) {
			case 'run_command':
				this.#endCommand = this.#options.command?.run(() => {
					this.#endCommand = undefined;
					this.#send({ kind: 'prepared' });
				});
				return;
			case 'end_command':
				this.#endCommand?.();
				this.#endCommand = undefined;
				return;
			case 'ask':
				for (const set of this.sets) this.#ask(set);
				return;
			case 'kill':
				for (const set of this.sets) this.#kill(set);
				return;
			case 'set_timer':
				this.#setTimer(effect.ms, `${effect.timer}_over`);
				return;
			case 'shorten_timer': {
				const { at, kind } = this.#deadline ?? { at: Number.POSITIVE_INFINITY, kind: 'command_over' };
				if (this.#options.clock.monotonicMs() + effect.ms < at) this.#setTimer(effect.ms, kind);
				return;
			}
			case 'clear_timer':
				this.#deadline?.timer.cancel();
				this.#deadline = undefined;
				return;
		}
	}

	#setTimer(ms: number, kind: Deadline['kind']): void {
		this.#deadline?.timer.cancel();
		const { clock } = this.#options;
		this.#deadline = { at: clock.monotonicMs() + ms, kind, timer: clock.setTimer(ms, () => this.#send({ kind })) };
	}

	#ask(set: ProcessSet): void {
		const { table, signal } = this.#options;
		if (isForGroup(signal) && !this.#askedGroups.has(set) && table.signalGroup(set, signal)) {
			this.#askedGroups.add(set);
			// a stopped program could not hear it; one that was stopped just now is not seen to be, so all are woken
			table.signalGroup(set, 'SIGCONT');
		}
		for (const member of this.#found.get(set) ?? []) {
			const name = `${member.pid} ${member.startTicks}`;
			const isReached = this.#askedGroups.has(set) && member.group === set.root?.pid;
			// a signal that the shim would not outlive is not for the shim
			const isSpared = member.pid === set.root?.pid && !isForGroup(signal);
			const isToldAlone = !this.#asked.has(name) && !isReached && !isSpared;
			this.#asked.add(name);
			if (isToldAlone) this.#tell(member, signal);
			if (isToldAlone || member.stopped) table.signal(member, 'SIGCONT');
		}
	}

	#kill(set: ProcessSet): void {
		const { table } = this.#options;
		set.killed = true;
		table.signalGroup(set, 'SIGKILL');
		table.kill(this.#found.get(set) ?? []);
		table.killCgroup?.(set);
	}

	#tell(member: Member, signal: NodeJS.Signals): void {
		if (!this.#options.table.signal(member, signal)) {
			this.#options.log.debug('signal not sent', { processPid: member.pid, signal });
		}
	}

	/** Never empty: what could not be seen to be gone is told as well. */
	#describeLeft(): Escaped[] {
		const members = this.#members();
		const seen = new Set(members.map(({ pid }) => pid));
		const unseen = this.sets.filter(({ root, exited }) => root && !exited && !seen.has(root.pid));
		const left = [
			...members.map((member) => this.#options.table.describe(member)),
			...unseen.map(({ root }) => ({ pid: root?.pid ?? 0, command: 'its end was not told' })),
		];
		return left.length > 0
			? left
			: this.sets.map(({ root }) => ({ pid: root?.pid ?? 0, command: 'what is left of it is unknown' }));
	}

	#members(): Member[] {
		return [...this.#found.values()].flat();
	}

	#lookNow(): void {
		this.#look?.cancel();
		this.#look = undefined;
		if (this.#state.kind === 'over') return;
		if (this.#isLooking) {
			this.#lookAgain = true;
			return;
		}
		this.#isLooking = true;
		this.#lookAgain = false;
		void this.#lookOnce();
	}

	async #lookOnce(): Promise<void> {
		const found = await this.#lookAtAll();
		this.#isLooking = false;
		if (this.#state.kind === 'over') return;
		if (found) {
			this.#found = found;
			// an end that has not been told yet is not over, even if nothing is to be seen any more
			const untold = this.sets.filter(({ exited }) => !exited).length;
			this.#send({ kind: 'looked', left: this.#members().length + untold });
		} else this.#send({ kind: 'unseen' });
		if ((this.#state as EndingState).kind === 'over') return;
		if (this.#lookAgain) this.#lookNow();
		else if (!found || this.#mustPoll()) {
			this.#look = this.#options.clock.setTimer(this.#lookMs, () => this.#lookNow());
			this.#lookMs = Math.min(lastLookMs, this.#lookMs * 2);
		}
	}

	/** Undefined where it could not be seen: neither everything nor nothing is left, and the deadlines decide. */
	async #lookAtAll(): Promise<Map<ProcessSet, readonly Member[]> | undefined> {
		const { table, log } = this.#options;
		try {
			return new Map(await Promise.all(this.sets.map(async (set) => [set, await table.members(set)] as const)));
		} catch (error) {
			log.error('what is left could not be looked at', { error });
			return undefined;
		}
	}

	/** While all that is left will be told by the end of its root there is nothing to look for. */
	#mustPoll(): boolean {
		return this.#state.kind === 'killing' || this.sets.some((set) => set.exited);
	}
}
