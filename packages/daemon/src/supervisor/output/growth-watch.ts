/**
 * Notices what programs write, for all runtimes together. What is quiet costs nothing: the system tells of its next write.
 * What writes much is looked at in turns, all of it by one timer, since being told of every write would cost more.
 */
import { type FSWatcher, watch } from 'node:fs';
import type { Clock, Logger, Timer } from '@orch/base';

export interface Watched {
	readonly directory: string;
	/** Whether a change of the file of this name matters. */
	readonly matters: (name: string) => boolean;
	/** Looks for what is new; true where there was something. */
	readonly look: () => boolean;
}

/** Between two looks at what writes much. */
const lookEveryMs = 25;
/** So many tellings within `burstMs` and it is looked at in turns instead. */
const burstEvents = 32;
const burstMs = 250;
/** Looks in turns without anything new, until the system is to tell again. */
const quietLooks = 40;
/** Where the system cannot tell: it allows no more watches, say. */
const unwatchedEveryMs = 500;
/** What the system should have told of, and did not. */
const safetyMs = 300_000;

interface Entry {
	readonly watched: Watched;
	watcher: FSWatcher | undefined;
	/** In turns: how many more looks without anything new. */
	looksLeft: number;
	burstFrom: number;
	burst: number;
}

export interface GrowthWatchOptions {
	readonly clock: Clock;
	readonly log: Logger;
	/** After each safety look at everything. */
	readonly onSafetyLook?: () => void;
}

export class GrowthWatch {
	readonly #options: GrowthWatchOptions;
	readonly #entries = new Map<Watched, Entry>();
	readonly #inTurns = new Set<Entry>();
	readonly #unwatched = new Set<Entry>();
	#turn: Timer | undefined;
	#unwatchedTurn: Timer | undefined;
	#safety: Timer | undefined;
	#isClosed = false;

	constructor(options: GrowthWatchOptions) {
		this.#options = options;
		this.#scheduleSafety();
	}

	/** Begins with a look. Returns how to end it. */
	add(watched: Watched): () => void {
		const entry: Entry = { watched, watcher: undefined, looksLeft: 0, burstFrom: 0, burst: 0 };
		this.#entries.set(watched, entry);
		this.#arm(entry);
		return () => {
			this.#entries.delete(watched);
			this.#inTurns.delete(entry);
			this.#unwatched.delete(entry);
			entry.watcher?.close();
		};
	}

	/** How many are looked at in turns: for tests. */
	get inTurns(): number {
		return this.#inTurns.size;
	}

	close(): void {
		this.#isClosed = true;
		for (const entry of this.#entries.values()) entry.watcher?.close();
		this.#entries.clear();
		this.#inTurns.clear();
		this.#unwatched.clear();
		for (const timer of [this.#turn, this.#unwatchedTurn, this.#safety]) timer?.cancel();
	}

	/** The look after it finds what came in between. */
	#arm(entry: Entry): void {
		const { directory, matters } = entry.watched;
		try {
			const watcher = watch(directory, { persistent: false }, (_event, name) => {
				if (name === null || matters(name)) this.#told(entry);
			});
			watcher.on('error', () => this.#cannotWatch(entry));
			entry.watcher = watcher;
			entry.burst = 0;
		} catch {
			this.#cannotWatch(entry);
		}
		this.#look(entry);
	}

	#cannotWatch(entry: Entry): void {
		entry.watcher?.close();
		entry.watcher = undefined;
		if (!this.#entries.has(entry.watched)) return;
		this.#unwatched.add(entry);
		this.#unwatchedTurn ??= this.#options.clock.setTimer(unwatchedEveryMs, () => this.#lookAtUnwatched(), { background: true });
	}

	#lookAtUnwatched(): void {
		this.#unwatchedTurn = undefined;
		for (const entry of this.#unwatched) this.#look(entry);
		if (this.#unwatched.size > 0 && !this.#isClosed)
			this.#unwatchedTurn = this.#options.clock.setTimer(unwatchedEveryMs, () => this.#lookAtUnwatched(), { background: true });
	}

	#told(entry: Entry): void {
		if (!entry.watcher || !this.#look(entry)) return;
		const now = this.#options.clock.monotonicMs();
		if (now - entry.burstFrom > burstMs) {
			entry.burstFrom = now;
			entry.burst = 0;
		}
		if (++entry.burst < burstEvents) return;
		entry.watcher.close();
		entry.watcher = undefined;
		entry.looksLeft = quietLooks;
		this.#inTurns.add(entry);
		this.#scheduleTurn();
	}

	#scheduleTurn(): void {
		this.#turn ??= this.#options.clock.setTimer(lookEveryMs, () => this.#takeTurns(), { background: true });
	}

	#takeTurns(): void {
		this.#turn = undefined;
		for (const entry of this.#inTurns) {
			entry.looksLeft = this.#look(entry) ? quietLooks : entry.looksLeft - 1;
			if (entry.looksLeft > 0) continue;
			this.#inTurns.delete(entry);
			this.#arm(entry);
		}
		if (this.#inTurns.size > 0 && !this.#isClosed) this.#scheduleTurn();
	}

	#look({ watched }: Entry): boolean {
		try {
			return watched.look();
		} catch (error) {
			this.#options.log.error('output could not be looked at', { directory: watched.directory, error });
			return false;
		}
	}

	#scheduleSafety(): void {
		this.#safety = this.#options.clock.setTimer(
			safetyMs,
			() => {
				for (const entry of this.#entries.values()) this.#look(entry);
				this.#options.onSafetyLook?.();
				if (!this.#isClosed) this.#scheduleSafety();
			},
			{ background: true },
		);
	}
}
