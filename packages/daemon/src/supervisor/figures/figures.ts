/** Figures of all runtimes: when they are looked at, what they come to over time, and what is done about a limit. */
import { type Clock, type Logger, Publisher, type Timer } from '@orch/base';
import type { ProcessSet } from '../process-set.ts';
import type { Census, Sum } from './census.ts';
import { sizeText, type Usage } from './usage.ts';

/** A runtime, as far as it is looked at here. */
export interface Subject {
	/** All that its processes may have left; empty where nothing of it runs. */
	readonly sets: readonly ProcessSet[];
	/** How long the process that runs has lived. */
	readonly livedMs: number | undefined;
	readonly limitBytes: number | undefined;
	/** Undefined where nothing of it is left but the shim. */
	used(usage: Usage | undefined): void;
	/** It must not go on. */
	condemn(reason: string): void;
}

export interface FiguresOptions {
	readonly clock: Clock;
	readonly log: Logger;
	/** Undefined where the system does not tell what processes use: then there are no figures. */
	readonly census: Pick<Census, 'look' | 'sizes'> | undefined;
	readonly subjects: () => Iterable<Subject>;
}

/** While somebody looks, and for what has a limit. */
export const liveMs = 1_000;
/** While nobody looks: so long after the last start or look, then twice as long each time, so that what rests costs nothing. */
export const quietMs = 15_000;
export const longestQuietMs = 240_000;
/** Who asked once is taken to look for so long: a person who types, a script that polls. */
export const glanceMs = 5_000;
/** Of those whom nobody looks at, so many processes are read at a time, the longest unread first. */
export const quietReads = 32;
/** Processor time is told over so long: a clock tick is a hundredth of a second, and one second alone would read coarsely. */
const windowMs = 5_000;
/** Less than this tells nothing of a share. */
const leastMs = 200;
/** So many ticks in a row above the limit are too many. */
const patience = 2;
/** The unit in which Linux counts processor time, for every program and on every machine. */
const ticksPerSecond = 100;

type Whom = 'all' | 'some';

interface Told {
	readonly subject: Subject;
	readonly usage: Usage;
}

interface Span {
	readonly fromMs: number;
	readonly toMs: number;
	readonly ticks: number;
}

export class Figures {
	/** Every look at all runtimes. */
	readonly looked: Publisher<void>;
	readonly #options: FiguresOptions;
	readonly #spans = new WeakMap<ProcessSet, readonly Span[]>();
	readonly #summedAt = new WeakMap<ProcessSet, number>();
	readonly #above = new WeakMap<Subject, number>();
	#watchers = 0;
	#glancedAt = Number.NEGATIVE_INFINITY;
	#lookedAt = Number.NEGATIVE_INFINITY;
	#quietAt = Number.NEGATIVE_INFINITY;
	#quietWaitMs = quietMs;
	#looking: { readonly whom: Whom; readonly done: Promise<readonly Told[]> } | undefined;
	#timer: { readonly at: number; readonly timer: Timer } | undefined;
	#isClosed = false;

	constructor(options: FiguresOptions) {
		this.#options = options;
		this.looked = new Publisher((error) => options.log.error('figures were not taken', { error }));
	}

	/** Somebody looks until the returned function is called: figures every second. */
	watch(): () => void {
		this.#watchers++;
		this.#quietWaitMs = quietMs;
		let isOver = false;
		void this.refresh();
		return () => {
			if (!isOver) this.#watchers--;
			isOver = true;
		};
	}

	/** Somebody looks now, and maybe soon again. Resolves with figures of this second. */
	async glance(): Promise<void> {
		this.#glancedAt = this.#options.clock.monotonicMs();
		this.#quietWaitMs = quietMs;
		await this.refresh();
	}

	/** Something runs that did not, with a limit or without. Cheap where nothing follows of that. */
	poke(isLimited: boolean): void {
		this.#quietWaitMs = quietMs;
		if (!this.#timer || isLimited || this.#timer.at > this.#options.clock.monotonicMs() + quietMs) this.#schedule();
	}

	/** Resolves once figures are no older than a second. */
	async refresh(): Promise<void> {
		if (this.#options.clock.monotonicMs() - this.#lookedAt >= liveMs) await this.#look('all');
		this.#schedule();
	}

	close(): void {
		this.#isClosed = true;
		this.#timer?.timer.cancel();
	}

	get #isWatched(): boolean {
		return this.#watchers > 0 || this.#options.clock.monotonicMs() - this.#glancedAt < glanceMs;
	}

	#schedule(): void {
		const { clock, census } = this.#options;
		if (this.#isClosed || !census) return;
		const subjects = this.#subjects();
		const isLive = this.#isWatched || subjects.some(({ limitBytes }) => limitBytes !== undefined);
		// where nothing runs there is nothing to see, and nobody to wake for it
		const at = subjects.length === 0 ? undefined : clock.monotonicMs() + (isLive ? liveMs : this.#quietWaitMs);
		if (at !== undefined && this.#timer && this.#timer.at <= at) return;
		this.#timer?.timer.cancel();
		this.#timer =
			at === undefined
				? undefined
				: { at, timer: clock.setTimer(at - clock.monotonicMs(), () => void this.#tick(), { background: true }) };
	}

	async #tick(): Promise<void> {
		this.#timer = undefined;
		const told = await this.#look(this.#isWatched ? 'all' : 'some');
		if (this.#isClosed) return;
		for (const each of told) this.#judge(each);
		this.#schedule();
	}

	/** One look at a time: who comes during one waits for it, and is content with it if it shows enough. */
	async #look(whom: Whom): Promise<readonly Told[]> {
		while (this.#looking) {
			const joined = this.#looking;
			const told = await joined.done;
			if (joined.whom === 'all' || whom === 'some') return told;
		}
		const done = this.#lookNow(whom).finally(() => {
			this.#looking = undefined;
		});
		this.#looking = { whom, done };
		return done;
	}

	async #lookNow(whom: Whom): Promise<readonly Told[]> {
		const { clock, log, census } = this.#options;
		const subjects = this.#subjects();
		if (!census || subjects.length === 0) return [];
		const all = new Set(subjects.flatMap(({ sets }) => sets));
		const summed = whom === 'all' ? all : this.#some(subjects, census.sizes());
		if (whom === 'all') this.#lookedAt = clock.monotonicMs();
		let sums: Map<ProcessSet, Sum>;
		try {
			sums = await census.look(all, summed);
		} catch (error) {
			log.error('what runtimes use could not be looked at', { error });
			return [];
		}
		const told = subjects.flatMap((subject) => this.#tell(subject, sums));
		if (whom === 'all') this.looked.publish();
		return told;
	}

	/** Those with a limit, and of the others as many as are cheap to read. */
	#some(subjects: readonly Subject[], sizes: ReadonlyMap<ProcessSet, number>): Set<ProcessSet> {
		const limited = subjects.filter(({ limitBytes }) => limitBytes !== undefined).flatMap(({ sets }) => sets);
		const some = new Set(limited);
		const now = this.#options.clock.monotonicMs();
		// a timer may fire a moment early
		if (now - this.#quietAt < this.#quietWaitMs - liveMs) return some;
		this.#quietAt = now;
		this.#quietWaitMs = Math.min(this.#quietWaitMs * 2, longestQuietMs);
		const others = subjects
			.flatMap(({ sets }) => sets)
			.map((set) => ({ set, at: this.#summedAt.get(set) ?? Number.NEGATIVE_INFINITY }))
			.filter(({ set }) => !some.has(set))
			.sort((one, other) => one.at - other.at);
		let reads = 0;
		for (const { set } of others) {
			reads += sizes.get(set) ?? 1;
			if (reads > quietReads) break;
			some.add(set);
		}
		return some;
	}

	#tell(subject: Subject, sums: ReadonlyMap<ProcessSet, Sum>): readonly Told[] {
		const { clock } = this.#options;
		const own = subject.sets.flatMap((set) => {
			const sum = sums.get(set);
			return sum ? [{ set, sum }] : [];
		});
		if (own.length === 0) return [];
		let cpuPercent: number | undefined;
		for (const { set, sum } of own) {
			const share = this.#share(set, sum, subject.livedMs);
			if (share !== undefined) cpuPercent = (cpuPercent ?? 0) + share;
		}
		const usage: Usage = {
			cpuPercent: cpuPercent === undefined ? undefined : Math.round(cpuPercent * 10) / 10,
			memoryBytes: own.reduce((bytes, { sum }) => bytes + sum.memoryBytes, 0),
			processes: own.reduce((count, { sum }) => count + sum.processes, 0),
			at: clock.now(),
		};
		subject.used(usage.processes > 0 ? usage : undefined);
		return [{ subject, usage }];
	}

	/** Percent of one core within the window; what is summed for the first time counts from its start. */
	#share(set: ProcessSet, { ticks }: Sum, livedMs: number | undefined): number | undefined {
		const toMs = this.#options.clock.monotonicMs();
		const before = this.#spans.get(set);
		const fromMs = before?.at(-1)?.toMs ?? toMs - (livedMs ?? 0);
		const spans = [...(before ?? []).filter((span) => toMs - span.fromMs <= windowMs), { fromMs, toMs, ticks }];
		this.#spans.set(set, spans);
		this.#summedAt.set(set, toMs);
		const ms = spans.reduce((sum, span) => sum + span.toMs - span.fromMs, 0);
		const all = spans.reduce((sum, span) => sum + span.ticks, 0);
		return ms < leastMs ? undefined : ((all / ticksPerSecond) * 1000 * 100) / ms;
	}

	#judge({ subject, usage: { memoryBytes } }: Told): void {
		const { limitBytes } = subject;
		const above = limitBytes !== undefined && memoryBytes > limitBytes ? (this.#above.get(subject) ?? 0) + 1 : 0;
		this.#above.set(subject, above % patience);
		if (limitBytes !== undefined && above >= patience)
			subject.condemn(`used ${sizeText(memoryBytes)}, limit ${sizeText(limitBytes)}`);
	}

	#subjects(): Subject[] {
		return [...this.#options.subjects()].filter(({ sets }) => sets.length > 0);
	}
}
