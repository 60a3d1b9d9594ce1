/** What one turn of the event loop leaves to be done at its end, once: credits to grant, sockets to write to. */

export interface Pending {
	settle(): void;
}

export class Turn {
	#sources: Pending[] = [];
	#outboxes: Pending[] = [];

	/** Grows with every view of memory that is kept beyond its turn. */
	kept = 0;

	keep(): void {
		this.kept += 1;
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
