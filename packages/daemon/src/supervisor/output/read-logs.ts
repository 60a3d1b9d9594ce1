/** Lines of many runtimes and both streams, merged by time: what there is, then what comes. */
import { startOfLastLines, startOfLine } from './find-lines.ts';
import type { StreamName } from './layout.ts';
import { type Gap, type Line, LineSource } from './line-source.ts';
import type { OutputStore } from './output-store.ts';
import type { Pattern } from '@orch/base/pattern';
import type { RuntimeOutput } from './runtime-output.ts';
import { TimeReader } from './time-index.ts';

/** Where to go on: for each runtime and stream the offset behind what has been read. */
export type LogPosition = Readonly<Record<string, { readonly [Stream in StreamName]?: number }>>;

export interface LogsQuery {
	/** Ids, also of removed ones whose output is kept; undefined for all there are, also those that come later. */
	readonly runtimes: readonly string[] | undefined;
	readonly streams: readonly StreamName[];
	readonly follow: boolean;
	/** Of what there is only the last so many lines, of all together. */
	readonly lines?: number | undefined;
	/** Milliseconds since the Unix epoch. */
	readonly since?: number | undefined;
	readonly until?: number | undefined;
	readonly pattern?: Pattern | undefined;
	/** Of each runtime what the process before the present one wrote. */
	readonly previous?: boolean | undefined;
	/** Go on from there; runtimes that are not in it are read from their beginning. */
	readonly from?: LogPosition | undefined;
	readonly signal?: AbortSignal | undefined;
}

export interface LogLine {
	readonly output: RuntimeOutput;
	readonly stream: StreamName;
	readonly line: Line;
	readonly text: string;
}

export interface LogGap {
	readonly output: RuntimeOutput;
	readonly stream: StreamName;
	readonly gap: Gap;
}

export interface LogBatch {
	readonly lines: readonly LogLine[];
	/** Removed before it could be read. */
	readonly gaps: readonly LogGap[];
	/** Of the streams that this batch is about, where to go on behind it. */
	readonly position: LogPosition;
}

/** `closing`: the daemon ends, and the next one goes on with the same offsets. */
export type LogsEnd = 'end' | 'removed' | 'closing';

/** A batch holds no more than this. */
const mostLines = 256;
const mostBytes = 128 * 1024;
/** With more streams than this each gets small portions and keeps no file open. */
const mostEager = 64;

interface Range {
	readonly from: number;
	readonly end: number;
}

/** Reads only when it is asked for more: who is slow costs nothing, and is told what went meanwhile. */
export async function* readLogs(store: OutputStore, query: LogsQuery): AsyncGenerator<LogBatch, LogsEnd, undefined> {
	const reading = new Reading(store, query);
	try {
		return yield* reading.run();
	} finally {
		reading.close();
	}
}

class Reading {
	readonly #store: OutputStore;
	readonly #query: LogsQuery;
	readonly #sources = new Map<RuntimeOutput, readonly LineSource[]>();
	readonly #changed = new Set<RuntimeOutput>();
	readonly #unsubscribe: () => void;
	#wake: () => void = () => {};

	constructor(store: OutputStore, query: LogsQuery) {
		this.#store = store;
		this.#query = query;
		this.#unsubscribe = query.follow
			? store.changes.subscribe((output) => {
					if (!this.#sources.has(output) && query.runtimes !== undefined) return;
					this.#changed.add(output);
					this.#wake();
				})
			: () => {};
		query.signal?.addEventListener('abort', this.#aborted, { once: true });
	}

	readonly #aborted = (): void => this.#wake();

	close(): void {
		this.#unsubscribe();
		this.#query.signal?.removeEventListener('abort', this.#aborted);
		for (const sources of this.#sources.values()) for (const source of sources) source.close();
	}

	async *run(): AsyncGenerator<LogBatch, LogsEnd, undefined> {
		const { runtimes, follow, lines, from, signal } = this.#query;
		const chosen =
			runtimes === undefined
				? this.#store.list()
				: runtimes.flatMap((id) => this.#store.find(id) ?? this.#store.openOld(id) ?? []);
		for (const output of chosen) output.look();
		const isEager = chosen.length * this.#query.streams.length <= mostEager;
		const ranges = new Map<LineSource, Range>();
		for (const output of chosen) {
			for (const source of await this.#open(output, isEager, ranges)) if (signal?.aborted) source.close();
			signal?.throwIfAborted();
		}
		const all = [...ranges.keys()];
		yield { lines: [], gaps: [], position: positionOf(all) };
		const ends = (source: LineSource) => ranges.get(source)?.end ?? 0;
		const skip = lines === undefined || from !== undefined ? 0 : Math.max(0, (await this.#count(all, ends)) - lines);
		yield* this.#merge(all, ends, { skip, flush: () => !follow });
		if (!follow) return 'end';
		// of what is over already nobody tells
		for (const output of chosen) if (output.state === 'removed') this.#changed.add(output);
		return yield* this.#follow(isEager);
	}

	async *#follow(isEager: boolean): AsyncGenerator<LogBatch, LogsEnd, undefined> {
		const { signal, runtimes } = this.#query;
		for (;;) {
			signal?.throwIfAborted();
			// nothing changes any more
			if (this.#store.isClosed) return 'closing';
			const changed = [...this.#changed];
			this.#changed.clear();
			// asked before what is there, so that nothing written before an end is missed
			const states = new Map(changed.map((output) => [output, output.state] as const));
			const sources: LineSource[] = [];
			for (const output of changed) {
				if (!this.#sources.has(output) && states.get(output) === 'open') {
					const added = await this.#open(output, isEager, new Map());
					yield { lines: [], gaps: [], position: positionOf(added) };
				}
				sources.push(...(this.#sources.get(output) ?? []));
			}
			const ends = new Map(sources.map((source) => [source, source.output.streams[source.stream].end] as const));
			const flush = ({ output }: LineSource) => states.get(output) === 'removed';
			yield* this.#merge(sources, (source) => ends.get(source) ?? 0, { skip: 0, flush });
			for (const [output, state] of states) {
				if (state === 'removed') {
					for (const source of this.#sources.get(output) ?? []) source.close();
					this.#sources.delete(output);
				}
			}
			if (runtimes !== undefined && this.#sources.size === 0) return 'removed';
			if (this.#isOver()) return 'end';
			if (this.#changed.size > 0 || signal?.aborted) continue;
			await new Promise<void>((resolve) => {
				this.#wake = resolve;
			});
		}
	}

	/** Whether all that may still come is later than what is asked for. */
	#isOver(): boolean {
		const { until } = this.#query;
		if (until === undefined) return false;
		return [...this.#sources].every(([output]) =>
			this.#query.streams.every((name) => (output.streams[name].times.lastAt ?? 0) > until),
		);
	}

	#opened = 0;

	async #open(output: RuntimeOutput, isEager: boolean, ranges: Map<LineSource, Range>): Promise<readonly LineSource[]> {
		const sources: LineSource[] = [];
		// registered before anything is awaited: changes are heard of from now on
		this.#sources.set(output, sources);
		for (const stream of this.#query.streams) {
			const range = await this.#rangeOf(output, stream);
			const source = new LineSource({ output, stream, from: range.from, isEager, order: this.#opened++ });
			sources.push(source);
			ranges.set(source, range);
		}
		return sources;
	}

	async #rangeOf(output: RuntimeOutput, stream: StreamName): Promise<Range> {
		const { from, previous, since, lines, pattern } = this.#query;
		const log = output.streams[stream];
		const { end } = log;
		const resumed = from?.[output.id]?.[stream];
		if (resumed !== undefined) return { from: resumed > end ? log.start : resumed, end };
		if (from !== undefined) return { from: log.start, end };
		if (previous) {
			const lives = output.lives.list;
			const [before, present] = [lives.at(-2), lives.at(-1)];
			return before && present ? { from: before.from[stream], end: present.from[stream] } : { from: end, end };
		}
		// who wants all is told what is gone
		let start = since === undefined && lines === undefined ? 0 : log.start;
		if (since !== undefined)
			start = Math.max(start, await startOfLine(log, Math.min(end, new TimeReader(log.times).offsetBefore(since))));
		// of the last lines of all together none is before the last ones of its own stream
		if (lines !== undefined && pattern === undefined && this.#query.until === undefined)
			start = Math.max(start, await startOfLastLines(log, end, lines));
		return { from: start, end };
	}

	/** How many lines there are: who wants the last ones need not have all of them in memory for that. */
	async #count(sources: readonly LineSource[], ends: (source: LineSource) => number): Promise<number> {
		const copies = new Map<LineSource, LineSource>();
		for (const source of sources) {
			const { output, stream, position, order } = source;
			copies.set(new LineSource({ output, stream, from: position, isEager: false, order }), source);
		}
		const endOf = (copy: LineSource) => ends(copies.get(copy) ?? copy);
		let count = 0;
		try {
			for await (const { lines } of this.#merge([...copies.keys()], endOf, { skip: 0, flush: () => !this.#query.follow }))
				count += lines.length;
		} finally {
			for (const copy of copies.keys()) copy.close();
		}
		return count;
	}

	async *#merge(
		sources: readonly LineSource[],
		endOf: (source: LineSource) => number,
		{ skip, flush }: { readonly skip: number; readonly flush: (source: LineSource) => boolean },
	): AsyncGenerator<LogBatch, void, undefined> {
		const heads = new Heads();
		const draw = async (source: LineSource) => {
			const event =
				source.nextNow() ?? (await source.next(endOf(source))) ?? (flush(source) || source.isStale ? source.flush() : undefined);
			if (event && !this.#isLate(event)) heads.push({ source, event });
		};
		for (const source of sources) await draw(source);
		let batch = new Batch(this.#query.pattern);
		let left = skip;
		const take = async () => {
			const { batch: taken, skipped } = await batch.done(left, this.#query.signal);
			left -= skipped;
			batch = new Batch(this.#query.pattern);
			return taken;
		};
		for (let head = heads.pop(); head; head = heads.pop()) {
			this.#query.signal?.throwIfAborted();
			const { source, event } = head;
			// of a batch the gaps are told first: one that comes behind lines begins the next
			const before = event.kind === 'gap' && batch.hasLines ? await take() : undefined;
			if (before) yield before;
			batch.add(source, event, this.#isEarly(event));
			await draw(source);
			if (!batch.isFull && heads.size > 0) continue;
			const full = await take();
			if (full) yield full;
		}
	}

	#isEarly({ stamp }: Line | Gap): boolean {
		const { since } = this.#query;
		return since !== undefined && stamp.at < since;
	}

	#isLate({ stamp }: Line | Gap): boolean {
		const { until } = this.#query;
		return until !== undefined && (stamp.from ?? stamp.at) > until;
	}
}

class Batch {
	readonly #pattern: Pattern | undefined;
	readonly #lines: LogLine[] = [];
	readonly #gaps: LogGap[] = [];
	readonly #sources = new Set<LineSource>();
	#bytes = 0;
	#events = 0;

	constructor(pattern: Pattern | undefined) {
		this.#pattern = pattern;
	}

	get hasLines(): boolean {
		return this.#lines.length > 0;
	}

	get isFull(): boolean {
		return this.#events >= mostLines || this.#bytes >= mostBytes;
	}

	add(source: LineSource, event: Line | Gap, isEarly: boolean): void {
		const { output, stream } = source;
		source.position = event.end;
		this.#sources.add(source);
		this.#events++;
		if (isEarly) return;
		if (event.kind === 'gap') this.#gaps.push({ output, stream, gap: event });
		else {
			this.#lines.push({ output, stream, line: event, text: event.bytes.toString('utf8') });
			this.#bytes += event.bytes.length;
		}
	}

	/** Without what does not match, and without the first `skip` of what does. */
	async done(
		skip: number,
		signal: AbortSignal | undefined,
	): Promise<{ readonly batch: LogBatch | undefined; readonly skipped: number }> {
		const matches = await this.#pattern?.matches(
			this.#lines.map(({ text }) => text),
			signal,
		);
		const matching = matches ? this.#lines.filter((_line, at) => matches[at]) : this.#lines;
		const skipped = Math.min(skip, matching.length);
		const lines = matching.slice(skipped);
		const position = positionOf([...this.#sources]);
		const isWorthIt = lines.length > 0 || this.#gaps.length > 0;
		return { batch: isWorthIt ? { lines, gaps: this.#gaps, position } : undefined, skipped };
	}
}

function positionOf(sources: readonly LineSource[]): LogPosition {
	const position: Record<string, { [Stream in StreamName]?: number }> = {};
	for (const { output, stream, position: offset } of sources) {
		position[output.id] = { ...position[output.id], [stream]: offset };
	}
	return position;
}

interface Head {
	readonly source: LineSource;
	readonly event: Line | Gap;
}

/** The next of each stream, the earliest on top: a binary heap. */
class Heads {
	readonly #heads: Head[] = [];

	get size(): number {
		return this.#heads.length;
	}

	push(head: Head): void {
		const heads = this.#heads;
		heads.push(head);
		for (let at = heads.length - 1; at > 0; ) {
			const above = (at - 1) >> 1;
			if (!this.#swapIfBefore(at, above)) break;
			at = above;
		}
	}

	pop(): Head | undefined {
		const heads = this.#heads;
		const [top] = heads;
		const last = heads.pop();
		if (top === last || last === undefined) return top;
		heads[0] = last;
		for (let at = 0; ; ) {
			const [left, right] = [2 * at + 1, 2 * at + 2];
			const below = right < heads.length && this.#isBefore(right, left) ? right : left;
			if (below >= heads.length || !this.#swapIfBefore(below, at)) return top;
			at = below;
		}
	}

	#isBefore(one: number, other: number): boolean {
		const [a, b] = [this.#heads[one], this.#heads[other]];
		if (!a || !b) return false;
		const difference = a.event.stamp.at - b.event.stamp.at;
		// found by one look, nobody knows which came first: each stream's lines stay together
		return difference < 0 || (difference === 0 && a.source.order < b.source.order);
	}

	#swapIfBefore(one: number, other: number): boolean {
		if (!this.#isBefore(one, other)) return false;
		const [a, b] = [this.#heads[one], this.#heads[other]];
		if (!a || !b) return false;
		this.#heads[one] = b;
		this.#heads[other] = a;
		return true;
	}
}
