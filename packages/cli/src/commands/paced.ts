/** The same thing again and again, no faster than a rate: what comes of it is taken in order, as it comes. */
import type { Rate } from '../args/rate.ts';
import type { Clock } from '../clock.ts';

export interface PacedOptions<Result> {
	/** How often; without end where it is not finite. */
	readonly count: number;
	readonly rate: Rate | undefined;
	readonly clock: Clock;
	readonly signal: AbortSignal;
	readonly act: () => Promise<Result>;
	readonly take: (result: Result) => void;
}

/** Under way at a time; the next one waits for the oldest, so that all keep their order. */
const atOnce = 16;

/** The first failure ends it, and so does the signal. */
export async function paced<Result>({ count, rate, clock, signal, act, take }: PacedOptions<Result>): Promise<void> {
	const failed = new AbortController();
	const ended = AbortSignal.any([signal, failed.signal]);
	const startedMs = clock.monotonicMs();
	const underWay: Promise<void>[] = [];
	let taken = Promise.resolve();
	for (let at = 0; at < count; at++) {
		// by the time of the first: what is late does not make all the others later
		const waitMs = rate === undefined ? 0 : startedMs + (at * rate.everyMs) / rate.count - clock.monotonicMs();
		if (waitMs > 0) await clock.sleep(waitMs, ended);
		ended.throwIfAborted();
		const before = taken;
		const result = act();
		taken = before.then(async () => take(await result));
		// told by the signal at once, however long the next one has to wait for its turn
		taken.catch((error: unknown) => failed.abort(error));
		result.catch(() => {});
		underWay.push(taken);
		if (underWay.length >= atOnce) await unlessAborted(underWay.shift() as Promise<void>, signal);
	}
	await unlessAborted(taken, signal);
}

function unlessAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
	return new Promise((resolve, reject) => {
		const aborted = () => reject(signal.reason as Error);
		if (signal.aborted) aborted();
		signal.addEventListener('abort', aborted, { once: true });
		work.then(resolve, reject).finally(() => signal.removeEventListener('abort', aborted));
	});
}
