/** Those who wait for what they commanded to come true. */
import { SupervisorError } from './faults.ts';
import type { Escaped, RuntimeSnapshot } from './snapshot.ts';

/** `run` waits for the program to run, `stop` for nothing to be left. */
type Goal = 'run' | 'stop';

interface Waiter {
	readonly goal: Goal;
	readonly resolve: (snapshot: RuntimeSnapshot) => void;
	readonly reject: (error: unknown) => void;
}

export class Waiters {
	readonly #name: string;
	#waiting: readonly Waiter[] = [];

	constructor(name: string) {
		this.#name = name;
	}

	get size(): number {
		return this.#waiting.length;
	}

	/** `signal` ends the waiting and nothing else. */
	wait(goal: Goal, signal?: AbortSignal): Promise<RuntimeSnapshot> {
		const waited = new Promise<RuntimeSnapshot>((resolve, reject) => {
			if (signal?.aborted) {
				reject(signal.reason);
				return;
			}
			const settle = () => {
				signal?.removeEventListener('abort', aborted);
				this.#waiting = this.#waiting.filter((other) => other !== waiter);
			};
			const waiter: Waiter = {
				goal,
				resolve: (snapshot) => {
					settle();
					resolve(snapshot);
				},
				reject: (error) => {
					settle();
					reject(error);
				},
			};
			const aborted = () => waiter.reject(signal?.reason);
			signal?.addEventListener('abort', aborted, { once: true });
			this.#waiting = [...this.#waiting, waiter];
		});
		// a command that fails while it is being given leaves nobody here who would hear of it
		waited.catch(() => {});
		return waited;
	}

	runs(snapshot: () => RuntimeSnapshot): void {
		for (const waiter of this.#of('run')) waiter.resolve(snapshot());
	}

	failedToRun(error: () => SupervisorError): void {
		for (const waiter of this.#of('run')) waiter.reject(error());
	}

	overtaken(by: 'stop' | 'remove'): void {
		this.failedToRun(() => new SupervisorError({ kind: 'superseded', name: this.#name, by }));
	}

	stopped(snapshot: () => RuntimeSnapshot, escaped: readonly Escaped[]): void {
		for (const waiter of this.#of('stop')) {
			if (escaped.length === 0) waiter.resolve(snapshot());
			else waiter.reject(new SupervisorError({ kind: 'stop_incomplete', name: this.#name, escaped }));
		}
	}

	close(): void {
		for (const waiter of this.#waiting) waiter.reject(new SupervisorError({ kind: 'closing' }));
	}

	#of(goal: Goal): readonly Waiter[] {
		return this.#waiting.filter((waiter) => waiter.goal === goal);
	}
}
