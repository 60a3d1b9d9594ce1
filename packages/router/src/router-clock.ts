/** The time of one turn of the event loop, read once, and the microseconds of the wall that message stamps are in. */
import type { Clock } from '@orch/base';
import { StampClock } from '@orch/protocol/data';

/** Takes about a millisecond, which is when it moves on; a clock that stands still is not waited for. */
const maxLooks = 50_000;

export class RouterClock {
	readonly clock: Clock;
	/** Monotonic milliseconds as of the last `tick`. */
	nowMs: number;
	readonly #stamps = new StampClock();

	constructor(clock: Clock) {
		this.clock = clock;
		// the moment in which the wall clock moves on is known to a microsecond
		const first = clock.now();
		for (let look = 0; look < maxLooks && clock.now() === first; look++);
		this.#offsetMs();
		this.nowMs = clock.monotonicMs();
	}

	/** Reads the time: once at the start of whatever is done in a turn. */
	tick(): void {
		this.nowMs = this.clock.monotonicMs();
	}

	/** Microseconds since the Unix epoch as of the last `tick`. */
	epochMicros(): number {
		return Math.round((this.nowMs + this.#offsetMs()) * 1000);
	}

	#offsetMs(): number {
		const wallMs = this.clock.now();
		return this.#stamps.offsetMs(wallMs, this.clock.monotonicMs());
	}

	/** Milliseconds since the Unix epoch of a monotonic moment. */
	wallMs(monotonicMs: number): number {
		return Math.round(this.clock.now() - this.clock.monotonicMs() + monotonicMs);
	}
}
