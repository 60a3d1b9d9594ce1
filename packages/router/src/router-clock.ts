/** The time of one turn of the event loop, read once, and the microseconds of the wall that message stamps are in. */
import type { Clock } from '@orch/base';

/** How far the wall clock may seem to run ahead before it must have been set. */
const jumpMs = 3;
/** Takes about a millisecond, which is when it moves on; a clock that stands still is not waited for. */
const maxLooks = 50_000;

export class RouterClock {
	readonly clock: Clock;
	/** Monotonic milliseconds as of the last `tick`. */
	nowMs: number;
	#offsetMs: number;

	constructor(clock: Clock) {
		this.clock = clock;
		// the moment in which the wall clock moves on is known to a microsecond
		const first = clock.now();
		for (let look = 0; look < maxLooks && clock.now() === first; look++);
		this.nowMs = clock.monotonicMs();
		this.#offsetMs = clock.now() - this.nowMs;
	}

	/** Reads the time: once at the start of whatever is done in a turn. */
	tick(): void {
		this.nowMs = this.clock.monotonicMs();
	}

	/**
	 * Microseconds since the Unix epoch as of the last `tick`. The wall clock only tells whole milliseconds, cut off, so the
	 * truth is the largest difference ever seen between it and the monotonic clock.
	 */
	epochMicros(): number {
		const offset = this.clock.now() - this.clock.monotonicMs();
		if (offset > this.#offsetMs || offset < this.#offsetMs - jumpMs) this.#offsetMs = offset;
		return Math.round((this.nowMs + this.#offsetMs) * 1000);
	}

	/** Milliseconds since the Unix epoch of a monotonic moment. */
	wallMs(monotonicMs: number): number {
		return Math.round(this.clock.now() - this.clock.monotonicMs() + monotonicMs);
	}
}
