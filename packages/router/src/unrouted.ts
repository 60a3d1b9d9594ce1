/** Messages that no link takes: counted by sender and type, so that they are shown and not lost in silence. */
import { RateMeter } from './figures.ts';
import type { RouterClock } from './router-clock.ts';
import type { Unrouted } from './source.ts';

class Counter implements Unrouted {
	readonly #clock: RouterClock;
	readonly meter = new RateMeter();
	frames = 0;
	lastMs = 0;

	constructor(clock: RouterClock) {
		this.#clock = clock;
	}

	count(frames: number, bytes: number): void {
		this.frames += frames;
		this.lastMs = this.#clock.nowMs;
		this.meter.add(this.lastMs, frames, bytes);
	}
}

export interface UnroutedCount {
	readonly from: string;
	readonly type: string;
	readonly count: number;
	readonly messagesPerSecond: number;
	readonly lastAt: number;
}

export class UnroutedCounts {
	readonly #clock: RouterClock;
	readonly #byRuntime = new Map<string, Map<string, Counter>>();

	constructor(clock: RouterClock) {
		this.#clock = clock;
	}

	/** The number of types of one runtime is bounded where its types are made. */
	of(runtime: string, type: string): Unrouted {
		const byType = this.#byRuntime.get(runtime) ?? new Map<string, Counter>();
		this.#byRuntime.set(runtime, byType);
		const known = byType.get(type);
		if (known !== undefined) return known;
		const counter = new Counter(this.#clock);
		byType.set(type, counter);
		return counter;
	}

	forget(runtime: string): void {
		this.#byRuntime.delete(runtime);
	}

	report(windowSeconds?: number): UnroutedCount[] {
		return [...this.#byRuntime].flatMap(([from, byType]) =>
			[...byType].map(([type, { frames, meter, lastMs }]) => ({
				from,
				type,
				count: frames,
				messagesPerSecond: meter.rates(this.#clock.nowMs, windowSeconds).messagesPerSecond,
				lastAt: this.#clock.wallMs(lastMs),
			})),
		);
	}
}
