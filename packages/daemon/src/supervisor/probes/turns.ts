/** So many at a time, the others in the order in which they came. */

export class Turns {
	readonly #most: number;
	readonly #waiting = new Set<() => void>();
	#taken = 0;

	constructor(most: number) {
		this.#most = most;
	}

	/** Resolves with what gives the turn back; rejects when `signal` is aborted first. */
	take(signal: AbortSignal): Promise<() => void> {
		return new Promise((resolve, reject) => {
			if (signal.aborted) {
				reject(signal.reason);
				return;
			}
			const admit = () => {
				signal.removeEventListener('abort', aborted);
				this.#taken++;
				let isTaken = true;
				resolve(() => {
					if (!isTaken) return;
					isTaken = false;
					this.#taken--;
					this.#next();
				});
			};
			const aborted = () => {
				this.#waiting.delete(admit);
				reject(signal.reason);
			};
			if (this.#taken < this.#most) {
				admit();
				return;
			}
			signal.addEventListener('abort', aborted, { once: true });
			this.#waiting.add(admit);
		});
	}

	#next(): void {
		const [next] = this.#waiting;
		if (!next) return;
		this.#waiting.delete(next);
		next();
	}
}
