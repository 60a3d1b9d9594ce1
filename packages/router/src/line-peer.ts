/** A runtime that speaks lines of JSON, in our dialect or in Veecle's. */
import { isUtf8 } from 'node:buffer';
import type { Socket } from 'node:net';
import {
	type Codec,
	type CreditEntry,
	type DataErrorCode,
	type DropReason,
	FrameKind,
	maxFrameBytes,
	headerBytes,
} from '@orch/protocol/data';
import type { ReadTarget } from './adopt-socket.ts';
import type { Misfit } from './admission.ts';
import type { Dialect, LineSpeaker } from './dialect.ts';
import { whyNotAsked } from './controls.ts';
import { Feed } from './feed.ts';
import { FrameBuilder } from './frame-builder.ts';
import type { Lane } from './lane.ts';
import { LineDelivery } from './line-delivery.ts';
import { LineInput, type LineSink } from './line-input.ts';
import { maxLineBytes, maxUnreadRefusalBytes, maxUnreadReplyBytes } from './limits.ts';
import type { Notice, Path } from './link.ts';
import { replyUnsaid } from './lines.ts';
import type { Outbox } from './outbox.ts';
import {
	type ControlOutcome,
	type Hub,
	type Peer,
	type PeerCodec,
	type PendingRequest,
	type PortView,
	type Reply,
	Sources,
} from './peer.ts';
import { PeerSocket } from './peer-socket.ts';
import { Refusals } from './refusals.ts';
import { Source } from './source.ts';
import { typeNameProblem } from './type-registry.ts';

export interface LinePeerOptions {
	readonly socket: Socket;
	readonly hub: Hub;
	readonly view: PortView;
	readonly generation: number;
	readonly port: number;
	readonly dialect: Dialect;
	/** Of what this process has sent before, by type id: its numbers go on from there. */
	readonly lastSeqs: ReadonlyMap<number, number>;
}

const shared = Buffer.allocUnsafeSlow(64 * 1024);

export class LinePeer implements Peer, LineSink, LineSpeaker {
	readonly credited = false;
	readonly checked = true;
	readonly generation: number;
	readonly port: number;
	readonly sources: Sources;
	readonly feed: Feed<Path>;
	readonly outbox: Outbox;
	readonly #hub: Hub;
	readonly #view: PortView;
	readonly #dialect: Dialect;
	readonly #socket: PeerSocket;
	readonly #input: LineInput;
	readonly #delivery: LineDelivery;
	readonly #refusals: Refusals;
	readonly #builder: FrameBuilder;
	/** By codec and name. */
	readonly #named = new Map<string, Source>();
	/** The client's own ids of its requests. */
	readonly #ids = new Map<number, string>();
	#corr = 0;
	#controls = 0;
	#ready = false;

	constructor(options: LinePeerOptions) {
		const { socket, hub, view, dialect } = options;
		this.#hub = hub;
		this.#view = view;
		this.#dialect = dialect;
		this.generation = options.generation;
		this.port = options.port;
		this.#input = new LineInput(this);
		this.#builder = new FrameBuilder(hub.clock);
		this.#socket = new PeerSocket({
			socket,
			clock: hub.clock,
			turn: hub.turn,
			log: hub.log,
			input: this.#target(),
			drained: () => this.feed.pump(),
			finished: () => this.#finished(),
			discarded: (bytes) => view.fault('discarded_bytes', bytes),
			closed: () => this.#closed(),
		});
		this.outbox = this.#socket.outbox;
		this.feed = new Feed(this.outbox);
		this.#refusals = new Refusals({
			clock: hub.clock,
			turn: hub.turn,
			tell: ({ message, ...of }) => {
				const line = dialect.error('schema', message, undefined, of);
				if (line !== undefined) this.#say(line);
			},
		});
		this.#delivery = new LineDelivery(this, this.#socket, dialect);
		this.sources = new Sources(
			(typeId, type, codec) => this.#newSource(typeId, type, codec, options.lastSeqs.get(typeId) ?? 0),
			(source) => hub.route(source),
		);
	}

	get codec(): PeerCodec {
		return this.#dialect.codec;
	}

	get answers(): boolean {
		return this.#dialect.answers;
	}

	get runtime(): string {
		return this.#view.runtime;
	}

	get name(): string {
		return this.#view.name;
	}

	get privileged(): boolean {
		return this.#view.privileged;
	}

	get isReady(): boolean {
		return this.#ready;
	}

	get bytesRead(): number {
		return this.#socket.bytesRead;
	}

	get open(): boolean {
		return this.#socket.open;
	}

	/** Reads on; first the bytes that came before it was known who speaks. */
	start(rest: Buffer): void {
		this.#socket.start(rest);
	}

	connected(): void {
		this.feed.pump();
	}

	relinked(): void {}

	deafen(): void {
		this.outbox.shut();
	}

	end(): void {
		this.#socket.end();
	}

	destroy(): void {
		this.#socket.destroy();
	}

	lines(buffer: Buffer, start: number, end: number): void {
		const valid = isUtf8(buffer.subarray(start, end));
		for (let at = start; at < end && this.open; ) {
			const stop = buffer.indexOf(0x0a, at);
			let lineEnd = stop;
			while (lineEnd > at && isBlank(buffer[lineEnd - 1] as number)) lineEnd--;
			if (lineEnd > at) this.#dialect.take(this, buffer, at, lineEnd, valid || isUtf8(buffer.subarray(at, lineEnd)));
			at = stop + 1;
		}
	}

	tooLong(): void {
		this.complain('too_large', 'a line is longer than the 16 MiB that are taken: it was thrown away');
	}

	/** A message of the client. Gives its source, so that the dialect may remember it. */
	message(type: string, codec: Codec, buffer: Buffer, start: number, end: number): Source | undefined {
		const source = this.source(type, codec);
		if (source !== undefined) this.add(source, buffer, start, end);
		return source;
	}

	add(source: Source, buffer: Buffer, start: number, end: number): void {
		if (headerBytes + end - start > maxFrameBytes) this.complain('too_large', tooLong);
		else this.#builder.add(source, buffer, start, end);
	}

	/** A request of the client, which calls it `id` (a JSON value, as text). */
	request(type: string, codec: Codec, payload: Buffer, id: string): void {
		if (headerBytes + payload.length > maxFrameBytes) return this.complain('too_large', tooLong, id);
		const source = this.source(type, codec, id);
		if (source === undefined) return;
		this.#corr = (this.#corr + 1) >>> 0;
		const corr = this.#corr;
		this.#ids.set(corr, id);
		const { buffer, start, end } = this.#builder.single(
			{ kind: FrameKind.request, typeId: source.typeId, src: this.port, corr },
			payload,
		);
		this.#hub.ask(source, this, corr, buffer, start, end);
	}

	/** The client answers what came to it as request `re`. */
	answer(re: string, reply: Reply): void {
		const [src, corr] = re.split('.', 2).map(Number);
		if (src === undefined || corr === undefined || !Number.isInteger(src) || !Number.isInteger(corr)) {
			this.complain(
				'protocol',
				`no request has the id ${JSON.stringify(re.slice(0, 64))}: a reply carries in "re" the "id" of its request`,
			);
			return;
		}
		this.#hub.answer(this, src, corr, reply);
	}

	ready(): void {
		this.#ready = true;
		this.#hub.ready(this);
	}

	/** An operation that the client asks orchd for. Gives why not, where orchd is not asked. */
	control(operation: string, params: unknown, done: (outcome: ControlOutcome) => void): ControlOutcome | undefined {
		const error = whyNotAsked(this, this.#controls);
		if (error !== undefined) return { error };
		this.#controls += 1;
		this.#hub.control(this, operation, params, (outcome) => {
			done(outcome);
			this.#controls -= 1;
		});
		return undefined;
	}

	/** Something is wrong with what the client sends: it is counted, and said where the dialect has words for it. */
	complain(code: DataErrorCode, message: string, re?: string): void {
		this.#view.fault(code);
		const line = this.#dialect.error(code, message, re);
		if (line === undefined) return;
		if (re === undefined) this.#say(line);
		else this.refuse(line);
	}

	/** The answer to something that was taken. */
	put(line: string): void {
		this.outbox.put(Buffer.from(`${line}\n`));
	}

	/** What is refused at once to a client that waits for an answer. */
	refuse(line: string): void {
		if (!this.outbox.say(Buffer.from(`${line}\n`), maxUnreadRefusalBytes)) this.#view.fault('reply_overflow');
	}

	/** The source of a type, by its name; undefined, and the client is told (of its request `re`), when it cannot be had. */
	source(type: string, codec: Codec, re?: string): Source | undefined {
		const key = `${codec} ${type}`;
		const known = this.#named.get(key);
		if (known !== undefined) return known;
		const problem = typeNameProblem(type);
		if (problem !== undefined) {
			this.complain('invalid_type', problem, re);
			return undefined;
		}
		const entry = this.#view.typeFor(type, codec, this.sources);
		if (typeof entry === 'string') {
			this.complain('too_many_types', entry, re);
			return undefined;
		}
		const source = this.sources.open(entry.id, type, codec);
		this.#named.set(key, source);
		return source;
	}

	bind(path: Path): Lane<Path> {
		return this.#delivery.bind(path);
	}

	hand(path: Path, lane: Lane<Path>, buffer: Buffer, start: number, _end: number, frames: number): void {
		this.#delivery.hand(path, lane, buffer, start, frames);
	}

	tell(notices: Iterable<Notice>): void {
		for (const notice of notices) {
			const line = this.#dialect.notice(notice);
			if (line !== undefined) this.put(line);
		}
	}

	grant(_entry: CreditEntry): boolean {
		return true;
	}

	barrier(): number {
		return 0;
	}

	requestDropped(corr: number, _type: string, reason: DropReason): void {
		this.#hub.requestDropped(this, corr, reason);
	}

	refused(misfit: Misfit): void {
		this.#view.fault('schema');
		this.#refusals.add(misfit);
	}

	requestFailed(corr: number, _type: string, code: DataErrorCode, message: string): void {
		const line = this.#dialect.error(code, message, this.#takeId(corr));
		if (line !== undefined) this.put(line);
	}

	requestRefused(corr: number, _type: string, code: DataErrorCode, message: string): void {
		const line = this.#dialect.error(code, message, this.#takeId(corr));
		if (line !== undefined) this.refuse(line);
	}

	reply(request: PendingRequest, reply: Reply): void {
		if (this.outbox.unsentBytes > maxUnreadReplyBytes) {
			this.#view.fault('reply_overflow');
			this.requestFailed(request.corr, request.type, 'busy', 'the reply found no room: too much of what was sent here is unread');
			return;
		}
		const id = this.#takeId(request.corr);
		if (id === undefined) return;
		const said = this.#dialect.reply(request, reply, id);
		if (typeof said !== 'string' && Buffer.byteLength(said.line) <= maxLineBytes) return this.put(said.line);
		const { code, message } = typeof said === 'string' ? replyUnsaid[said] : replyTooLong;
		const error = this.#dialect.error(code, message, id);
		if (error !== undefined) this.put(error);
	}

	/** A notice; a client that does not read may be left without. */
	#say(line: string): void {
		this.outbox.say(Buffer.from(`${line}\n`));
	}

	/** Everything of a line that is kept is copied, so all line clients are read into the same memory. */
	#target(): ReadTarget {
		const receive = (chunk: Buffer) => {
			this.#builder.begin();
			this.#input.receive(chunk);
			this.#builder.flush();
		};
		return { space: () => shared, arrived: (bytes) => receive(shared.subarray(0, bytes)), receive };
	}

	#finished(): void {
		if (this.#input.pendingBytes === 0) return;
		const line = this.#dialect.error('protocol', 'the last line has no newline at its end: it was not taken', undefined);
		if (line !== undefined) this.put(line);
	}

	#closed(): void {
		if (this.#input.pendingBytes > 0) this.#view.fault('truncated');
		this.#refusals.end();
		this.#view.closed(this);
		this.#delivery.abandon();
	}

	#takeId(corr: number): string | undefined {
		const id = this.#ids.get(corr);
		this.#ids.delete(corr);
		return id;
	}

	#newSource(typeId: number, type: string, codec: Codec, lastSeq: number): Source {
		return new Source({
			origin: this,
			typeId,
			type,
			codec,
			lastSeq,
			turn: this.#hub.turn,
			clock: this.#hub.clock,
			seen: this.#hub.seen,
			unrouted: () => this.#hub.unrouted(this.runtime, type),
			onExceeded: () => {},
		});
	}
}

const tooLong = 'a message is longer than the 16 MiB that are taken';
const replyTooLong = { code: 'too_large', message: 'the reply is longer than a line may be, which is 16 MiB' } as const;
const isBlank = (byte: number): boolean => byte === 0x20 || byte === 0x0d || byte === 0x09;
