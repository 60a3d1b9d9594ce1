/** Waits for the times of a schedule, by a clock that may be set forwards and back at any moment. */
import type { Clock, Timer } from '@orch/base';
import { type CronWish, nextOf } from './cron.ts';

export interface ScheduleOptions {
	readonly clock: Clock;
	readonly wish: CronWish;
	/** Called once for each time that comes due. */
	readonly onDue: (at: number) => void;
}

/** No wait is longer, so that a clock that was set is noticed within this. */
const stepMs = 30_000;
/** A clock that is slewed goes back by less. */
const setBackMs = 1_000;

/**
 * Each time of the wall is due once. Where the clock jumps over times they are due together, once; where it is set back, those that have been
 * due are not due again, unless they follow each other so closely that nothing would be due for the length of the jump.
 */
export class Timetable {
	readonly #options: ScheduleOptions;
	#nextAt: number | undefined;
	#lastAt: number | undefined;
	#timer: Timer | undefined;
	/** Both clocks at the last look. */
	#seen: { readonly wall: number; readonly monotonic: number };

	constructor(options: ScheduleOptions) {
		this.#options = options;
		const { clock, wish } = options;
		this.#seen = { wall: clock.now(), monotonic: clock.monotonicMs() };
		this.#nextAt = nextOf(wish, this.#seen.wall);
		this.#wait();
	}

	/** In milliseconds since the Unix epoch, as are all times here. */
	get nextAt(): number | undefined {
		return this.#nextAt;
	}

	close(): void {
		this.#timer?.cancel();
	}

	#wait(): void {
		if (this.#nextAt === undefined) return;
		const { clock } = this.#options;
		const ms = Math.min(stepMs, Math.max(1, this.#nextAt - clock.now()));
		this.#timer = clock.setTimer(ms, () => this.#look(), { background: true });
	}

	#look(): void {
		const { clock, wish, onDue } = this.#options;
		const before = this.#seen;
		this.#seen = { wall: clock.now(), monotonic: clock.monotonicMs() };
		const setBy = this.#seen.wall - before.wall - (this.#seen.monotonic - before.monotonic);
		if (setBy < -setBackMs) this.#nextAt = this.#nextAfterSetBack(-setBy);
		const due = this.#nextAt;
		if (due === undefined || this.#seen.wall < due) {
			this.#wait();
			return;
		}
		this.#lastAt = due;
		this.#nextAt = nextOf(wish, this.#seen.wall);
		this.#wait();
		onDue(due);
	}

	#nextAfterSetBack(byMs: number): number | undefined {
		const { wish } = this.#options;
		const next = nextOf(wish, this.#seen.wall);
		if (next === undefined || this.#lastAt === undefined || next > this.#lastAt) return next;
		const following = nextOf(wish, next);
		const isOften = following !== undefined && following - next < byMs;
		return isOften ? next : nextOf(wish, this.#lastAt);
	}
}
