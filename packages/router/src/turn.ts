/** What one turn of the event loop leaves to be done at its end, once: credits to grant, sockets to write to. */

import { maxHolds } from './limits.ts';
import type { Hold, Holds } from './read-memory.ts';

export interface Pending {
	settle(): void;
}

export class Turn {
	#sources: Pending[] = [];
	#outboxes: Pending[] = [];

	/** Grows with every view of memory that is kept beyond its turn. */
	kept = 0;
	/** The last ones. */
	#holds: Hold[] = [];

	/** Views of memory are kept beyond their turn, until the hold is over. */
	keep(hold: Hold): void {
		this.kept += 1;
		if (this.#holds.length >= maxHolds) this.#holds = this.#holds.slice(maxHolds / 2);
		this.#holds.push(hold);
	}

	/** Who has kept views since there were so many; undefined where that were more than are counted. */
	holdsSince(kept: number): Holds {
		const holds = this.kept - kept;
		return holds > this.#holds.length ? undefined : this.#holds.slice(this.#holds.length - holds);
	}

	/** The caller sees to it that it is in here once. */
	addSource(source: Pending): void {
		this.#sources.push(source);
	}

	addOutbox(outbox: Pending): void {
		this.#outboxes.push(outbox);
	}

	/** Does something outside of a peer's own turn. */
	run(work: () => void): void {
		work();
		this.settle();
	}

	/** Credits first, because they go out with what else is written. */
	settle(): void {
		while (this.#sources.length > 0) {
			const sources = this.#sources;
			this.#sources = [];
			for (const source of sources) source.settle();
		}
		while (this.#outboxes.length > 0) {
			const outboxes = this.#outboxes;
			this.#outboxes = [];
			for (const outbox of outboxes) outbox.settle();
		}
	}
}
