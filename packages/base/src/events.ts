/** Typed publish and subscribe within one process. */

export type Listener<Event> = (event: Event) => void;

/**
 * Subscribers are called at once, in the order in which they subscribed, before `publish` returns. A subscriber that
 * throws harms neither the publisher nor the other subscribers: its error goes to `onDefect`.
 */
export class Publisher<Event> {
	readonly #listeners = new Set<Listener<Event>>();
	readonly #onDefect: (error: unknown) => void;

	constructor(onDefect: (error: unknown) => void) {
		this.#onDefect = onDefect;
	}

	publish(event: Event): void {
		for (const listener of [...this.#listeners]) {
			try {
				listener(event);
			} catch (error) {
				this.#onDefect(error);
			}
		}
	}

	/** Returns what ends the subscription. */
	subscribe(listener: Listener<Event>): () => void {
		this.#listeners.add(listener);
		return () => this.#listeners.delete(listener);
	}

	get size(): number {
		return this.#listeners.size;
	}
}
