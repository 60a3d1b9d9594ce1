/** All that a runtime's processes may have left behind, and who is ending it. */
import type { Clock, Logger, Timer } from '@orch/base';
import { Ending } from './ending.ts';
import type { ProcessSet } from './process-set.ts';
import type { ProcessTable } from './process-table.ts';
import type { Escaped } from './snapshot.ts';
import type { StopPolicy } from './spec.ts';
import type { StopCommand } from './stop-command.ts';

export interface RuntimeSetsOptions {
	readonly clock: Clock;
	readonly log: Logger;
	readonly table: ProcessTable;
	readonly stop: () => StopPolicy;
	/** What is to be run before a set whose program runs is asked to end. */
	readonly stopCommand: (set: ProcessSet) => StopCommand | undefined;
	/** A set of which nothing is left. */
	readonly onGone: (set: ProcessSet) => void;
	readonly onEscaped: (escaped: readonly Escaped[]) => void;
	/** Answers `endAll`: nothing is being ended any more. */
	readonly onEmptied: () => void;
}

/**
 * How long after a restart what may have escaped from the process before is looked for: the new one has the processor to
 * itself while it starts, and many restarts at once are answered by one look.
 */
const sweepMs = 250;

export class RuntimeSets {
	readonly #options: RuntimeSetsOptions;
	readonly #sets = new Map<ProcessSet, Ending | undefined>();
	/** What could not be ended, by the set that was given up. */
	readonly #givenUp = new Map<ProcessSet, readonly Escaped[]>();
	#owesEmptied = false;
	#sweepTimer: Timer | undefined;

	constructor(options: RuntimeSetsOptions) {
		this.#options = options;
	}

	get isEmpty(): boolean {
		return this.#sets.size === 0;
	}

	get escaped(): readonly Escaped[] {
		return [...this.#givenUp.values()].flat();
	}

	/** What a stop that is under way is waiting for, where that is not the processes themselves. */
	get activity(): string | undefined {
		for (const ending of this.#sets.values()) if (ending?.activity !== undefined) return ending.activity;
		return undefined;
	}

	get all(): readonly ProcessSet[] {
		return [...this.#sets.keys()];
	}

	add(set: ProcessSet): void {
		this.#options.table.register(set);
		this.#sets.set(set, undefined);
	}

	/** Ends everything there is; what is being ended already may be hurried. */
	endAll(graceMs: number): void {
		this.#owesEmptied = true;
		this.#callOffSweep();
		for (const ending of new Set(this.#sets.values())) ending?.hurry(graceMs);
		this.#end(this.#unattended(), graceMs);
		this.#tellIfEmptied();
	}

	/** Ends, in a moment and beside all else, what is left of processes whose root has ended. */
	sweepSoon(): void {
		// not put off by the next end: of one that keeps ending none would ever be swept
		this.#sweepTimer ??= this.#options.clock.setTimer(sweepMs, () => this.sweep());
	}

	sweep(): void {
		this.#callOffSweep();
		const old = this.#unattended().filter(({ exited }) => exited);
		this.#end(old, this.#options.stop().graceMs);
	}

	/** The root of a set has ended. True where somebody waited for that. */
	rootEnded(set: ProcessSet): boolean {
		const ending = this.#sets.get(set);
		ending?.poke();
		return ending !== undefined;
	}

	/** What was given up and may still be there; nothing may be launched beside it. */
	async stuck(): Promise<readonly Escaped[]> {
		const { table } = this.#options;
		const found = (await Promise.all(this.#unattended().map((set) => table.members(set)))).flat();
		return found.map((member) => table.describe(member));
	}

	/** Whether it is worth looking for that: nearly never, and a restart is not to wait for a look. */
	mayBeStuck(): boolean {
		// of one that an earlier daemon launched nobody can tell any more by its group
		return this.#givenUp.size > 0 || this.#unattended().some((set) => !set.exited || this.#options.table.hasGroup(set));
	}

	close(): void {
		this.#callOffSweep();
		for (const ending of new Set(this.#sets.values())) ending?.cancel();
		for (const set of this.#sets.keys()) this.#options.table.unregister(set);
	}

	#callOffSweep(): void {
		this.#sweepTimer?.cancel();
		this.#sweepTimer = undefined;
	}

	#unattended(): readonly ProcessSet[] {
		return [...this.#sets].flatMap(([set, ending]) => (ending ? [] : [set]));
	}

	#end(sets: readonly ProcessSet[], graceMs: number): void {
		if (sets.length === 0) return;
		const { clock, log, table, stop } = this.#options;
		const onOver = (escaped: readonly Escaped[]) => this.#ended(ending, escaped);
		const running = sets.find(({ exited, killed }) => !exited && !killed);
		const command = running && this.#options.stopCommand(running);
		const ending: Ending = new Ending({ clock, log, table, sets, signal: stop().signal, graceMs, command, onOver });
		for (const set of sets) this.#sets.set(set, ending);
		ending.begin();
	}

	#ended({ sets }: Ending, escaped: readonly Escaped[]): void {
		for (const set of sets) {
			this.#givenUp.delete(set);
			if (escaped.length > 0) this.#sets.set(set, undefined);
			else {
				this.#sets.delete(set);
				this.#options.table.unregister(set);
				this.#options.table.removeCgroup?.(set);
				this.#options.onGone(set);
			}
		}
		const [first] = sets;
		if (escaped.length > 0 && first) {
			this.#givenUp.set(first, escaped);
			this.#options.onEscaped(escaped);
		}
		this.#tellIfEmptied();
	}

	#tellIfEmptied(): void {
		if (!this.#owesEmptied || [...this.#sets.values()].some((ending) => ending)) return;
		this.#owesEmptied = false;
		this.#options.onEmptied();
	}
}
