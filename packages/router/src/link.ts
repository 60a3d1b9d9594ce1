/** One link: its mailbox, what it may hand over, what it has dropped, and its figures. */
import type { LinkCounters } from '@orch/protocol';
import type { Codec, DropReason } from '@orch/protocol/data';
import type { Feed } from './feed.ts';
import { LatencyHistogram, RateMeter } from './figures.ts';
import type { Feeder, Lane } from './lane.ts';
import { freshBytes, freshMessages, latencyEvery, maxDropNotices, turnBytes } from './limits.ts';
import {
	type Destination,
	frameCorr,
	frameSeq,
	lastFrameAt,
	type Limits,
	Mailbox,
	type Memory,
	offsetAfter,
	type OnDrop,
} from './mailbox.ts';
import type { RouterClock } from './router-clock.ts';

export interface LinkSpec {
	readonly id: string;
	/** A runtime's id, or `*`. */
	readonly from: string;
	readonly type: string;
	readonly to: string;
	readonly messages: number;
	readonly bytes: number;
	readonly overflow: 'block' | 'drop-oldest' | 'drop-newest' | 'latest';
	readonly whileDown: 'drop' | 'block';
}

/** What a link knows of where its messages come from. */
export interface Sender {
	readonly typeId: number;
	readonly type: string;
	readonly codec: Codec;
	/** Port id: the `src` of its frames. */
	readonly port: number;
	readonly runtime: string;
	readonly name: string;
	/** Its JSON has been looked at already. */
	readonly checked: boolean;
	/** It keeps to credits. */
	readonly credited: boolean;
	/** Messages are under way that were sent before there was a limit. */
	readonly inGrace: boolean;
	/** It has used up all its credit. */
	readonly exhausted: boolean;
	/** Something of it has left a mailbox, or a receiver came or went: it may be due more credit. */
	touched(): void;
	/** A request of it was thrown away. */
	requestDropped(corr: number, reason: DropReason): void;
}

/** The way of one sender's type through one link. */
export class Path {
	readonly sender: Sender;
	readonly link: Link;
	lane: Lane<Path> | undefined;
	queuedFrames = 0;
	queuedBytes = 0;
	/** Nothing comes by it any more, for its sender's connection has ended; what is queued of it is still delivered. */
	left = false;
	/** What the present receiver keeps about messages on this path, beside the lane. */
	form: unknown;

	constructor(sender: Sender, link: Link) {
		this.sender = sender;
		this.link = link;
	}

	/** The receiver has taken so much. */
	handed(lane: Lane<Path>, frames: number, bytes: number): void {
		lane.add(this, frames, bytes);
		this.link.inFlight += frames;
		this.link.inFlightBytes += bytes;
	}
}

/** For the lanes of any receiver: it has consumed so much of a path. */
export const consumed = (path: Path, frames: number, bytes: number): void => {
	path.link.consumed(frames, bytes);
	path.sender.touched();
};

/** The same: it is gone, and nobody will ever know of so many. */
export const unconfirmed = (path: Path, frames: number): void => path.link.unconfirmed(path, frames);

export interface Notice {
	readonly type: string;
	readonly from: string;
	readonly reason: DropReason;
	count: number;
	firstSeq: number;
	lastSeq: number;
}

/** A connected runtime, as a link sees it. */
export interface Receiver {
	readonly feed: Feed<Path>;
	readonly outbox: Destination & { readonly full: boolean; readonly roomBytes: number };
	/** The lane for messages on this path; the receiver learns of its type and sender first. */
	bind(path: Path): Lane<Path>;
	/** Takes all of it, in order: what it cannot carry it counts as dropped, of all else it tells the path. */
	hand(path: Path, lane: Lane<Path>, buffer: Buffer, start: number, end: number, frames: number): void;
	tell(notices: Iterable<Notice>): void;
}

export interface Tap {
	see(link: Link, sender: Sender, buffer: Buffer, start: number, frames: number): void;
}

export class Link implements Feeder {
	spec: LinkSpec;
	/** What may be on its way, for links that keep the fresh messages rather than the old ones. */
	maxInFlight: number;
	maxInFlightBytes: number;
	readonly mailbox: Mailbox<Path>;
	readonly paths = new Set<Path>();
	/** Senders among whom the credit is shared. */
	creditedPaths = 0;
	/** Queued by paths that are left: room that nobody who sends now is given credit for. */
	leftFrames = 0;
	leftBytes = 0;
	receiver: Receiver | undefined;
	/** The receiver was connected to an earlier router and is expected back. */
	#awaited = false;
	tap: Tap | undefined;
	received = 0;
	delivered = 0;
	deliveredBytes = 0;
	inFlight = 0;
	inFlightBytes = 0;
	lastMs: number | undefined;
	readonly dropped = new Map<DropReason, number>();
	readonly meter = new RateMeter();
	readonly latency = new LatencyHistogram();
	readonly #clock: RouterClock;
	#notices: Map<string, Notice> | undefined;
	#untilSample = 0;
	/** In some lane's line, or waiting for its own frames to be consumed. */
	#waits: 'no' | 'lane' | 'own' = 'no';
	#removed = false;

	constructor(spec: LinkSpec, clock: RouterClock, memory: Memory) {
		this.spec = spec;
		this.mailbox = new Mailbox(memory);
		this.maxInFlight = inFlightLimit(spec);
		this.maxInFlightBytes = isFresh(spec) ? freshBytes : Number.POSITIVE_INFINITY;
		this.#clock = clock;
	}

	get limits(): Limits {
		return this.spec;
	}

	get counters(): LinkCounters {
		return {
			received: this.received,
			delivered: this.delivered,
			deliveredBytes: this.deliveredBytes,
			dropped: Object.fromEntries(this.dropped),
			queued: this.mailbox.messages,
			queuedBytes: this.mailbox.bytes,
			inFlight: this.inFlight,
		};
	}

	attach(path: Path): void {
		this.paths.add(path);
		if (path.sender.credited) this.creditedPaths += 1;
	}

	detach(path: Path): void {
		if (!this.paths.delete(path)) return;
		if (path.sender.credited) this.creditedPaths -= 1;
		path.left = true;
		this.leftFrames += path.queuedFrames;
		this.leftBytes += path.queuedBytes;
	}

	/** Takes frames of a sender: hands them over, queues them, or drops them. Gives how many were not dropped at once. */
	offer(path: Path, buffer: Buffer, start: number, end: number, frames: number, request: boolean): number {
		this.received += frames;
		this.lastMs = this.#clock.nowMs;
		this.meter.add(this.#clock.nowMs, frames, end - start);
		if (this.tap !== undefined) this.tap.see(this, path.sender, buffer, start, frames);
		const { receiver } = this;
		if (
			receiver !== undefined &&
			this.mailbox.messages === 0 &&
			this.maxInFlight === Number.POSITIVE_INFINITY &&
			this.inFlightBytes < this.maxInFlightBytes
		) {
			const lane = laneOf(path, receiver);
			if (lane.open && !receiver.outbox.full) {
				this.#hand(receiver, lane, path, buffer, start, end, frames);
				return frames;
			}
		}
		const accepted = this.#queue(path, buffer, start, end, frames, request);
		if (receiver !== undefined && this.#waits === 'no') this.feed();
		return accepted;
	}

	/** Counts frames of a sender that are not taken at all. */
	refuse(path: Path, buffer: Buffer, start: number, frames: number, reason: DropReason, request: boolean): void {
		this.received += frames;
		this.lastMs = this.#clock.nowMs;
		const last = frames > 1 ? lastFrameAt(buffer, start, frames) : start;
		this.drop(path.sender, frames, frameSeq(buffer, start), frameSeq(buffer, last), reason);
		if (request) path.sender.requestDropped(frameCorr(buffer, start), reason);
	}

	/** Counts messages that this link has lost; its receiver is told before the next one that it gets. */
	drop(sender: Pick<Sender, 'runtime' | 'name'>, count: number, firstSeq: number, lastSeq: number, reason: DropReason): void {
		if (count === 0) return;
		this.dropped.set(reason, (this.dropped.get(reason) ?? 0) + count);
		this.#notices ??= new Map();
		// beyond the bound notices of one reason are put together, so that none is lost
		const key = this.#notices.size < maxDropNotices ? `${reason} ${sender.runtime}` : reason;
		const notice = this.#notices.get(key);
		if (notice === undefined) {
			const from = key === reason ? '*' : sender.name;
			this.#notices.set(key, { type: this.spec.type, from, reason, count, firstSeq, lastSeq });
			return;
		}
		notice.count += count;
		if (notice.firstSeq === 0) notice.firstSeq = firstSeq;
		if (lastSeq !== 0) notice.lastSeq = lastSeq;
	}

	/** Tells the receiver what it has not got, before what comes next. */
	notify(receiver: Receiver): void {
		if (this.#notices === undefined) return;
		receiver.tell(this.#notices.values());
		this.#notices = undefined;
	}

	/** Hands over what waits, up to a turn's worth, and waits for more room if there is more. */
	feed(): void {
		this.#waits = 'no';
		const { receiver, mailbox } = this;
		if (receiver === undefined) return;
		let left = turnBytes;
		for (let run = mailbox.first; run !== undefined; run = mailbox.first) {
			const room = this.maxInFlight - this.inFlight;
			if (room <= 0 || this.inFlightBytes >= this.maxInFlightBytes) {
				this.#waits = 'own';
				return;
			}
			const path = run.owner;
			const lane = laneOf(path, receiver);
			if (left <= 0 || !lane.open || receiver.outbox.full) {
				this.#waits = 'lane';
				receiver.feed.wait(this, lane);
				return;
			}
			const taken = mailbox.shift(room);
			if (taken === undefined) return;
			left -= taken.end - taken.start;
			this.#leaves(path, taken.frames, taken.end - taken.start);
			this.#hand(receiver, lane, path, taken.buffer, taken.start, taken.end, taken.frames);
		}
	}

	/** The receiver has consumed this much of what came by this link. */
	consumed(frames: number, bytes: number): void {
		this.delivered += frames;
		this.deliveredBytes += bytes;
		this.inFlight -= frames;
		this.inFlightBytes -= bytes;
		if (this.#waits === 'own') this.feed();
	}

	connected(receiver: Receiver): void {
		this.receiver = receiver;
		this.mailbox.goesTo(receiver.outbox);
		this.#waits = 'no';
		this.inFlight = 0;
		this.inFlightBytes = 0;
		this.#touchAll();
		const { first } = this.mailbox;
		if (first === undefined) return;
		this.#waits = 'lane';
		receiver.feed.wait(this, laneOf(first.owner, receiver));
	}

	/** The receiver is gone. What it had been handed is counted by its lanes; requests would be answered by nobody. */
	disconnected(): void {
		this.receiver = undefined;
		this.#waits = 'no';
		this.inFlight = 0;
		this.inFlightBytes = 0;
		this.mailbox.goesTo(undefined);
		this.mailbox.dropRequests(this.#dropper('receiver_down'));
		this.#touchAll();
	}

	/** Other limits or another policy, from now on. */
	respecify(spec: LinkSpec): void {
		this.spec = spec;
		this.maxInFlight = inFlightLimit(spec);
		this.maxInFlightBytes = isFresh(spec) ? freshBytes : Number.POSITIVE_INFINITY;
		if (spec.overflow === 'drop-oldest') this.mailbox.dropOldest(spec, this.#dropper('drop_oldest'));
		else if (spec.overflow === 'drop-newest') this.mailbox.dropNewest(spec, this.#dropper('drop_newest'));
		else if (spec.overflow === 'latest') this.mailbox.dropOldest({ messages: 1, bytes: spec.bytes }, this.#dropper('latest'));
		if (this.#waits === 'own') this.feed();
		this.#touchAll();
	}

	/** Frees the queue; the receiver is told at once, because nothing follows that could be told with. */
	remove(): void {
		this.#removed = true;
		this.mailbox.clear(this.#dropper('link_removed'));
		if (this.receiver !== undefined) this.notify(this.receiver);
		this.#touchAll();
		this.receiver = undefined;
	}

	get removed(): boolean {
		return this.#removed;
	}

	/** The receiver is not there, and nobody is to wait for it. */
	get isDown(): boolean {
		return this.receiver === undefined && !this.#awaited && this.spec.whileDown === 'drop';
	}

	/** Whether senders that block should wait for a receiver that is not there. */
	setAwaited(awaited: boolean): void {
		if (this.#awaited === awaited) return;
		this.#awaited = awaited;
		this.#touchAll();
	}

	/** A sender has nothing left to send with, and this link is why. */
	get blocking(): boolean {
		if (this.spec.overflow !== 'block') return false;
		for (const { sender } of this.paths) if (sender.credited && sender.exhausted) return true;
		return false;
	}

	#hand(receiver: Receiver, lane: Lane<Path>, path: Path, buffer: Buffer, start: number, end: number, frames: number): void {
		this.notify(receiver);
		this.#untilSample -= frames;
		if (this.#untilSample < 0) {
			this.#untilSample = latencyEvery;
			const sentAt = buffer.readUInt32LE(start + 24) + buffer.readUInt32LE(start + 28) * 2 ** 32;
			if (sentAt > 0) this.latency.add(this.#clock.epochMicros() - sentAt);
		}
		receiver.hand(path, lane, buffer, start, end, frames);
		path.sender.touched();
	}

	#queue(path: Path, buffer: Buffer, start: number, end: number, frames: number, request: boolean): number {
		const { overflow } = this.spec;
		if (overflow === 'drop-oldest') {
			this.#push(path, buffer, start, end, frames, request);
			// what may be handed over makes room first: nothing is dropped that the receiver would take
			if (this.#waits === 'no') this.feed();
			this.mailbox.dropOldest(this.spec, this.#dropper('drop_oldest'));
			return frames;
		}
		if (overflow === 'latest') {
			this.mailbox.clear(this.#dropper('latest'));
			const last = lastFrameAt(buffer, start, frames);
			if (frames > 1) this.drop(path.sender, frames - 1, frameSeq(buffer, start), 0, 'latest');
			this.#push(path, buffer, last, end, 1, request);
			return frames;
		}
		if (overflow === 'drop-newest') return this.#fit(path, buffer, start, end, frames, request, this.spec, 'drop_newest');
		const down = this.isDown;
		if (!path.sender.credited) {
			return this.#fit(path, buffer, start, end, frames, request, this.spec, down ? 'receiver_down' : 'no_credit_sender');
		}
		if (down) return this.#fit(path, buffer, start, end, frames, request, this.spec, 'receiver_down');
		if (path.sender.inGrace) {
			const twice = { messages: this.spec.messages * 2, bytes: this.spec.bytes * 2 };
			return this.#fit(path, buffer, start, end, frames, request, twice, 'credit_exceeded');
		}
		// sent under credit: there is room by what was granted
		this.#push(path, buffer, start, end, frames, request);
		return frames;
	}

	/** Queues what is within the limits and drops the rest. */
	#fit(
		path: Path,
		buffer: Buffer,
		start: number,
		end: number,
		frames: number,
		request: boolean,
		limits: Limits,
		reason: DropReason,
	): number {
		const fits =
			frames === 1 ? Number(this.mailbox.hasRoom(limits, end - start)) : this.mailbox.fitting(limits, buffer, start, frames);
		if (fits === frames) {
			this.#push(path, buffer, start, end, frames, request);
			return frames;
		}
		const cut = offsetAfter(buffer, start, fits);
		if (fits > 0) this.#push(path, buffer, start, cut, fits, request);
		const last = lastFrameAt(buffer, cut, frames - fits);
		this.drop(path.sender, frames - fits, frameSeq(buffer, cut), frameSeq(buffer, last), reason);
		if (request) path.sender.requestDropped(frameCorr(buffer, cut), reason);
		return fits;
	}

	#push(path: Path, buffer: Buffer, start: number, end: number, frames: number, request: boolean): void {
		path.queuedFrames += frames;
		path.queuedBytes += end - start;
		this.mailbox.push(path, buffer, start, end, frames, request);
	}

	#leaves(path: Path, frames: number, bytes: number): void {
		path.queuedFrames -= frames;
		path.queuedBytes -= bytes;
		if (!path.left) return;
		this.leftFrames -= frames;
		this.leftBytes -= bytes;
		// whoever left this behind is not there to be given the room
		this.#touchAll();
	}

	#dropper(reason: DropReason): OnDrop<Path> {
		return (path, frames, bytes, firstSeq, lastSeq, corr) => {
			this.#leaves(path, frames, bytes);
			this.drop(path.sender, frames, firstSeq, lastSeq, reason);
			if (corr !== undefined) path.sender.requestDropped(corr, reason);
			path.sender.touched();
		};
	}

	#touchAll(): void {
		for (const path of this.paths) path.sender.touched();
	}

	/** Frames that were handed over and that nobody will report: the receiver has ended. */
	unconfirmed(path: Path, frames: number): void {
		this.drop(path.sender, frames, 0, 0, 'unconfirmed');
	}
}

/** Its receiver reports at once, so that what is fresh need not wait. */
export const isFresh = ({ overflow }: LinkSpec): boolean => overflow === 'latest' || overflow === 'drop-oldest';

const inFlightLimit = ({ overflow, messages }: LinkSpec): number =>
	overflow === 'latest' ? 1 : overflow === 'drop-oldest' && messages <= freshMessages ? messages : Number.POSITIVE_INFINITY;

function laneOf(path: Path, receiver: Receiver): Lane<Path> {
	const { lane } = path;
	return lane !== undefined && lane.receiver === receiver ? lane : receiver.bind(path);
}
