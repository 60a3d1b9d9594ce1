/** A serial mailbox: one event at a time, in the order of arrival, also for events sent from within a reaction. */

export class Mailbox<Event> {
	readonly #waiting: Event[] = [];
	readonly #react: (event: Event) => void;
	#running = false;

	constructor(react: (event: Event) => void) {
		this.#react = react;
	}

	/** Reacts now, or after the reactions that are under way. A reaction that throws does not lose the events behind it. */
	send(event: Event): void {
		this.#waiting.push(event);
		if (this.#running) return;
		this.#running = true;
		try {
			for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) this.#react(next);
		} finally {
			this.#running = false;
			const left = this.#waiting.shift();
			if (left !== undefined) this.send(left);
		}
	}
}
