/** What has happened, numbered without gaps: the newest in memory for those who follow, all of it behind a port. */
import { type Logger, Publisher } from '@orch/base';
import type { DaemonEvent } from '@orch/protocol';

export type NewEvent = Omit<DaemonEvent, 'seq'>;

/** Where events outlive the daemon. Its numbers grow without gaps and are never given twice. */
export interface EventKeeper {
	/** Its seq. Throws where it cannot be kept now. */
	append(event: NewEvent): number;
	/** Those behind `seq`, oldest first. */
	since(seq: number, limit: number): readonly DaemonEvent[];
	/** Of the oldest that is kept; `lastSeq + 1` where none is. */
	readonly firstSeq: number;
	/** Of the newest that was ever appended; 0 before the first. */
	readonly lastSeq: number;
}

export interface EventLogOptions {
	readonly log: Logger;
	/** Absent: events last as long as the daemon. */
	readonly keeper?: EventKeeper | undefined;
}

/** In memory, where nothing else keeps them and where a full disk keeps none. */
export const mostEvents = 10_000;
const mostBytes = 8 * 1024 * 1024;

export class EventLog {
	readonly appended: Publisher<DaemonEvent>;
	readonly #log: Logger;
	readonly #keeper: EventKeeper | undefined;
	/** The newest, in order; from `#from` on, what is before that has been let go. */
	#events: DaemonEvent[] = [];
	#from = 0;
	#bytes = 0;
	#lastSeq: number;
	/** Up to which one the keeper has them. */
	#keptSeq: number;

	constructor({ log, keeper }: EventLogOptions) {
		this.appended = new Publisher((error) => log.error('an event was not handled', { error }));
		this.#log = log;
		this.#keeper = keeper;
		this.#lastSeq = keeper?.lastSeq ?? 0;
		this.#keptSeq = this.#lastSeq;
	}

	/** It is kept, as far as that can be, before anybody is told of it. */
	append(event: NewEvent): void {
		const numbered: DaemonEvent = { seq: ++this.#lastSeq, ...event };
		this.#events.push(numbered);
		this.#bytes += weightOf(numbered);
		while (this.#events.length - this.#from > mostEvents || (this.#bytes > mostBytes && this.#events.length - this.#from > 1))
			this.#letGo();
		this.#keep();
		this.appended.publish(numbered);
	}

	get lastSeq(): number {
		return this.#lastSeq;
	}

	/** Of the oldest that can still be told. */
	get firstSeq(): number {
		const keeper = this.#keeper;
		const isKept = keeper !== undefined && keeper.firstSeq <= this.#keptSeq;
		return isKept ? Math.min(keeper.firstSeq, this.#firstHere) : this.#firstHere;
	}

	/** Those behind `seq`, oldest first, at most `limit`. */
	since(seq: number, limit: number): readonly DaemonEvent[] {
		if (seq + 1 < this.#firstHere && this.#keeper) {
			const kept = this.#keeper.since(seq, Math.min(limit, this.#firstHere - seq - 1));
			if (kept.length > 0) return kept;
		}
		const at = this.#from + Math.max(0, seq + 1 - this.#firstHere);
		return this.#events.slice(at, at + limit);
	}

	/** Behind which one those begin that happened at `time` (RFC 3339, UTC) or later. */
	before(time: string): number {
		for (let seq = this.firstSeq - 1; ; ) {
			const batch = this.since(seq, 512);
			const found = batch.find(({ at }) => at >= time);
			if (found) return found.seq - 1;
			const last = batch.at(-1);
			if (!last) return seq;
			seq = last.seq;
		}
	}

	get #firstHere(): number {
		return this.#lastSeq - (this.#events.length - this.#from) + 1;
	}

	#letGo(): void {
		const event = this.#events[this.#from++];
		if (event) this.#bytes -= weightOf(event);
		if (this.#from < 1024 || this.#from * 2 < this.#events.length) return;
		this.#events = this.#events.slice(this.#from);
		this.#from = 0;
	}

	/** What a full disk did not take is written with the next that it takes: the numbers are the same here and there. */
	#keep(): void {
		if (!this.#keeper) return;
		try {
			for (; this.#keptSeq < this.#lastSeq; this.#keptSeq++) {
				const { seq: _seq, ...event } = this.#here(this.#keptSeq + 1) ?? lostEvent(this.#events.at(-1)?.at ?? '');
				this.#keeper.append(event);
			}
		} catch (error) {
			this.#log.error('an event could not be kept', { error });
		}
	}

	#here(seq: number): DaemonEvent | undefined {
		return seq < this.#firstHere ? undefined : this.#events[this.#from + seq - this.#firstHere];
	}
}

/** Holds the place of one that was let go before it could be written. */
const lostEvent = (at: string): DaemonEvent => ({ ...emptyEvent, seq: 0, at, kind: 'notice', reason: 'an event was not kept' });

/** Everything that an event need not say. */
export const emptyEvent = {
	runtime: null,
	from: null,
	to: null,
	reason: null,
	pid: null,
	exit: null,
	uptimeMs: null,
	stderrTail: [],
	generation: null,
} satisfies Omit<NewEvent, 'at' | 'kind'>;

/** About what it takes in memory. */
const weightOf = ({ reason, stderrTail }: DaemonEvent): number =>
	400 + (reason?.length ?? 0) * 2 + stderrTail.reduce((sum, line) => sum + line.length * 2 + 16, 0);
