/** Time and chance, as parameters: the only file of the SDK that reads a clock, sets a timer or draws chance. */

export interface Timer {
	/** Forgets the timer; tolerant of being called twice or after it fired. */
	cancel(): void;
}

export interface Clock {
	/** Microseconds since the Unix epoch, finer than a millisecond. */
	epochMicros(): number;
	/** Calls `run` once after `ms`. */
	setTimer(ms: number, run: () => void): Timer;
	/** Calls `run` when the event loop has seen to what else is due. */
	nextTurn(run: () => void): void;
	/** A number from 0 up to, not including, 1. */
	chance(): number;
}

/** How far the fine clock may be from the wall clock before it is set again (suspend, a step by NTP). */
const maxDriftMs = 5;

/** The longest delay that a Node timer takes without firing at once. */
const longestTimerMs = 2 ** 31 - 1;

let originMs = performance.timeOrigin;

export const systemClock: Clock = {
	epochMicros() {
		const sinceMs = performance.now();
		const wallMs = Date.now();
		if (Math.abs(originMs + sinceMs - wallMs) > maxDriftMs) originMs = wallMs - sinceMs;
		return Math.floor((originMs + sinceMs) * 1000);
	},
	setTimer(ms, run) {
		const handle = setTimeout(run, Math.min(Math.max(0, ms), longestTimerMs));
		return { cancel: () => clearTimeout(handle) };
	},
	nextTurn: (run) => void setImmediate(run),
	chance: () => Math.random(),
};
