/**
 * The microseconds of the wall that messages are stamped with, from a wall clock that tells whole milliseconds and a monotonic one that is
 * finer. Both ends of a latency come from here, in different processes, so what one of them is wrong by is told as latency.
 *
 * A wall clock that is cut off never seems later than it is, nor does one that was read a moment before the other; so the largest
 * difference between the two is the truth. It is that of the last ten to twenty seconds, because the wall may be slewed.
 */

const windowMs = 10_000;
/** How far the wall clock may seem to be behind before it must have been set back. */
const jumpMs = 3;

export class StampClock {
	/** Wall less monotonic, the largest of the window before and of this one. */
	#beforeMs = Number.NEGATIVE_INFINITY;
	#offsetMs = Number.NEGATIVE_INFINITY;
	#windowFromMs = 0;

	/**
	 * Notices what two clocks tell, of which the wall was read first: the other way round, what comes between them would be added for good.
	 * Gives what is to be added to monotonic milliseconds for those of the wall.
	 */
	offsetMs(wallMs: number, monotonicMs: number): number {
		const seenMs = wallMs - monotonicMs;
		if (seenMs < Math.max(this.#offsetMs, this.#beforeMs) - jumpMs) {
			this.#beforeMs = Number.NEGATIVE_INFINITY;
			this.#offsetMs = seenMs;
			this.#windowFromMs = monotonicMs;
		} else if (monotonicMs - this.#windowFromMs > windowMs) {
			this.#beforeMs = this.#offsetMs;
			this.#offsetMs = seenMs;
			this.#windowFromMs = monotonicMs;
		} else if (seenMs > this.#offsetMs) this.#offsetMs = seenMs;
		return Math.max(this.#offsetMs, this.#beforeMs);
	}
}
