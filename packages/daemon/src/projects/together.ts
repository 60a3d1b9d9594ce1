/**
 * Projects that are applied at the same time, because one mounts the others: all of them are registered before any is
 * linked or started, and none gives up on what another is about to start.
 */
export class Together {
	#missing: number;
	#go: () => void = () => {};
	readonly #all: Promise<void>;
	/** Runtimes that somebody of these is about to start. */
	readonly #coming = new Set<string>();
	readonly #listeners = new Set<() => void>();

	constructor(projects: number) {
		this.#missing = projects;
		this.#all = new Promise((resolve) => {
			this.#go = resolve;
		});
	}

	/** One of them, which will start these; whoever joins has to leave. */
	join(starting: ReadonlySet<string>): Participant {
		let hasArrived = false;
		for (const name of starting) this.#coming.add(name);
		const arrive = (): void => {
			if (hasArrived) return;
			hasArrived = true;
			this.#missing--;
			if (this.#missing === 0) this.#go();
		};
		return {
			registered: () => {
				arrive();
				return this.#all;
			},
			tried: (name) => this.#tried([name]),
			leave: () => {
				arrive();
				this.#tried(starting);
			},
		};
	}

	isComing(name: string): boolean {
		return this.#coming.has(name);
	}

	/** Calls whenever something is no longer to come; returns what ends that. */
	subscribe(changed: () => void): () => void {
		this.#listeners.add(changed);
		return () => this.#listeners.delete(changed);
	}

	#tried(names: Iterable<string>): void {
		for (const name of names) this.#coming.delete(name);
		for (const listener of [...this.#listeners]) listener();
	}
}

export interface Participant {
	/** Tells that all it has is registered, or cannot be; resolves once the others are as far. */
	registered(): Promise<void>;
	/** Tells that one has been started, or will not be. */
	tried(name: string): void;
	/** Tells that nothing more is to be expected of it. */
	leave(): void;
}
