/**
 * What comes in: messages to their handlers, in the order of arrival within a type, and reports of what was consumed.
 *
 * A message that cannot be handed over yet is parked: because a handler of its type is still at work, or because there is
 * none yet. Parked messages are not reported as consumed, so the router sends no more than its window of each type.
 */
import {
	type Codec,
	creditEntryBytes,
	directHeaderBytes,
	type DroppedBody,
	FrameFlag,
	FrameKind,
	maxFrameBytes,
	type PeerBody,
	type TypeEntry,
	writeCredit,
} from '@orch/protocol/data';
import type { BatchWriter } from './batch-writer.ts';
import type { Clock, Timer } from './clock.ts';
import { copyOf, decode, encode, pack } from './codec.ts';
import { OrchError, throwLater } from './error.ts';
import { IncomingType, type Peer, type Subscriber, Subscription } from './incoming.ts';
import { type Handler, Message, type Replier } from './message.ts';
import { unpack } from './plain-msgpack.ts';

/** How long a report may wait for something that it can go along with. */
const reportDelayMs = 20;
/** Names of senders that are kept; the oldest are forgotten first and show as port numbers. */
const maxPeers = 16_384;
const maxEntriesPerReport = 1024;
/** A hello must not become too long to be taken: for what it leaves out, losses are counted less exactly. */
const maxSeenEntries = 65_536;
/** Of what is told of an error that a handler has thrown. */
const maxErrorCharacters = 16 * 1024;

export interface ReceiverOptions {
	readonly writer: BatchWriter;
	readonly clock: Clock;
	/** Bytes that may be parked in all before reading stops. */
	readonly maxParkedBytes: number;
	readonly dropped: (dropped: DroppedBody) => void;
	readonly failed: (error: OrchError) => void;
	/** Something waits for what only reading brings: for credit, or for an answer. */
	readonly isAwaiting: () => boolean;
	/** Reading may go on. */
	readonly resume: () => void;
}

export class Receiver {
	readonly #options: ReceiverOptions;
	readonly #subscriptions = new Map<string, Subscription>();
	readonly #any = new Set<Subscriber>();
	#types: (IncomingType | undefined)[] = [];
	#peers = new Map<number, Peer>();
	/** Types that have consumed something since they were last looked at. */
	#touched: IncomingType[] = [];
	/** Types that have something to report. */
	#dirty: IncomingType[] = [];
	/** Consumed since the last report, of all types, as far as it has been looked at. */
	#unreportedBytes = 0;
	#isReportDue = false;
	#reportTimer: Timer | undefined;
	#reports = false;
	#windowBytes = 0;
	#maxFrame = maxFrameBytes;
	/** Grows with every connection: what belongs to an earlier one is neither reported nor answered. */
	#connection = 0;
	#closed = false;
	#parkedBytes = 0;
	#paused = false;
	#received = 0;

	constructor(options: ReceiverOptions) {
		this.#options = options;
	}

	get received(): number {
		return this.#received;
	}

	get parkedBytes(): number {
		return this.#parkedBytes;
	}

	/** So much is parked that nothing more should be read. */
	get full(): boolean {
		const { maxParkedBytes, isAwaiting } = this.#options;
		const isMuch = this.#parkedBytes > (this.#paused ? maxParkedBytes / 2 : maxParkedBytes);
		// a handler may be at work for just that: then it is for the router's windows to say how much more comes
		this.#paused = isMuch && !(this.#reports && isAwaiting());
		return this.#paused;
	}

	/** Reads on if no more was being read, unless too much is parked still. */
	readOn(): void {
		if (this.#paused && !this.full) this.#options.resume();
	}

	subscribe(type: string, subscriber: Subscriber): () => void {
		const subscription = this.#subscription(type);
		subscription.own.add(subscriber);
		this.#rebuild(subscription);
		return () => {
			subscription.own.delete(subscriber);
			this.#rebuild(subscription);
		};
	}

	subscribeAny(subscriber: Subscriber): () => void {
		this.#any.add(subscriber);
		for (const subscription of this.#subscriptions.values()) this.#rebuild(subscription);
		return () => {
			this.#any.delete(subscriber);
			for (const subscription of this.#subscriptions.values()) this.#rebuild(subscription);
		};
	}

	answer(type: string, replier: Replier<unknown, unknown>, concurrency: number): () => void {
		const subscription = this.#subscription(type);
		if (subscription.replier) throw new Error(`Requests of type "${type}" are answered already: a type has one reply handler`);
		subscription.replier = replier;
		subscription.concurrency = concurrency;
		this.#rebuild(subscription);
		return () => {
			if (subscription.replier === replier) subscription.replier = undefined;
		};
	}

	welcomed(reports: boolean, windowBytes: number, maxFrame: number): void {
		this.#connection += 1;
		this.#maxFrame = maxFrame;
		this.#reports = reports;
		this.#windowBytes = windowBytes;
	}

	disconnected(): void {
		this.#connection += 1;
		this.#touched = [];
		this.#dirty = [];
		this.#unreportedBytes = 0;
		this.#isReportDue = false;
		this.#reportTimer?.cancel();
		this.#reportTimer = undefined;
		for (const type of this.#types) {
			if (!type) continue;
			type.consumedFrames = 0;
			type.consumedBytes = 0;
			type.settledBytes = 0;
			type.reportedBytes = 0;
		}
		for (const subscription of this.#subscriptions.values()) subscription.stale = subscription.inbox.size;
	}

	/** Hands nothing over any more. */
	close(): void {
		this.#closed = true;
		this.#reportTimer?.cancel();
	}

	defined({ id, name, codec, prompt }: TypeEntry): void {
		let type = this.#types[id];
		if (!type || type.subscription.name !== name || type.codec !== codec) {
			type = new IncomingType(id, codec, this.#subscription(name));
			this.#types[id] = type;
		}
		type.prompt = prompt === true;
	}

	codecOf(typeId: number): Codec | undefined {
		return this.#types[typeId]?.codec;
	}

	named({ peers }: PeerBody): void {
		for (const { port, runtime, name } of peers) {
			this.#peers.set(port, { name, runtime });
			if (this.#peers.size > maxPeers) this.#peers.delete(this.#peers.keys().next().value as number);
		}
	}

	/** The last sequence number per source and type, for a resumed connection. */
	lastSeen(): [number, number, number][] {
		const all: [number, number, number][] = [];
		for (const type of this.#types) {
			for (const [source, seq] of type?.seen() ?? []) all.push([source, (type as IncomingType).id, seq]);
		}
		return all.slice(0, maxSeenEntries);
	}

	/** A message or a request. */
	message(bytes: Buffer, view: DataView, at: number, end: number): void {
		const type = this.#types[view.getUint32(at + 8, true)];
		if (!type) {
			this.#options.failed(new OrchError('protocol', 'A message came of a type that was never defined'));
			return;
		}
		const source = view.getUint32(at + 12, true);
		if (source !== type.source) type.changeSource(source, this.#peers.get(source) ?? { name: `#${source}`, runtime: '' });
		const seq = view.getUint32(at + 16, true);
		if (seq !== 0) type.seq = seq;
		const { subscription } = type;
		if (subscription.inbox.size === 0 && subscription.ready && !this.#closed)
			this.#handOver(type, bytes, view, at, end, this.#connection);
		else this.#park(type, bytes, at, end);
	}

	/** A notice of lost messages: keeps its place among the messages of its type. */
	droppedFrame(body: DroppedBody, bytes: Buffer, at: number, end: number): void {
		const subscription = this.#subscriptions.get(body.type);
		const type =
			subscription && subscription.inbox.size > 0 ? this.#types.find((one) => one?.subscription === subscription) : undefined;
		if (type) this.#park(type, bytes, at, end);
		else this.#options.dropped(body);
	}

	/**
	 * Something is about to be written: adds the reports that are due, and those that are worth the room. In a ping-pong a
	 * report with every message would cost both sides as much as the message.
	 */
	flushing(): void {
		this.settle();
		if (this.#isReportDue || this.#unreportedBytes >= this.#windowBytes / 16) this.report();
	}

	/**
	 * What was read has been handed over: sees to it that what was consumed is reported in time. Messages are only counted as
	 * they pass, for there may be thousands in a read.
	 */
	settle(): void {
		if (this.#touched.length === 0) return;
		const all = this.#touched;
		this.#touched = [];
		for (const type of all) {
			if (type.reportedBytes === type.settledBytes) this.#dirty.push(type);
			this.#unreportedBytes += type.consumedBytes - type.settledBytes;
			type.settledBytes = type.consumedBytes;
			if (type.prompt || type.consumedBytes - type.reportedBytes >= this.#windowBytes / 4) this.#reportSoon();
		}
		if (!this.#isReportDue) this.#reportTimer ??= this.#options.clock.setTimer(reportDelayMs, () => this.#reportLate());
	}

	/** The router asks what has been consumed: that goes with the next that is written, however little it is. */
	asked(): void {
		this.#isReportDue = true;
	}

	/** Writes all reports. */
	report(): void {
		this.settle();
		this.#isReportDue = false;
		this.#unreportedBytes = 0;
		while (this.#dirty.length > 0) {
			const some = this.#dirty.splice(0, maxEntriesPerReport);
			const payload = new Uint8Array(some.length * creditEntryBytes);
			some.forEach((type, index) => {
				writeCredit(payload, index * creditEntryBytes, {
					typeId: type.id,
					frames: type.consumedFrames >>> 0,
					bytes: type.consumedBytes,
				});
				type.reportedBytes = type.settledBytes;
			});
			this.#options.writer.control({ kind: FrameKind.credit }, payload);
		}
	}

	#subscription(name: string): Subscription {
		let subscription = this.#subscriptions.get(name);
		if (!subscription) {
			subscription = new Subscription(name);
			this.#subscriptions.set(name, subscription);
			this.#rebuild(subscription);
		}
		return subscription;
	}

	#rebuild(subscription: Subscription): void {
		subscription.subscribers = [...subscription.own, ...this.#any];
		// not at once: the caller may be about to subscribe more
		if (subscription.inbox.size > 0) process.nextTick(() => this.#drain(subscription));
	}

	#park(type: IncomingType, bytes: Buffer, at: number, end: number): void {
		type.subscription.inbox.push(type, bytes, at, end);
		this.#parkedBytes += end - at;
	}

	#drain(subscription: Subscription): void {
		if (subscription.draining) return;
		subscription.draining = true;
		const { inbox } = subscription;
		while (inbox.size > 0 && subscription.ready && !this.#closed) inbox.shift(this.#unpark);
		subscription.draining = false;
		this.settle();
		this.readOn();
	}

	readonly #unpark = (type: IncomingType, bytes: Buffer, view: DataView, at: number, end: number): void => {
		const { subscription } = type;
		this.#parkedBytes -= end - at;
		const stale = subscription.stale > 0;
		if (stale) subscription.stale -= 1;
		const kind = bytes[at + 1];
		const payloadAt = at + (bytes[at + 3] as number) * 4;
		if (kind === FrameKind.dropped) this.#options.dropped(unpack(bytes, payloadAt, end) as DroppedBody);
		// whoever asked has been told that the connection broke
		else if (kind === FrameKind.request && stale) return;
		else this.#handOver(type, bytes, view, at, end, stale ? -1 : this.#connection);
	};

	#handOver(type: IncomingType, bytes: Buffer, view: DataView, at: number, end: number, connection: number): void {
		const { subscription } = type;
		const isRequest = bytes[at + 1] === FrameKind.request;
		const source = view.getUint32(at + 12, true);
		const corr = view.getUint32(at + 20, true);
		const frameBytes = end - at;
		this.#received += 1;
		let data: unknown;
		try {
			data = this.#payload(type, bytes, at, end);
		} catch (cause) {
			const error = new OrchError('codec', `A message of type "${subscription.name}" cannot be read as ${type.codec}`, { cause });
			this.#options.failed(error);
			if (isRequest) this.#replyError(type, source, corr, error, connection);
			this.#consumed(type, frameBytes, connection);
			return;
		}
		const peer = source === type.source ? type.peer : (this.#peers.get(source) ?? { name: `#${source}`, runtime: '' });
		const sentAt = (view.getUint32(at + 24, true) + view.getUint32(at + 28, true) * 2 ** 32) / 1000;
		const message = new Message(subscription.name, peer.name, peer.runtime, view.getUint32(at + 16, true), sentAt);
		if (isRequest) {
			this.#answer(type, data, message, source, corr, frameBytes, connection);
			return;
		}
		// a message that nobody but the answering side takes goes to it, and its reply to nobody
		const subscribers =
			subscription.subscribers.length > 0 ? subscription.subscribers : [{ handler: subscription.replier as Handler<unknown> }];
		let pending: PromiseLike<unknown>[] | undefined;
		for (let index = 0; index < subscribers.length; index++) {
			try {
				const result = (subscribers[index] as Pick<Subscriber, 'handler'>).handler(data, message);
				if (isPromise(result)) pending = add(pending, result);
			} catch (error) {
				throwLater(error);
			}
		}
		if (pending) this.#await(pending, type, frameBytes, connection);
		else this.#consumed(type, frameBytes, connection);
	}

	#payload(type: IncomingType, bytes: Buffer, at: number, end: number): unknown {
		const payloadAt = at + (bytes[at + 3] as number) * 4;
		const data = decode(type.codec, bytes, payloadAt, end);
		if (type.codec !== 'raw' || !type.subscription.copies) return data;
		// a frame that fills its buffer has that memory to itself
		return at === 0 && end === bytes.length ? data : copyOf(data as Uint8Array);
	}

	#await(pending: PromiseLike<unknown>[], type: IncomingType, frameBytes: number, connection: number): void {
		const { subscription } = type;
		let left = pending.length;
		subscription.running += 1;
		const settled = () => {
			left -= 1;
			if (left > 0) return;
			subscription.running -= 1;
			this.#consumed(type, frameBytes, connection);
			if (subscription.inbox.size > 0) this.#drain(subscription);
			else this.settle();
		};
		const rejected = (error: unknown) => {
			// a handler that was about to send when `close()` came has done nothing wrong
			if (!(this.#closed && error instanceof OrchError && error.code === 'closed')) throwLater(error);
			settled();
		};
		for (const one of pending) one.then(settled, rejected);
	}

	#answer(
		type: IncomingType,
		data: unknown,
		message: Message,
		source: number,
		corr: number,
		frameBytes: number,
		connection: number,
	): void {
		const { replier, name } = type.subscription;
		if (!replier) {
			this.#replyError(
				type,
				source,
				corr,
				new OrchError('unhandled', `Requests of type "${name}" are not answered here`),
				connection,
			);
			this.#consumed(type, frameBytes, connection);
			return;
		}
		const reply = (result: unknown) => {
			try {
				this.#reply(type, source, corr, result, connection);
			} catch (error) {
				refuse(error);
			}
		};
		const refuse = (error: unknown) => this.#replyError(type, source, corr, error, connection);
		let result: unknown;
		try {
			result = replier(data, message);
		} catch (error) {
			refuse(error);
			this.#consumed(type, frameBytes, connection);
			return;
		}
		if (isPromise(result)) {
			this.#await([result.then(reply, refuse)], type, frameBytes, connection);
			return;
		}
		reply(result);
		this.#consumed(type, frameBytes, connection);
	}

	#reply(type: IncomingType, dst: number, corr: number, result: unknown, connection: number): void {
		if (connection !== this.#connection) return;
		const encoded = encode(type.codec, type.subscription.name, result);
		const payload = typeof encoded === 'string' ? Buffer.from(encoded) : encoded;
		const mostBytes = this.#maxFrame - directHeaderBytes;
		// the router would end the connection over it
		if (payload.length > mostBytes) {
			throw new OrchError(
				'too_large',
				`Cannot reply to a request of type "${type.subscription.name}": the ${payload.length} bytes of the reply are more than the ${mostBytes} that it may have`,
			);
		}
		this.#options.writer.control({ kind: FrameKind.reply, typeId: type.id, corr, dst }, payload);
	}

	#replyError(type: IncomingType, dst: number, corr: number, error: unknown, connection: number): void {
		if (connection !== this.#connection) return;
		this.#options.writer.control(
			{ kind: FrameKind.reply, flags: FrameFlag.error, typeId: type.id, corr, dst },
			pack(asReplyError(error)),
		);
	}

	#consumed(type: IncomingType, frameBytes: number, connection: number): void {
		if (connection !== this.#connection || !this.#reports) return;
		if (type.consumedBytes === type.settledBytes) this.#touched.push(type);
		type.consumedFrames += 1;
		type.consumedBytes += frameBytes;
	}

	#reportSoon(): void {
		this.#isReportDue = true;
		this.#options.writer.schedule();
	}

	/** The timer is never moved: one is enough to leave nothing unreported for longer than its delay. */
	#reportLate(): void {
		this.#reportTimer = undefined;
		if (this.#dirty.length > 0) this.#reportSoon();
	}
}

const isPromise = (value: unknown): value is PromiseLike<unknown> =>
	typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function';

function add<T>(list: T[] | undefined, one: T): T[] {
	if (!list) return [one];
	list.push(one);
	return list;
}

function asReplyError(error: unknown): { code: string; message: string } {
	const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'handler_failed';
	return { code: code.slice(0, 255), message: textOf(error).slice(0, maxErrorCharacters) };
}

/** A handler may throw anything, such as what it was sent. */
function textOf(error: unknown): string {
	try {
		return String(error instanceof Error ? error.message : error);
	} catch {
		return 'The handler threw what cannot be told';
	}
}
