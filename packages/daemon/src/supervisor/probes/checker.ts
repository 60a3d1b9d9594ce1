/** What a probe needs of the world: something that takes a look and says what it saw. */
import type { ProcessSet } from '../process-set.ts';
import type { ProbeCheck } from '../spec.ts';

/** What one look saw. */
export interface Answer {
	readonly ok: boolean;
	/** In the words that people read: "status 503", "connection refused". */
	readonly text: string;
	/** Nothing was seen, for want of something of ours: it is neither a success nor a failure. */
	readonly notSeen?: boolean;
}

export interface Checker {
	/** Awaited before a look and not counted in its time, where only so many may be under way; to be called when the look is over. */
	turn?(signal: AbortSignal): Promise<() => void>;
	/** Settles soon after `signal` is aborted, when nothing of the look is left; what it says then is why it was no success. */
	look(signal: AbortSignal): Promise<Answer>;
	/** No look follows, and its process goes on: there is nothing to keep up for the next one. */
	done?(): void;
	/** Lets go of what it keeps from one look to the next. */
	close?(): void;
	/** The program has said by other ways what this one waits for. */
	said?(): void;
}

/** The process that is looked at. */
export interface ProbeTarget {
	/** All its processes. */
	readonly set: ProcessSet;
	readonly cwd: string;
	/** What a command that looks at it gets; throws where that cannot be read now. */
	readonly env: () => Readonly<Record<string, string>>;
	/** Words to put before that command, so that it runs as the user that the program runs as; throws where it cannot. */
	readonly before?: (() => readonly string[]) | undefined;
	/** What this process, and none before it, writes to a stream; goes on until `signal` is aborted. */
	readonly output: (stream: 'stdout' | 'stderr', signal: AbortSignal) => AsyncIterable<Uint8Array>;
	/** What it writes to the descriptor that ORCH_NOTIFY_FD names. */
	readonly notes: (signal: AbortSignal) => AsyncIterable<Uint8Array>;
}

export type CheckerOf = (check: ProbeCheck, target: ProbeTarget) => Checker;
