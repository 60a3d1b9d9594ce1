/** What starts and restarts runtimes without a command: their schedules and their watched files. */
import type { Clock, Logger } from '@orch/base';
import type { RuntimeStatus } from '../snapshot.ts';
import type { RuntimeSpec, Schedule } from '../spec.ts';
import type { ScheduleFacts, TriggerFacts } from './facts.ts';
import { watchFiles } from './file-watcher.ts';
import { Timetable } from './timetable.ts';
import { FileTrigger, type OpenWatch } from './watch.ts';

/** What triggers may do with runtimes. */
export interface Triggered {
	/** Undefined where there is no such runtime any more. */
	look(
		id: string,
	):
		| { readonly status: RuntimeStatus; readonly desired: 'running' | 'stopped'; readonly uptimeMs: number | undefined }
		| undefined;
	start(id: string): Promise<unknown>;
	restart(id: string, reason: string): Promise<unknown>;
}

export interface TriggersOptions {
	readonly clock: Clock;
	readonly log: Logger;
	/** With a closing slash: files below it are the daemon's own. */
	readonly ownDirectory: string;
	readonly runtimes: Triggered;
	/** Of real files where it is absent. */
	readonly openWatch?: OpenWatch | undefined;
}

interface OfRuntime {
	readonly name: string;
	readonly schedule: Scheduled | undefined;
	readonly watch: FileTrigger | undefined;
	trouble: string | undefined;
}

export class Triggers {
	readonly #options: TriggersOptions;
	readonly #all = new Map<string, OfRuntime>();

	constructor(options: TriggersOptions) {
		this.#options = options;
	}

	/** Takes up a runtime, or its new spec. A schedule is kept from now on; files are watched while it is wanted to run. */
	set(spec: RuntimeSpec): void {
		this.remove(spec.id);
		if (!spec.schedule && !spec.watch) return;
		const { id, name } = spec;
		const { clock, log, runtimes } = this.#options;
		const schedule = spec.schedule && new Scheduled({ clock, log, runtimes, id, name, schedule: spec.schedule });
		const watch = spec.watch && this.#watch(spec, spec.watch);
		this.#all.set(id, { name, schedule, watch, trouble: undefined });
		this.observe(id);
	}

	remove(id: string): void {
		const one = this.#all.get(id);
		one?.schedule?.close();
		one?.watch?.end();
		this.#all.delete(id);
	}

	/** Something has changed about a runtime. */
	observe(id: string): void {
		const one = this.#all.get(id);
		const now = one && this.#options.runtimes.look(id);
		if (!one || !now) return;
		if (now.desired === 'running') one.watch?.begin();
		else one.watch?.end();
		one.schedule?.observe(now);
	}

	/** Somebody has commanded a start or a restart. */
	commanded(id: string): void {
		this.#all.get(id)?.watch?.commanded();
	}

	facts(id: string): TriggerFacts | undefined {
		const one = this.#all.get(id);
		return (
			one && {
				schedule: one.schedule?.facts,
				watch: one.watch && { ...one.watch.facts, trouble: one.trouble },
			}
		);
	}

	close(): void {
		for (const id of [...this.#all.keys()]) this.remove(id);
	}

	#watch({ id, name, cwd }: RuntimeSpec, watch: NonNullable<RuntimeSpec['watch']>): FileTrigger {
		const { clock, log, ownDirectory, runtimes, openWatch = watchFiles } = this.#options;
		return new FileTrigger({
			clock,
			watch,
			openWatch,
			ownDirectory,
			cwd,
			program: {
				uptimeMs: () => {
					const { status = 'stopped', uptimeMs = 0 } = runtimes.look(id) ?? {};
					return status === 'running' ? uptimeMs : isActive(status) ? 'changing' : 'over';
				},
				restart: (reason) => {
					log.info('files changed', { runtime: name, reason });
					runtimes
						.restart(id, reason)
						.catch((error: unknown) => log.warn('restart for changed files failed', { runtime: name, error }));
				},
				onTrouble: (trouble) => {
					const one = this.#all.get(id);
					if (one) one.trouble = trouble;
					if (trouble !== undefined) log.warn('watch', { runtime: name, trouble });
				},
			},
		});
	}
}

interface ScheduledOptions {
	readonly clock: Clock;
	readonly log: Logger;
	readonly runtimes: Triggered;
	readonly id: string;
	readonly name: string;
	readonly schedule: Schedule;
}

/** One runtime's schedule: what is done when it is due. */
class Scheduled {
	readonly #options: ScheduledOptions;
	readonly #timetable: Timetable;
	#lastAt: number | undefined;
	#last: string | undefined;
	/** Whether another start waits for the present process to end: one, however often it was due. */
	#isQueued = false;

	constructor(options: ScheduledOptions) {
		this.#options = options;
		const { clock, schedule } = options;
		this.#timetable = new Timetable({ clock, wish: schedule, onDue: (at) => this.#due(at) });
	}

	get facts(): ScheduleFacts {
		return { nextAt: this.#timetable.nextAt, lastAt: this.#lastAt, last: this.#last };
	}

	close(): void {
		this.#timetable.close();
		this.#isQueued = false;
	}

	observe(now: { readonly status: RuntimeStatus; readonly desired: 'running' | 'stopped' }): void {
		if (!this.#isQueued || isActive(now.status)) return;
		this.#isQueued = false;
		// who stops it wants no more of it now
		if (now.desired === 'stopped') this.#last = 'queued, then stopped by a command';
		else this.#do('started from the queue', ({ runtimes, id }) => runtimes.start(id));
	}

	#due(at: number): void {
		const { runtimes, id, name, schedule, log } = this.#options;
		const now = runtimes.look(id);
		if (!now) return;
		this.#lastAt = at;
		const reason = `scheduled for ${schedule.cron}`;
		if (schedule.action === 'restart') {
			if (now.desired === 'stopped') this.#last = 'skipped: it is stopped';
			else this.#do('restarted', () => runtimes.restart(id, reason));
		} else if (!isActive(now.status)) this.#do('started', () => runtimes.start(id));
		else if (schedule.overlap === 'queue') {
			this.#last = 'queued: it was still running';
			this.#isQueued = true;
		} else if (schedule.overlap === 'replace') this.#do('replaced: it was still running', () => runtimes.restart(id, reason));
		else this.#last = 'skipped: it was still running';
		log.info('schedule due', { runtime: name, cron: schedule.cron, outcome: this.#last });
	}

	#do(outcome: string, what: (options: ScheduledOptions) => Promise<unknown>): void {
		const { log, name } = this.#options;
		const at = this.#lastAt;
		this.#last = outcome;
		what(this.#options).catch((error: unknown) => {
			log.warn('what was scheduled failed', { runtime: name, error });
			if (this.#lastAt === at) this.#last = `failed: ${error instanceof Error ? error.message : String(error)}`;
		});
	}
}

const resting: readonly RuntimeStatus[] = ['stopped', 'exited', 'failed'];

const isActive = (status: RuntimeStatus): boolean => !resting.includes(status);
