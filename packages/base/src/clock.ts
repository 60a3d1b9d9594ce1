/** Time, as a parameter: the only file of the daemon and the router that reads a clock or sets a timer. */

export interface Timer {
	/** Forgets the timer; tolerant of being called twice or after it fired. */
	cancel(): void;
}

export interface Clock {
	/** Milliseconds since the Unix epoch: for showing and recording, never for measuring. */
	now(): number;
	/** Milliseconds that only ever grow, with fractions: for measuring and for deadlines. */
	monotonicMs(): number;
	/** Calls `run` once after `ms`. A pending timer does not keep the process alive by itself when `background` is set. */
	setTimer(ms: number, run: () => void, options?: { readonly background?: boolean }): Timer;
	/** Resolves after `ms`; rejects with the signal's reason when it is aborted first. */
	sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** The longest delay that a Node timer takes without firing at once. */
const longestTimerMs = 2 ** 31 - 1;

export const systemClock: Clock = {
	now: () => Date.now(),
	monotonicMs: () => performance.now(),
	setTimer(ms, run, options) {
		const handle = setTimeout(run, Math.min(Math.max(0, ms), longestTimerMs));
		if (options?.background) handle.unref();
		return { cancel: () => clearTimeout(handle) };
	},
	sleep: (ms, signal) => sleepOn(systemClock, ms, signal),
};

/** A `sleep` made of any clock's `setTimer`; clocks share it so that abort behaves the same everywhere. */
export function sleepOn(clock: Pick<Clock, 'setTimer'>, ms: number, signal?: AbortSignal): Promise<void> {
	return new Promise((resolve, reject) => {
		if (signal?.aborted) {
			reject(signal.reason);
			return;
		}
		const aborted = () => {
			timer.cancel();
			reject(signal?.reason);
		};
		const timer = clock.setTimer(ms, () => {
			signal?.removeEventListener('abort', aborted);
			resolve();
		});
		signal?.addEventListener('abort', aborted, { once: true });
	});
}

/**
 * The result of `work`, or a rejection with `timeout()` once `ms` have passed, or with the reason of `outer` when that is
 * aborted; `work` itself gets a signal that is aborted then, so that nothing goes on behind the caller's back.
 */
export async function withDeadline<T>(
	clock: Clock,
	ms: number,
	work: (signal: AbortSignal) => Promise<T>,
	timeout: () => Error,
	outer?: AbortSignal,
): Promise<T> {
	const controller = new AbortController();
	let timer: Timer | undefined;
	let onOuterAbort: (() => void) | undefined;
	const ended = new Promise<never>((_resolve, reject) => {
		const end = (reason: unknown) => {
			controller.abort(reason);
			reject(reason);
		};
		timer = clock.setTimer(ms, () => end(timeout()));
		onOuterAbort = () => end(outer?.reason);
		if (outer?.aborted) onOuterAbort();
		outer?.addEventListener('abort', onOuterAbort, { once: true });
	});
	try {
		return await Promise.race([work(controller.signal), ended]);
	} finally {
		timer?.cancel();
		if (onOuterAbort) outer?.removeEventListener('abort', onOuterAbort);
	}
}
