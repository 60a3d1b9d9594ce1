/** What links had counted when they were removed: the router tells it with its answer to the table that lacks them. */
import { type Clock, withDeadline } from '@orch/base';
import type { LinkCounts, Routed } from './ports.ts';

export interface FinalCountersOptions {
	readonly clock: Clock;
	/** Resolves once the router routes by this table or a newer one. */
	readonly routed: (version: number, signal: AbortSignal) => Promise<void>;
}

/** A router that has not answered by then is not waited for: what the link had counted is not known. */
const answerMs = 5_000;

export class FinalCounters {
	readonly #options: FinalCountersOptions;
	readonly #closing = new AbortController();
	/** By row of the table; undefined until it is told. What nobody waits for is not kept. */
	readonly #awaited = new Map<string, LinkCounts | undefined>();
	readonly #waits = new Set<Promise<unknown>>();

	constructor(options: FinalCountersOptions) {
		this.#options = options;
	}

	/** What the router says of a table, before anybody hears that it has taken it. */
	told({ removedLinks = [] }: Routed): void {
		for (const { id, counters } of removedLinks) if (this.#awaited.has(id)) this.#awaited.set(id, counters);
	}

	/** Of rows that table `version` is the first to lack: those that the router told of. Never rejects. */
	of(rows: readonly string[], version: number): Promise<ReadonlyMap<string, LinkCounts>> {
		for (const row of rows) this.#awaited.set(row, undefined);
		const wait = this.#wait(rows, version);
		this.#waits.add(wait);
		void wait.then(() => this.#waits.delete(wait));
		return wait;
	}

	/** Whoever waits is told that it is not known. */
	async close(): Promise<void> {
		this.#closing.abort(new Error('the daemon is closing'));
		await Promise.all(this.#waits);
	}

	async #wait(rows: readonly string[], version: number): Promise<ReadonlyMap<string, LinkCounts>> {
		const { clock, routed } = this.#options;
		const late = () => new Error('the router does not answer');
		try {
			if (rows.length > 0) await withDeadline(clock, answerMs, (signal) => routed(version, signal), late, this.#closing.signal);
		} catch {
			// late or closing: what was told so far is all there is
		}
		const told = new Map<string, LinkCounts>();
		for (const row of rows) {
			const counters = this.#awaited.get(row);
			if (counters) told.set(row, counters);
			this.#awaited.delete(row);
		}
		return told;
	}
}
