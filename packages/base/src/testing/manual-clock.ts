/** A clock that stands still until a test moves it. */
import { type Clock, sleepOn, type Timer } from '../clock.ts';

interface Waiting {
	readonly at: number;
	readonly order: number;
	readonly run: () => void;
}

export class ManualClock implements Clock {
	#now: number;
	#monotonic = 0;
	#order = 0;
	readonly #waiting = new Set<Waiting>();

	constructor(startsAt = Date.UTC(2026, 0, 1)) {
		this.#now = startsAt;
	}

	now(): number {
		return this.#now;
	}

	monotonicMs(): number {
		return this.#monotonic;
	}

	setTimer(ms: number, run: () => void): Timer {
		const waiting: Waiting = { at: this.#monotonic + Math.max(0, ms), order: this.#order++, run };
		this.#waiting.add(waiting);
		return { cancel: () => this.#waiting.delete(waiting) };
	}

	sleep(ms: number, signal?: AbortSignal): Promise<void> {
		return sleepOn(this, ms, signal);
	}

	/** How many timers wait: what a test asserts to be zero at its end. */
	get pending(): number {
		return this.#waiting.size;
	}

	/** The time until the next timer, or undefined where none waits. */
	get nextMs(): number | undefined {
		const next = this.#next();
		return next && next.at - this.#monotonic;
	}

	/** Moves time on by `ms` and fires what is due, in order; lets promises settle after each. */
	async advance(ms: number): Promise<void> {
		const end = this.#monotonic + ms;
		for (let next = this.#next(); next && next.at <= end; next = this.#next()) {
			this.#moveTo(next.at);
			this.#waiting.delete(next);
			next.run();
			await settle();
		}
		this.#moveTo(end);
		await settle();
	}

	/** Jumps the wall clock, as an administrator or NTP would; measured time goes on untouched. */
	jump(ms: number): void {
		this.#now += ms;
	}

	#moveTo(monotonic: number): void {
		this.#now += monotonic - this.#monotonic;
		this.#monotonic = monotonic;
	}

	#next(): Waiting | undefined {
		let next: Waiting | undefined;
		for (const waiting of this.#waiting) {
			if (!next || waiting.at < next.at || (waiting.at === next.at && waiting.order < next.order)) next = waiting;
		}
		return next;
	}
}

/** Lets every promise that can settle now do so. */
export async function settle(): Promise<void> {
	for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}
