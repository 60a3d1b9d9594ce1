/** When a project's files have changed and are whole: one call for each save, whatever an editor does to make it. */
import type { Clock, Timer } from '@orch/base';
import type { WatchFiles } from './ports.ts';

/** No further change for so long is the end of a save. */
const quietMs = 200;
/** A file that has lost its last line's end is still being written, for so long. */
const unfinishedMs = 2_000;
/** Somebody who never stops saving is told at last. */
const longestMs = 10_000;
/** What could not be applied is tried again after so long. */
const againMs = 10_000;

export interface SaveWatchOptions {
	readonly clock: Clock;
	readonly watchFiles: WatchFiles;
	/** The files as they are now: a fingerprint of all, and whether any looks cut off. */
	readonly look: () => { readonly fingerprint: string; readonly isUnfinished: boolean };
	/** Called with what was seen, once it differs from what was known. */
	readonly saved: () => void;
}

export class SaveWatch {
	readonly #options: SaveWatchOptions;
	#known: string;
	#close: (() => Promise<void>) | undefined;
	#timer: Timer | undefined;
	#firstChangeMs: number | undefined;
	#lastSeen: string | undefined;
	#isClosed = false;

	/** `known` is the fingerprint of what was read last. */
	constructor(options: SaveWatchOptions, known: string) {
		this.#options = options;
		this.#known = known;
	}

	/** Follows these files from now on, instead of those before; what changed meanwhile is looked at. */
	follow(paths: readonly string[]): void {
		if (this.#isClosed) return;
		void this.#close?.();
		this.#close = this.#options.watchFiles(paths, () => this.#changed());
		this.#changed();
	}

	/** What was read by somebody else is no news. */
	know(fingerprint: string): void {
		this.#known = fingerprint;
	}

	/** What was read came to nothing: this is what is known still. Looks again in a while, or once something changes. */
	lookAgain(fingerprint: string): void {
		this.#known = fingerprint;
		if (this.#isClosed || this.#firstChangeMs !== undefined) return;
		this.#timer?.cancel();
		this.#timer = this.#options.clock.setTimer(againMs, () => this.#changed(), { background: true });
	}

	async close(): Promise<void> {
		this.#isClosed = true;
		this.#timer?.cancel();
		await this.#close?.();
	}

	#changed(): void {
		if (this.#isClosed) return;
		const { clock } = this.#options;
		const nowMs = clock.monotonicMs();
		this.#firstChangeMs ??= nowMs;
		const leftMs = this.#firstChangeMs + longestMs - nowMs;
		this.#arm(Math.max(0, Math.min(quietMs, leftMs)));
	}

	#arm(ms: number): void {
		this.#timer?.cancel();
		this.#timer = this.#options.clock.setTimer(ms, () => this.#look(), { background: true });
	}

	#look(): void {
		const { clock, look, saved } = this.#options;
		const { fingerprint, isUnfinished } = look();
		const waitedMs = clock.monotonicMs() - (this.#firstChangeMs ?? 0);
		const isMoving = fingerprint !== this.#lastSeen;
		this.#lastSeen = fingerprint;
		if (fingerprint !== this.#known && waitedMs < longestMs) {
			// a writer that pauses is not done: the same twice, and with its last line ended
			if (isMoving) return this.#arm(quietMs);
			if (isUnfinished && waitedMs < unfinishedMs) return this.#arm(unfinishedMs - waitedMs);
		}
		this.#firstChangeMs = undefined;
		this.#lastSeen = undefined;
		if (fingerprint === this.#known) return;
		this.#known = fingerprint;
		saved();
	}
}
