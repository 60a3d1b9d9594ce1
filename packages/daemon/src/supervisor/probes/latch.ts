/** Something that was said: kept until the next look asks for it, however long that takes. */

export class Latch {
	#said: string | undefined;
	#waiting: ((said: string | undefined) => void) | undefined;

	/** What is said twice before anybody asks counts once. */
	set(said: string): void {
		if (this.#waiting) this.#waiting(said);
		else this.#said = said;
	}

	/** Whoever waits has waited in vain. */
	fail(): void {
		this.#waiting?.(undefined);
	}

	/** Takes what was said, now or later; undefined when `signal` is aborted first, or nothing will be. One waits at a time. */
	take(signal: AbortSignal): Promise<string | undefined> {
		const said = this.#said;
		this.#said = undefined;
		if (said !== undefined || signal.aborted) return Promise.resolve(said);
		return new Promise((resolve) => {
			const settle = (value: string | undefined) => {
				this.#waiting = undefined;
				signal.removeEventListener('abort', aborted);
				resolve(value);
			};
			const aborted = () => settle(undefined);
			signal.addEventListener('abort', aborted, { once: true });
			this.#waiting = settle;
		});
	}
}
