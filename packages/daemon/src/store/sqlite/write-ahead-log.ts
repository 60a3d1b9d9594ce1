/**
 * Brings the write-ahead log to the disk, and keeps it short.
 *
 * A commit is written to the log, not synced: the death of the process loses nothing of it, a power cut may. To sync, the log is
 * opened once more and synced from the thread pool, since a sync of any descriptor brings all of the file to the disk. That is safe for the log
 * alone: SQLite locks the database itself, and closing another descriptor of that would take its lock away.
 */
import { closeSync, fdatasync, openSync } from 'node:fs';
import type { Clock, Logger, Timer } from '@orch/base';
import { StoreError } from '../errors.ts';

/** Without anybody asking, a commit is on the disk this much later. */
const syncMs = 1_000;
/** A commit writes about three pages of 4 KiB: the log gets to about 4 MiB before it is played into the database. */
const commitsPerCheckpoint = 350;

export interface WriteAheadLogOptions {
	readonly path: string;
	readonly clock: Clock;
	readonly log: Logger;
	/** Plays the log into the database and syncs both; throws StoreError where that cannot be. Never called once closed. */
	readonly checkpoint: () => void;
	/** Brings a file to the disk; for tests of a disk that refuses. */
	readonly sync?: (descriptor: number) => Promise<void>;
}

export class WriteAheadLog {
	readonly #options: WriteAheadLogOptions;
	readonly #descriptor: number;
	#committed = 0;
	#synced = 0;
	#checkpointed = 0;
	#syncing: Promise<void> | undefined;
	#timer: Timer | undefined;
	#unsure = false;
	#checkpointing = false;
	#closed = false;

	/** The log must exist. */
	constructor(options: WriteAheadLogOptions) {
		this.#options = options;
		this.#descriptor = openSync(`${options.path}-wal`, 'r+');
	}

	/** One more commit is in the log. */
	committed(): void {
		this.#committed += 1;
		if (this.#closed) return;
		if (this.#committed - this.#checkpointed >= commitsPerCheckpoint && !this.#checkpointing) {
			this.#checkpointing = true;
			this.#syncSoon();
		}
		this.#timer ??= this.#options.clock.setTimer(syncMs, () => this.#syncSoon(), { background: true });
	}

	async settled(): Promise<void> {
		const goal = this.#committed;
		while (this.#synced < goal) {
			// the one that runs may have begun before the last commit: then another follows, for all who wait
			this.#syncing ??= this.#sync().finally(() => {
				this.#syncing = undefined;
			});
			await this.#syncing;
		}
	}

	/** After the last `settled`, before the database is closed. */
	async close(): Promise<void> {
		this.#closed = true;
		this.#timer?.cancel();
		await this.#syncing?.catch(() => {});
		closeSync(this.#descriptor);
	}

	#syncSoon(): void {
		this.#timer?.cancel();
		this.#timer = undefined;
		this.settled()
			.then(() => this.#checkpointIfDue())
			.catch((error: unknown) => this.#options.log.warn('state not on the disk yet', { error }))
			.finally(() => {
				this.#checkpointing = false;
			});
	}

	async #sync(): Promise<void> {
		const upTo = this.#committed;
		if (this.#unsure) {
			// a sync that failed once may tell success the next time for what it has lost: only another way is certain
			this.#options.checkpoint();
			this.#unsure = false;
		} else {
			try {
				await (this.#options.sync ?? syncData)(this.#descriptor);
			} catch (error) {
				this.#unsure = true;
				const { message } = error as Error;
				throw new StoreError('io', `Cannot bring the state to the disk (${this.#options.path}-wal): ${message}`, {
					cause: error,
				});
			}
		}
		this.#synced = Math.max(this.#synced, upTo);
	}

	/** Right after a sync, when SQLite's own sync of the log finds little to do. */
	#checkpointIfDue(): void {
		if (this.#closed || this.#committed - this.#checkpointed < commitsPerCheckpoint) return;
		this.#checkpointed = this.#committed;
		this.#options.checkpoint();
	}
}

const syncData = (descriptor: number) =>
	new Promise<void>((resolve, reject) => fdatasync(descriptor, (error) => (error ? reject(error) : resolve())));
