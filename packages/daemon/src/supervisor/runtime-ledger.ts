/** What is remembered of a runtime: counted here, and in the journal, for the next daemon, as soon as it has changed. */
import type { Clock } from '@orch/base';
import type { Journal, KeptRuntime, RememberedState, RuntimeMemory } from './journal.ts';
import { freshMemory, recallAccount, recallCondemned, recallExit, rememberExit, rememberState, timesOf } from './memory.ts';
import { bootId } from './proc-scan.ts';
import { freshAccount, longestWaitMs } from './restart.ts';
import { type Remains, type Resumption, resume } from './resumption.ts';
import type { RuntimeState } from './runtime.machine.ts';
import type { LastExit } from './snapshot.ts';
import type { RuntimeSpec } from './spec.ts';

export interface RuntimeLedgerOptions {
	readonly kept: KeptRuntime;
	readonly journal: Journal;
	readonly clock: Clock;
	/** What is removed is not written down any more. */
	readonly removed: AbortSignal;
	/** Where the machine stands, and when the wait that is under way ends. */
	readonly moment: () => { readonly state: RuntimeState; readonly timerAt: number | undefined };
}

export class RuntimeLedger {
	readonly addedAt: number;
	desired: 'running' | 'stopped';
	generation: number;
	/** The last generation whose end has been judged. */
	settled: number;
	/** By policy since the last start by command. */
	restarts: number;
	/** The process that is ready; 0 is none. */
	readyGeneration: number;
	/** The process whose startup probe has succeeded. */
	startedUpGeneration: number;
	lastExit: LastExit | undefined;
	readonly #options: RuntimeLedgerOptions;
	/** What the journal has, as text. */
	#written = '';

	constructor(options: RuntimeLedgerOptions) {
		this.#options = options;
		const { addedAt, memory } = options.kept;
		this.addedAt = addedAt;
		this.desired = memory.desired;
		this.generation = memory.generation;
		this.settled = memory.settled;
		this.restarts = memory.restarts;
		this.readyGeneration = memory.readyGeneration;
		this.startedUpGeneration = memory.startedUpGeneration;
		this.lastExit = memory.lastExit === null ? undefined : recallExit(memory.lastExit);
	}

	/** Where a runtime goes on that an earlier daemon had: by what has become of its processes. */
	resumption(
		{ autostart, schedule, restart }: RuntimeSpec,
		{ process, leftovers }: Pick<Remains, 'process' | 'leftovers'>,
	): Resumption {
		const { clock, kept } = this.#options;
		const { state, bootId: bootBefore, generation } = kept.memory;
		const times = timesOf(clock);
		const account = 'account' in state ? recallAccount(state.account, times) : freshAccount;
		// what was written before a process began does not tell how it went on
		const isOlder = process !== 'none' && generation < this.generation;
		const remembered: RememberedState = isOlder ? { kind: 'active', account: { failures: [], tries: 0, gaveUp: false } } : state;
		return resume({
			remembered,
			desired: this.desired,
			autostart: autostart !== false && schedule?.action !== 'start',
			account,
			condemned:
				remembered.kind === 'stopping' && remembered.condemned ? recallCondemned(remembered.condemned, times) : undefined,
			restarts: this.restarts,
			process,
			leftovers,
			isSameBoot: bootBefore === bootId(),
			now: clock.now(),
			longestWaitMs: longestWaitMs(restart),
		});
	}

	/** Puts into the journal what a later daemon has to know; costs nothing where that is there already. */
	save(): void {
		const { kept, journal, clock, removed, moment } = this.#options;
		const { state, timerAt } = moment();
		const memory: RuntimeMemory = {
			...freshMemory(bootId()),
			desired: this.desired,
			generation: this.generation,
			settled: this.settled,
			readyGeneration: this.readyGeneration,
			startedUpGeneration: this.startedUpGeneration,
			restarts: this.restarts,
			state: rememberState(state, timerAt, timesOf(clock)),
			lastExit: this.lastExit ? rememberExit(this.lastExit) : null,
		};
		const text = JSON.stringify(memory);
		if (text === this.#written || removed.aborted) return;
		journal.remembered(kept.spec.id, memory);
		this.#written = text;
	}
}
