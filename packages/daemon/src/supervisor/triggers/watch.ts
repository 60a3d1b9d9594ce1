/** Restarts a program when its files change: once for what changes together, and not for ever for what it changes itself. */
import type { Clock, Timer } from '@orch/base';
import type { Watch } from '../spec.ts';
import { matcherOf } from './globs.ts';

/** How file systems are watched. */
export type OpenWatch = (options: {
	readonly paths: readonly string[];
	/** Asked of files and directories; of one that is ignored nothing below is looked at. */
	readonly isIgnored: (path: string) => boolean;
	/** A file was made, changed or removed. */
	readonly onChange: (path: string) => void;
	readonly onError: (error: Error) => void;
}) => { close(): void };

export interface WatchedProgram {
	/** How long the present process has been running. `changing` while one is being stopped, launched or waited for, `over` where none is. */
	uptimeMs(): number | 'changing' | 'over';
	restart(reason: string): void;
	/** Something about the watch is to be told: or not any more. */
	onTrouble(trouble: string | undefined): void;
}

export interface FileTriggerOptions {
	readonly clock: Clock;
	readonly watch: Watch;
	readonly openWatch: OpenWatch;
	/** With a closing slash: nothing below triggers anything. */
	readonly ownDirectory: string;
	/** Paths are told from here, where they are below it. */
	readonly cwd: string;
	readonly program: WatchedProgram;
}

const quietMs = 300;
/** Changes that never cease are not waited out any longer. */
const longestBurstMs = 10_000;
/** A change that follows a restart by its own sooner than this may be the program's own. */
const soonMs = 3_000;
/** Restarts in a row, each followed by a change as soon as that, after which the watch is suspended. */
const mostInARow = 5;

/** What nobody means: histories, dependencies, and what editors leave beside a file while they write it. */
const alwaysIgnored = ['.git', '.hg', '.svn', 'node_modules', '*~', '.*.sw?', '.#*', '#*#', '4913', '.DS_Store'];

interface Burst {
	/** The file that changed first. */
	readonly file: string;
	/** Whether it came right after a restart by this trigger. */
	readonly isSoon: boolean;
	readonly beganAt: number;
	readonly files: Set<string>;
}

export class FileTrigger {
	readonly #options: FileTriggerOptions;
	#watcher: { close(): void } | undefined;
	#burst: Burst | undefined;
	#quiet: Timer | undefined;
	/** Restarts by this trigger, each followed by a change right away. */
	#inARow = 0;
	/** When the last restart was commanded, where that was its own. */
	#restartedAt: number | undefined;
	#suspended: string | undefined;
	#last: { readonly at: number; readonly file: string } | undefined;
	#restarts = 0;

	constructor(options: FileTriggerOptions) {
		this.#options = options;
	}

	get facts(): {
		readonly suspended: string | undefined;
		readonly restarts: number;
		readonly last: { readonly at: number; readonly file: string } | undefined;
	} {
		return { suspended: this.#suspended, restarts: this.#restarts, last: this.#last };
	}

	/** The program is wanted to run: changes count from now on. */
	begin(): void {
		if (this.#watcher || this.#suspended !== undefined) return;
		const { openWatch, watch, ownDirectory, program } = this.#options;
		const isLeftOut = matcherOf([...alwaysIgnored, ...(watch.ignore ?? [])]);
		this.#watcher = openWatch({
			paths: watch.paths,
			isIgnored: (path) => {
				if (`${path}/`.startsWith(ownDirectory)) return true;
				const top = watch.paths.find((each) => path === each || path.startsWith(each === '/' ? each : `${each}/`));
				const below = top === undefined ? path : path.slice(top === '/' ? 1 : top.length + 1);
				return below !== '' && isLeftOut(below);
			},
			onChange: (path) => this.#changed(path),
			onError: (error) => program.onTrouble(`its files cannot be watched: ${error.message}`),
		});
	}

	/** It is not wanted to run any more. */
	end(): void {
		this.#watcher?.close();
		this.#watcher = undefined;
		this.#forgetBurst();
	}

	/** Somebody has commanded a start or a restart: whatever was held against the watch is forgotten. */
	commanded(): void {
		this.#inARow = 0;
		this.#restartedAt = undefined;
		// this very restart takes up what has changed so far
		this.#forgetBurst();
		if (this.#suspended === undefined) return;
		this.#suspended = undefined;
		this.#options.program.onTrouble(undefined);
	}

	#changed(path: string): void {
		const { clock, watch } = this.#options;
		const now = clock.monotonicMs();
		this.#burst ??= { file: this.#nameOf(path), isSoon: this.#isSoon(now), beganAt: now, files: new Set() };
		this.#burst.files.add(path);
		const leftMs = this.#burst.beganAt + longestBurstMs - now;
		this.#quiet?.cancel();
		this.#quiet = clock.setTimer(Math.max(0, Math.min(watch.quietMs ?? quietMs, leftMs)), () => this.#settle());
	}

	#isSoon(now: number): boolean {
		if (this.#restartedAt === undefined) return false;
		const uptimeMs = this.#options.program.uptimeMs();
		return uptimeMs === 'changing' || (uptimeMs === 'over' ? now - this.#restartedAt : uptimeMs) < soonMs;
	}

	#settle(): void {
		const burst = this.#burst;
		if (!burst) return;
		this.#forgetBurst();
		const { clock, program } = this.#options;
		this.#inARow = burst.isSoon ? this.#inARow + 1 : 0;
		if (this.#inARow >= mostInARow) {
			this.#suspend(burst);
			return;
		}
		this.#last = { at: clock.now(), file: burst.file };
		this.#restartedAt = clock.monotonicMs();
		this.#restarts++;
		const others = burst.files.size - 1;
		program.restart(
			`${burst.file}${others > 0 ? ` and ${others} more files` : ''} changed`.replace(' 1 more files', ' 1 more file'),
		);
	}

	#suspend(burst: Burst): void {
		this.#suspended = `${mostInARow} restarts in a row were followed by a change of ${burst.file} within ${soonMs / 1000}s: it seems to write into what is watched (leave that out with --watch-ignore)`;
		this.end();
		this.#options.program.onTrouble(`its watch is suspended until the next start by command: ${this.#suspended}`);
	}

	#forgetBurst(): void {
		this.#quiet?.cancel();
		this.#quiet = undefined;
		this.#burst = undefined;
	}

	#nameOf(path: string): string {
		const { cwd } = this.#options;
		return path.startsWith(`${cwd}/`) ? path.slice(cwd.length + 1) : path;
	}
}
