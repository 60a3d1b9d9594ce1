/** Time for the CLI: its only file that reads a clock or sets a timer. */

export interface Timer {
	cancel(): void;
}

export interface Clock {
	/** Milliseconds since the Unix epoch: for showing. */
	now(): number;
	/** Milliseconds that only ever grow: for measuring and for deadlines. */
	monotonicMs(): number;
	setTimer(ms: number, run: () => void): Timer;
	/** Resolves after `ms`; rejects with the signal's reason when it is aborted first. */
	sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** The longest delay that a Node timer takes without firing at once. */
const longestTimerMs = 2 ** 31 - 1;

export const systemClock: Clock = {
	now: () => Date.now(),
	monotonicMs: () => performance.now(),
	setTimer(ms, run) {
		const handle = setTimeout(run, Math.min(Math.max(0, ms), longestTimerMs));
		return { cancel: () => clearTimeout(handle) };
	},
	sleep(ms, signal) {
		return new Promise((resolve, reject) => {
			if (signal?.aborted) {
				reject(signal.reason);
				return;
			}
			const aborted = () => {
				timer.cancel();
				reject(signal?.reason);
			};
			const timer = systemClock.setTimer(ms, () => {
				signal?.removeEventListener('abort', aborted);
				resolve();
			});
			signal?.addEventListener('abort', aborted, { once: true });
		});
	},
};

/**
 * What `work` gives; fails with `late()` where that takes longer than `ms`, or with the reason of `outer` when that is aborted.
 * `work` gets a signal that is aborted once it is over, or too late.
 */
export async function within<T>(
	clock: Clock,
	ms: number,
	work: (signal: AbortSignal) => Promise<T>,
	late: () => Error,
	outer?: AbortSignal,
): Promise<T> {
	const over = new AbortController();
	const limit = clock.sleep(ms, outer ? AbortSignal.any([outer, over.signal]) : over.signal).then(() => {
		throw late();
	});
	try {
		return await Promise.race([work(over.signal), limit]);
	} finally {
		over.abort();
	}
}

/** Holds the whole thread: for a synchronous write to a pipe that another process has made non-blocking and that is full. */
export function pauseThread(ms: number): void {
	Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

/** A recorded time (RFC 3339) in milliseconds since the Unix epoch. */
export const millisecondsOf = (time: string): number => Date.parse(time);

export const toRfc3339 = (ms: number): string => new Date(ms).toISOString();

/** What a clock on the wall shows, in the time zone of the process; of `now` what is not given. */
export function fromWallTime(
	now: number,
	{
		date,
		hours,
		minutes,
		seconds,
	}: { date?: readonly [number, number, number] | undefined; hours: number; minutes: number; seconds: number },
): number {
	const today = new Date(now);
	const [year, month, day] = date ?? [today.getFullYear(), today.getMonth() + 1, today.getDate()];
	const time = new Date(year, month - 1, day, hours, minutes, 0, seconds * 1000);
	// the 31st of a month of 30 days is another day
	return time.getMonth() === month - 1 && time.getDate() === day ? time.getTime() : Number.NaN;
}

/** A recorded time by the clock on the wall, in the time zone of the process. */
export function wallTime(time: string): { hours: number; minutes: number; seconds: number; milliseconds: number } {
	const date = new Date(time);
	return {
		hours: date.getHours(),
		minutes: date.getMinutes(),
		seconds: date.getSeconds(),
		milliseconds: date.getMilliseconds(),
	};
}
