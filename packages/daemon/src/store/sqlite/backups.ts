/** Keeps the generations behind the database fresh: soon after definitions have changed, once a day, and at the end. */
import { mkdirSync, rmSync, utimesSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Clock, Logger, Timer } from '@orch/base';
import type { Connection } from './driver.ts';
import {
	generationTime,
	keptGenerations,
	makeUnfinished,
	replaceNewest,
	rotate,
	syncFileInBackground,
	unfinishedPath,
} from './generations.ts';

const dayMs = 24 * 60 * 60 * 1_000;
/** After a change of what nobody can do without, and after an open that finds the last backup older than a day. */
const soonMs = 60_000;

/** After one that failed, as it does on a full disk. */
const againMs = 10 * 60_000;

export interface BackupsOptions {
	readonly path: string;
	readonly clock: Clock;
	readonly log: Logger;
}

export class Backups {
	readonly #connection: Connection;
	readonly #options: BackupsOptions;
	#timer: Timer | undefined;
	#running: Promise<void> | undefined;
	/** Something has been written since the newest backup. */
	#changed = false;
	#soon = false;
	#closed = false;

	constructor(connection: Connection, options: BackupsOptions) {
		this.#connection = connection;
		this.#options = options;
	}

	/** Looks how old the newest backup is. */
	start(): void {
		const { path, clock } = this.#options;
		const made = generationTime(path, 1);
		if (made !== undefined && clock.now() - made < dayMs) return;
		this.#changed = true;
		this.touched();
	}

	/** After each commit. */
	changed(): void {
		this.#changed = true;
		if (this.#timer === undefined) this.#schedule(dayMs);
	}

	/** After a change of a runtime, a link, a project or a setting: once in a minute, not once for each. */
	touched(): void {
		if (this.#soon) return;
		this.#soon = true;
		this.#schedule(soonMs);
	}

	/** Makes one now, rejecting where the disk does not let it; the ones before stay then. */
	make(): Promise<void> {
		this.#running ??= this.#make().finally(() => {
			this.#running = undefined;
		});
		return this.#running;
	}

	/** One more now where something has changed, or where the newest is gone. */
	async refresh(): Promise<void> {
		if (this.#closed || (!this.#changed && generationTime(this.#options.path, 1) !== undefined)) return;
		mkdirSync(dirname(this.#options.path), { recursive: true, mode: 0o700 });
		await this.make();
	}

	/** One more where something has changed. */
	async close(): Promise<void> {
		this.#closed = true;
		this.#timer?.cancel();
		await this.#running?.catch(() => {});
		if (this.#changed) await this.make().catch((error: unknown) => this.#complain(error));
	}

	#schedule(ms: number): void {
		if (this.#closed) return;
		this.#timer?.cancel();
		const run = () => {
			this.#timer = undefined;
			this.#soon = false;
			if (this.#changed) void this.make().catch((error: unknown) => this.#complain(error));
		};
		this.#timer = this.#options.clock.setTimer(ms, run, { background: true });
	}

	async #make(): Promise<void> {
		const { path, clock } = this.#options;
		const now = clock.now();
		try {
			const unfinished = makeUnfinished(path);
			this.#connection.prepare('VACUUM INTO ?').run(unfinished);
			this.#changed = false;
			utimesSync(unfinished, now / 1_000, now / 1_000);
			await syncFileInBackground(unfinished);
			const oldest = generationTime(path, keptGenerations);
			// an hour full of changes must not push out what was kept of yesterday
			if (oldest === undefined || now - oldest >= dayMs) rotate(path);
			else replaceNewest(path);
		} catch (error) {
			this.#changed = true;
			rmSync(unfinishedPath(path), { force: true });
			throw error;
		}
	}

	#complain(error: unknown): void {
		this.#options.log.warn('state not backed up', { path: this.#options.path, error });
		this.#schedule(againMs);
	}
}
