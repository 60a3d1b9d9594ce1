/** Time and chance, as parameters: the only file of the SDK that reads a clock, sets a timer or draws chance. */
import { StampClock } from '@orch/protocol/data';

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

/** The longest delay that a Node timer takes without firing at once. */
const longestTimerMs = 2 ** 31 - 1;

/** Not `performance.timeOrigin`: that is taken once, from two clocks with whatever comes between, and a step or slew of the wall is not in it. */
const stamps = new StampClock();

export const systemClock: Clock = {
	epochMicros() {
		const wallMs = Date.now();
		const monotonicMs = performance.now();
		return Math.floor((monotonicMs + stamps.offsetMs(wallMs, monotonicMs)) * 1000);
	},
	setTimer(ms, run) {
		const handle = setTimeout(run, Math.min(Math.max(0, ms), longestTimerMs));
		return { cancel: () => clearTimeout(handle) };
	},
	nextTurn: (run) => void setImmediate(run),
	chance: () => Math.random(),
};
