/** One type as one connected runtime sends it: where it goes, and how much more of it may be sent. */
import type { Codec, CreditEntry, DropReason } from '@orch/protocol/data';
import { Admission, type Misfit, type Refusal } from './admission.ts';
import { creditAheadBytes, sampleMs } from './limits.ts';
import { type Link, Path, type Sender } from './link.ts';
import { frameSeq, lastFrameAt, offsetAfter } from './mailbox.ts';
import type { RouterClock } from './router-clock.ts';
import type { Schema } from './schemas.ts';
import type { Pending, Turn } from './turn.ts';
import type { Producer, TypesSeen } from './types-seen.ts';

/** Counts messages that no link takes. */
export interface Unrouted {
	count(frames: number, bytes: number): void;
}

/** The connection that sends. */
export interface Origin {
	readonly port: number;
	readonly runtime: string;
	readonly name: string;
	/** It understands credits. */
	readonly credited: boolean;
	readonly checked: boolean;
	/** Says what may be sent from now on; false when it cannot be told now, and will be asked for again. */
	grant(entry: CreditEntry): boolean;
	/** Asks for a pong behind everything that is under way; it is told to the sources by `passed`. */
	barrier(): number;
	requestDropped(corr: number, type: string, reason: DropReason): void;
	/** A message did not fit a schema. */
	refused(misfit: Misfit): void;
}

export interface SourceOptions {
	readonly origin: Origin;
	readonly typeId: number;
	readonly type: string;
	readonly codec: Codec;
	/** Of the last data frame that it has sent before. */
	readonly lastSeq: number;
	readonly turn: Turn;
	readonly clock: RouterClock;
	readonly seen: TypesSeen;
	readonly unrouted: () => Unrouted;
	/** Messages came that no credit covered. */
	readonly onExceeded: (frames: number) => void;
}

export class Source implements Sender, Pending, Producer {
	readonly typeId: number;
	readonly type: string;
	readonly codec: Codec;
	readonly port: number;
	readonly runtime: string;
	readonly name: string;
	readonly checked: boolean;
	readonly credited: boolean;
	readonly #options: SourceOptions;
	#paths: Path[] = [];
	#blocking: Path[] = [];
	#unrouted: Unrouted | undefined;
	#frames = 0;
	#bytes = 0;
	/** How long the messages of the last run were. */
	#lastBytes = 0;
	/** What the sender has been told; a source without credits is never told. */
	#limit: 'none' | 'unlimited' | 'counted' = 'none';
	#grantedFrames = 0;
	#grantedBytes = 0;
	#grace = 0;
	#touched = false;
	#closed = false;
	readonly #clock: RouterClock;
	#admission: Admission | undefined;
	#refused = 0;
	/** When the next message is to be looked at: at once where there is a schema, else to keep one of late. */
	#lookAtMs = Number.NEGATIVE_INFINITY;
	#sampleAtMs = Number.NEGATIVE_INFINITY;
	/** Of the last data frame. */
	lastSeq: number;

	constructor(options: SourceOptions) {
		this.#options = options;
		const { origin } = options;
		this.typeId = options.typeId;
		this.type = options.type;
		this.codec = options.codec;
		this.port = origin.port;
		this.runtime = origin.runtime;
		this.name = origin.name;
		this.checked = origin.checked;
		this.credited = origin.credited;
		this.lastSeq = options.lastSeq;
		this.#clock = options.clock;
		options.seen.opened(this);
	}

	get messages(): number {
		return this.#frames;
	}

	get refused(): number {
		return this.#refused;
	}

	get paths(): readonly Path[] {
		return this.#paths;
	}

	get inGrace(): boolean {
		return this.#grace !== 0;
	}

	get exhausted(): boolean {
		return this.#limit === 'counted' && (this.#frames >= this.#grantedFrames || this.#bytes >= this.#grantedBytes);
	}

	/**
	 * Goes by these links from now on, all of them at once; what is queued by those that stay is kept. `schemaOf` gives what the
	 * project of a runtime demands of the type.
	 */
	route(links: readonly Link[], schemaOf: (runtime: string) => Schema | undefined): void {
		const old = this.#paths;
		this.#paths = links.map((link) => old.find((path) => path.link === link) ?? new Path(this, link));
		for (const path of old) if (!this.#paths.includes(path)) path.link.detach(path);
		for (const path of this.#paths) if (!old.includes(path)) path.link.attach(path);
		this.#blocking = this.#paths.filter(({ link }) => link.spec.overflow === 'block');
		this.#admission = Admission.of(this.codec, this.#clock, schemaOf(this.runtime), this.#paths, schemaOf);
		this.#lookAtMs = this.#admission === undefined ? this.#sampleAtMs : Number.NEGATIVE_INFINITY;
		this.touched();
	}

	/** Frames of this type that lie one behind the other. Gives how many mailboxes took the last one. */
	accept(buffer: Buffer, start: number, end: number, frames: number): number {
		if (this.#clock.nowMs < this.#lookAtMs) return this.#take(buffer, start, end, frames);
		if (this.#admission !== undefined) return this.#takeFitting(this.#admission, buffer, start, end, frames);
		this.#sample(buffer, frames === 1 ? start : lastFrameAt(buffer, start, frames));
		return this.#take(buffer, start, end, frames);
	}

	#take(buffer: Buffer, start: number, end: number, frames: number): number {
		const bytes = end - start;
		const paths = this.#paths;
		const over = this.#limit === 'counted' && this.#grace === 0 ? this.#excess(buffer, start, frames, bytes) : 0;
		this.#frames += frames;
		this.#bytes += bytes;
		this.#lastBytes = bytes / frames;
		if (paths.length === 0) {
			this.#unrouted ??= this.#options.unrouted();
			this.#unrouted.count(frames, bytes);
			return 0;
		}
		if (over > 0) return this.#takePart(over, buffer, start, end, frames);
		if (paths.length === 1) return (paths[0] as Path).link.offer(paths[0] as Path, buffer, start, end, frames, false) > 0 ? 1 : 0;
		let taken = 0;
		for (let index = 0; index < paths.length; index++) {
			const path = paths[index] as Path;
			if (path.link.offer(path, buffer, start, end, frames, false) > 0) taken += 1;
		}
		return taken;
	}

	/** Of frames with gaps in between, what lies together goes together. */
	#takeFitting(admission: Admission, buffer: Buffer, start: number, end: number, frames: number): number {
		const refusals = admission.judge(buffer, start, frames);
		let taken = 0;
		let from = start;
		let at = start;
		let fitting = 0;
		for (const refusal of refusals) {
			const next = at + buffer.readUInt32LE(at + 4);
			if (refusal === undefined) {
				fitting += 1;
			} else {
				if (fitting > 0) this.#takeSampled(buffer, from, at, fitting);
				taken = this.#refuse(refusal, buffer, at, next);
				from = next;
				fitting = 0;
			}
			at = next;
		}
		return fitting > 0 ? this.#takeSampled(buffer, from, end, fitting) : taken;
	}

	#takeSampled(buffer: Buffer, start: number, end: number, frames: number): number {
		if (this.#clock.nowMs >= this.#sampleAtMs) this.#sample(buffer, lastFrameAt(buffer, start, frames));
		return this.#take(buffer, start, end, frames);
	}

	/** One frame that does not go by some of the links, or by none. */
	#refuse({ misfit, paths }: Refusal, buffer: Buffer, start: number, end: number): number {
		this.#countRefused(misfit);
		this.#options.origin.refused(misfit);
		if (paths !== undefined) {
			const over = this.#limit === 'counted' && this.#grace === 0 ? this.#excess(buffer, start, 1, end - start) : 0;
			this.#frames += 1;
			this.#bytes += end - start;
			return this.#takePart(over, buffer, start, end, 1, paths);
		}
		this.#frames += 1;
		this.#bytes += end - start;
		for (const path of this.#paths) path.link.refuse(path, buffer, start, 1, 'schema', false);
		return 0;
	}

	#countRefused(misfit: Misfit): void {
		this.#refused += 1;
		this.#options.seen.refused(this, misfit);
	}

	#sample(buffer: Buffer, at: number): void {
		this.#options.seen.sample(this, buffer, at);
		this.#sampleAtMs = this.#clock.nowMs + sampleMs;
		if (this.#admission === undefined) this.#lookAtMs = this.#sampleAtMs;
	}

	/** Why a request may not go by this path; counted, then, at its link. */
	refuseRequest(path: Path, buffer: Buffer, start: number): Misfit | undefined {
		const [refusal] = this.#admission?.judge(buffer, start, 1) ?? [];
		if (refusal === undefined || refusal.paths?.has(path) === false) return undefined;
		this.#countRefused(refusal.misfit);
		path.link.refuse(path, buffer, start, 1, 'schema', false);
		return refusal.misfit;
	}

	/** Counts a message that goes straight by this path, whatever the links are; gives why it may not. */
	admitDirect(
		path: Path,
		schemaOf: (runtime: string) => Schema | undefined,
		buffer: Buffer,
		start: number,
		end: number,
	): Misfit | undefined {
		this.#frames += 1;
		this.#bytes += end - start;
		const admission = Admission.of(this.codec, this.#clock, schemaOf(this.runtime), [path], schemaOf);
		const misfit = admission?.judge(buffer, start, 1)[0]?.misfit;
		if (misfit !== undefined) this.#countRefused(misfit);
		else if (this.#clock.nowMs >= this.#sampleAtMs) this.#sample(buffer, start);
		return misfit;
	}

	/** A request, which goes by this one path. */
	acceptRequest(path: Path, buffer: Buffer, start: number, end: number): void {
		if (this.#clock.nowMs >= this.#sampleAtMs) this.#sample(buffer, start);
		const over = path.link.spec.overflow === 'block' && this.#limit === 'counted' && this.#grace === 0 && this.exhausted;
		this.#frames += 1;
		this.#bytes += end - start;
		if (over) {
			this.#options.onExceeded(1);
			path.link.refuse(path, buffer, start, 1, 'credit_exceeded', true);
		} else {
			path.link.offer(path, buffer, start, end, 1, true);
		}
		this.touched();
	}

	/** A request that goes nowhere counts like any other message of its type: the sender counts it, too. */
	countRequest(bytes: number): void {
		this.#frames += 1;
		this.#bytes += bytes;
		this.touched();
	}

	/** A request that no link takes. */
	unroutedRequest(bytes: number): void {
		this.countRequest(bytes);
		this.#unrouted ??= this.#options.unrouted();
		this.#unrouted.count(1, bytes);
	}

	requestDropped(corr: number, reason: DropReason): void {
		this.#options.origin.requestDropped(corr, this.type, reason);
	}

	touched(): void {
		if (this.#touched || !this.credited || this.#closed) return;
		this.#touched = true;
		this.#options.turn.addSource(this);
	}

	/** The end of a turn in which something has changed: tells the sender if it may send notably more. */
	settle(): void {
		this.#touched = false;
		if (this.#closed || this.#limit === 'none') return;
		this.#adjust();
	}

	/** The first credit, to go with the answer to the declaration. */
	opening(): CreditEntry {
		this.#limit = this.#blocking.length === 0 ? 'unlimited' : 'counted';
		if (this.#limit === 'counted') this.#raise(this.#allowance());
		return this.#entry();
	}

	/** The pong to barrier `number` is here. */
	passed(number: number): void {
		if (this.#grace !== 0 && this.#grace <= number) {
			this.#grace = 0;
			this.touched();
		}
	}

	/** The sender is gone; what it has queued stays where it is. */
	close(): void {
		this.#closed = true;
		this.#options.seen.closed(this);
		for (const path of this.#paths) path.link.detach(path);
		this.#paths = [];
		this.#blocking = [];
	}

	#adjust(): void {
		const { origin } = this.#options;
		if (this.#blocking.length === 0) {
			if (this.#limit === 'unlimited') return;
			this.#limit = 'unlimited';
			this.#grace = 0;
			if (!origin.grant(this.#entry())) this.#limit = 'counted';
			return;
		}
		const allowance = this.#allowance();
		if (this.#limit === 'unlimited') {
			this.#limit = 'counted';
			this.#grantedFrames = 0;
			this.#grantedBytes = 0;
			this.#raise(allowance);
			if (origin.grant(this.#entry())) this.#grace = origin.barrier();
			else this.#limit = 'unlimited';
			return;
		}
		// half of what there is at most: often enough to keep nobody waiting, seldom enough to cost little
		const moreFrames = allowance.frames - this.#grantedFrames;
		const moreBytes = allowance.bytes - this.#grantedBytes;
		if (moreFrames < Math.max(1, allowance.mostFrames / 2) && moreBytes < Math.max(1, allowance.mostBytes / 2)) return;
		const { entry, undo } = this.#raise(allowance);
		if (!origin.grant(entry)) undo();
	}

	#raise({ frames, bytes }: { readonly frames: number; readonly bytes: number }): {
		readonly entry: CreditEntry;
		readonly undo: () => void;
	} {
		const before = [this.#grantedFrames, this.#grantedBytes] as const;
		this.#grantedFrames = Math.max(this.#grantedFrames, frames);
		this.#grantedBytes = Math.max(this.#grantedBytes, bytes);
		return {
			entry: this.#entry(),
			undo: () => {
				[this.#grantedFrames, this.#grantedBytes] = before;
			},
		};
	}

	#entry(): CreditEntry {
		const unlimited = this.#limit === 'unlimited';
		return { typeId: this.typeId, frames: this.#grantedFrames, bytes: this.#grantedBytes, unlimited };
	}

	/** Up to where may be sent as things are, by the slowest of the links that block; and the most that could be allowed at once. */
	#allowance(): { frames: number; bytes: number; mostFrames: number; mostBytes: number } {
		let frames = Number.POSITIVE_INFINITY;
		let bytes = Number.POSITIVE_INFINITY;
		let mostFrames = Number.POSITIVE_INFINITY;
		let mostBytes = Number.POSITIVE_INFINITY;
		// before the first message nobody knows how long they are
		const averageBytes = this.#frames === 0 ? Number.POSITIVE_INFINITY : Math.max(this.#bytes / this.#frames, this.#lastBytes);
		for (const path of this.#blocking) {
			const { link } = path;
			const { messages, bytes: limitBytes } = link.spec;
			const sharers = Math.max(1, link.creditedPaths);
			const { receiver } = link;
			const shareFrames = Math.max(1, Math.floor(messages / sharers));
			let shareBytes = Math.max(1, Math.floor(limitBytes / sharers));
			// what ended connections have left in the mailbox is no room for those that came after
			let roomFrames = Math.max(0, shareFrames - Math.ceil(link.leftFrames / sharers));
			let roomBytes = Math.max(0, shareBytes - link.leftBytes / sharers);
			let aheadFrames = 0;
			let aheadBytes = 0;
			let queuedFrames = path.queuedFrames;
			let queuedBytes = path.queuedBytes;
			if (receiver !== undefined) {
				// beside the mailbox there is room in the receiver's socket, which a message count can only estimate
				const { lane } = path;
				const windowBytes = lane?.receiver === receiver ? Math.max(0, lane.limitBytes - lane.bytes) : 0;
				aheadBytes = Math.min(windowBytes, receiver.outbox.roomBytes) / sharers;
				aheadFrames = Math.floor(aheadBytes / averageBytes);
				shareBytes = Math.min(shareBytes, creditAheadBytes);
				roomBytes = Math.min(roomBytes, creditAheadBytes);
			} else if (link.isDown) {
				// what does not fit is dropped, so that a type is not held up by a receiver that is not there
				queuedFrames = 0;
				queuedBytes = 0;
				roomFrames = shareFrames;
				roomBytes = shareBytes;
			}
			frames = Math.min(frames, this.#frames - queuedFrames + roomFrames + aheadFrames);
			bytes = Math.min(bytes, this.#bytes - queuedBytes + roomBytes + aheadBytes);
			mostFrames = Math.min(mostFrames, shareFrames + aheadFrames);
			mostBytes = Math.min(mostBytes, shareBytes + aheadBytes);
		}
		return { frames, bytes: Math.floor(bytes), mostFrames, mostBytes };
	}

	/** How many of these frames are sent without credit. */
	#excess(buffer: Buffer, start: number, frames: number, bytes: number): number {
		if (this.#frames + frames <= this.#grantedFrames && this.#bytes + bytes <= this.#grantedBytes) return 0;
		let within = 0;
		let sentBytes = this.#bytes;
		for (let at = start; within < frames; within++) {
			if (this.#frames + within >= this.#grantedFrames || sentBytes >= this.#grantedBytes) break;
			const length = buffer.readUInt32LE(at + 4);
			sentBytes += length;
			at += length;
		}
		return frames - within;
	}

	/** Links that block take what was sent under credit, all others take everything; `refusing` take nothing, for its schema. */
	#takePart(
		over: number,
		buffer: Buffer,
		start: number,
		end: number,
		frames: number,
		refusing: ReadonlySet<Path> = nobody,
	): number {
		if (over > 0) this.#options.onExceeded(over);
		const within = frames - over;
		const cut = within === frames ? end : offsetAfter(buffer, start, within);
		let taken = 0;
		for (const path of [...this.#paths]) {
			const { link } = path;
			if (refusing.has(path)) {
				link.refuse(path, buffer, start, frames, 'schema', false);
				continue;
			}
			if (over === 0 || link.spec.overflow !== 'block') {
				if (link.offer(path, buffer, start, end, frames, false) > 0) taken += 1;
				continue;
			}
			if (within > 0) link.offer(path, buffer, start, cut, within, false);
			link.refuse(path, buffer, cut, over, 'credit_exceeded', false);
		}
		return taken;
	}

	/** The number of the next message, of a source whose frames are made here. */
	takeSeq(): number {
		this.lastSeq = (this.lastSeq + 1) >>> 0;
		return this.lastSeq;
	}

	/** Remembers the sequence number of the last of these data frames. */
	sawSeq(buffer: Buffer, lastAt: number): void {
		this.lastSeq = frameSeq(buffer, lastAt);
	}
}

const nobody: ReadonlySet<Path> = new Set();
