/** What is known of one type that comes in: who handles it, what waits, and how much has been consumed. */
import type { Codec } from '@orch/protocol/data';
import { Inbox } from './inbox.ts';
import type { Handler, Replier } from './message.ts';

export interface Subscriber {
	readonly handler: Handler<unknown>;
	/** It takes payloads of codec raw as views, and keeps none. */
	readonly view: boolean;
}

/** Everything that bears one type name: its handlers and its frames in the order of their arrival. */
export class Subscription {
	readonly name: string;
	readonly inbox = new Inbox<IncomingType>();
	readonly own = new Set<Subscriber>();
	/** The own ones, then those for any type. */
	subscribers: readonly Subscriber[] = [];
	replier: Replier<unknown, unknown> | undefined;
	/** How many requests may be answered at a time. */
	concurrency = 1;
	/** Handlers of how many messages have not settled. */
	running = 0;
	/** How many frames of the inbox came by an earlier connection. */
	stale = 0;
	draining = false;

	constructor(name: string) {
		this.name = name;
	}

	/** Whether one more message may be handed over now. */
	get ready(): boolean {
		if (this.running === 0) return this.subscribers.length > 0 || this.replier !== undefined;
		return this.subscribers.length === 0 && this.running < this.concurrency;
	}

	/** Whether the handlers need a copy of raw bytes. */
	get copies(): boolean {
		return this.replier !== undefined || this.subscribers.some(({ view }) => !view);
	}
}

/** The most senders per type whose last sequence number is kept for a resumed connection. */
const maxSeenSources = 1024;

export interface Peer {
	readonly name: string;
	readonly runtime: string;
}

/** One type id: a name and a codec. */
export class IncomingType {
	readonly id: number;
	readonly codec: Codec;
	readonly subscription: Subscription;
	prompt = false;
	/** Since the welcome of this connection. */
	consumedFrames = 0;
	consumedBytes = 0;
	/** Of that, what has been looked at for a report, and what a report has told. */
	settledBytes = 0;
	reportedBytes = 0;
	/** Who sent the last frame: consecutive frames mostly come from the same. */
	source = 0;
	peer: Peer = { name: '', runtime: '' };
	/** The last data frame of `source`. */
	seq = 0;
	readonly #seen = new Map<number, number>();

	constructor(id: number, codec: Codec, subscription: Subscription) {
		this.id = id;
		this.codec = codec;
		this.subscription = subscription;
	}

	changeSource(source: number, peer: Peer): void {
		this.#remember();
		this.source = source;
		this.peer = peer;
		this.seq = this.#seen.get(source) ?? 0;
	}

	/** The last sequence number per source. */
	seen(): [number, number][] {
		this.#remember();
		return [...this.#seen];
	}

	#remember(): void {
		if (this.seq === 0) return;
		// the latest is at the end, so that the one that goes first is the one that was silent longest
		this.#seen.delete(this.source);
		this.#seen.set(this.source, this.seq);
		if (this.#seen.size > maxSeenSources) this.#seen.delete(this.#seen.keys().next().value as number);
	}
}
