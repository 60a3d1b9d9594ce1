/** A runtime that speaks frames: messages pass as they lie in memory, credit and reports say how fast. */
import type { Socket } from 'node:net';
import {
	type Codec,
	type CreditEntry,
	creditEntryBytes,
	type DataErrorCode,
	type DeclareBody,
	directHeaderBytes,
	type DropReason,
	type ErrorBody,
	FrameFlag,
	FrameKind,
	headerBytes,
	type HelloBody,
	makeFrame,
	maxFrameBytes,
	maxPingBytes,
	maxTypesPerRuntime,
	readU32,
	codecs,
	type TypeEntry,
	type WelcomeBody,
	dataProtocol,
	writeCredit,
	writeU32,
} from '@orch/protocol/data';
import { hasMoreValues, pack, unpack } from '@orch/protocol/wire';
import type { Misfit } from './admission.ts';
import { tooManyValues, whyNotAsked } from './controls.ts';
import { Feed } from './feed.ts';
import { FrameInput, type FrameSink, isDirect, payloadAt } from './frame-input.ts';
import { FrameVoice } from './frame-voice.ts';
import type { Lane } from './lane.ts';
import { maxTranscodedValues, maxUnreadAskingBytes, maxUnreadReplyBytes, windowBytes } from './limits.ts';
import { isFresh, type Notice, type Path } from './link.ts';
import { frameCorr, frameSeq } from './mailbox.ts';
import type { Outbox } from './outbox.ts';
import { type Hub, type Peer, type PendingRequest, type PortView, type Reply, Sources } from './peer.ts';
import { PeerSocket } from './peer-socket.ts';
import { Refusals } from './refusals.ts';
import { ReportedLanes } from './reported-lanes.ts';
import { Source } from './source.ts';
import { typeNameProblem } from './type-registry.ts';
import { fromBytes, fromJson, replyUnsaid, type Unsaid } from './lines.ts';

export interface BinaryPeerOptions {
	readonly socket: Socket;
	readonly hub: Hub;
	readonly view: PortView;
	readonly generation: number;
	readonly port: number;
	readonly hello: HelloBody;
	/** Of what this process has sent before, by type id. */
	readonly lastSeqs: ReadonlyMap<number, number>;
}

/** What a barrier's ping carries before its number: other pings are not ours. */
const barrierMark = 0x6863726f;

export class BinaryPeer implements Peer, FrameSink {
	readonly codec = 'binary';
	readonly credited = true;
	readonly checked = false;
	readonly answers = true;
	readonly generation: number;
	readonly port: number;
	readonly sources: Sources;
	readonly feed: Feed<Path>;
	readonly outbox: Outbox;
	/** The longest frame it takes, and sends. */
	readonly maxBytes: number;
	readonly #hub: Hub;
	readonly #view: PortView;
	readonly #socket: PeerSocket;
	readonly #input: FrameInput;
	readonly #refusals: Refusals;
	readonly #voice: FrameVoice;
	readonly #lanes: ReportedLanes;
	#lastSource: Source | undefined;
	#barriers = 0;
	#controls = 0;
	#ready = false;

	constructor(options: BinaryPeerOptions) {
		const { socket, hub, view } = options;
		this.#hub = hub;
		this.#view = view;
		this.generation = options.generation;
		this.port = options.port;
		this.maxBytes = Math.min(maxFrameBytes, options.hello.maxFrame);
		this.#input = new FrameInput(this, hub.turn, hub.memory);
		this.#socket = new PeerSocket({
			socket,
			clock: hub.clock,
			turn: hub.turn,
			log: hub.log,
			input: this.#input,
			drained: () => this.#drained(),
			finished: () => this.#finished(),
			discarded: (bytes) => this.discard(bytes),
			closed: () => this.#closed(),
		});
		this.outbox = this.#socket.outbox;
		this.feed = new Feed(this.outbox);
		this.#lanes = new ReportedLanes(this);
		this.#voice = new FrameVoice({
			outbox: this.outbox,
			isPrompt: (type) => this.isPrompt(type),
			overflowed: () => view.fault('reply_overflow'),
		});
		this.#refusals = new Refusals({
			clock: hub.clock,
			turn: hub.turn,
			tell: (refused) => this.#voice.error({ code: 'schema', fatal: false, ...refused }),
		});
		this.sources = new Sources(
			(typeId, type, codec) => this.#newSource(typeId, type, codec, options.lastSeqs.get(typeId) ?? 0),
			(source) => hub.route(source),
		);
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

	/** The answer to the hello; then what waited for this runtime. */
	welcome(types: readonly TypeEntry[], lost: readonly { readonly type: string; readonly count: number }[] | undefined): void {
		for (const { id, prompt } of types) this.#voice.toldType(id, prompt === true);
		const body: WelcomeBody = {
			proto: dataProtocol.max,
			port: this.port,
			runtime: { id: this.runtime, name: this.name },
			maxFrame: this.maxBytes,
			reports: true,
			windowBytes,
			types,
			...(lost && lost.length > 0 ? { lost } : {}),
		};
		this.#voice.put({ kind: FrameKind.welcome }, pack(body));
	}

	/** Reads on; first the bytes that came behind the hello. */
	start(rest: Buffer): void {
		this.#socket.start(rest);
	}

	connected(): void {
		this.feed.pump();
	}

	deafen(): void {
		this.outbox.shut();
	}

	end(): void {
		if (this.open) this.#voice.put({ kind: FrameKind.bye }, nothing);
		this.#socket.end();
	}

	destroy(): void {
		this.#socket.destroy();
	}

	messages(typeId: number, buffer: Buffer, start: number, end: number, frames: number, lastAt: number): void {
		let source = this.#lastSource;
		if (source === undefined || source.typeId !== typeId) {
			source = this.sources.get(typeId);
			if (source === undefined) {
				this.#unknownType(typeId, frames);
				return;
			}
			this.#lastSource = source;
		}
		source.accept(buffer, start, end, frames);
		source.sawSeq(buffer, lastAt);
		source.touched();
	}

	frame(kind: number, buffer: Buffer, start: number, end: number): void {
		switch (kind) {
			case FrameKind.request:
				return this.#request(buffer, start, end);
			case FrameKind.reply:
				return this.#reply(buffer, start, end);
			case FrameKind.credit:
				return this.#reported(buffer, start, end);
			case FrameKind.declare:
				return this.#declare(body(buffer.subarray(payloadAt(buffer, start), end)));
			case FrameKind.ping: {
				const payload = buffer.subarray(start, end).subarray(payloadAt(buffer, start) - start);
				if (payload.length > maxPingBytes)
					return this.#refuse('protocol', `a ping carries at most ${maxPingBytes} bytes, this one ${payload.length}`);
				this.#voice.say({ kind: FrameKind.pong }, Buffer.from(payload));
				return;
			}
			case FrameKind.pong: {
				const at = payloadAt(buffer, start);
				if (end - at === 8 && readU32(buffer, at) === barrierMark) this.sources.passed(readU32(buffer, at + 4));
				return;
			}
			case FrameKind.control:
				return this.#control(readU32(buffer, start + 20), buffer.subarray(payloadAt(buffer, start), end));
			case FrameKind.ready:
				this.#ready = true;
				this.#hub.ready(this);
				return;
			case FrameKind.bye:
				this.#socket.endReading();
				return;
			case FrameKind.hello:
				return this.#refuse('protocol', 'this connection has said hello already');
			default:
				return this.#refuse('protocol', `a client sends no frames of kind ${kind}`);
		}
	}

	discard(bytes: number): void {
		this.#view.fault('discarded_bytes', bytes);
	}

	fault(fault: string, detail: number): void {
		switch (fault) {
			case 'too_large':
				return this.#fail('too_large', `a frame announced ${detail} bytes, at most ${this.maxBytes} are taken`);
			case 'spoof':
				this.#hub.spoofed(this.runtime, detail);
				return this.#fail('spoof', `a frame claims to be sent by port ${detail}, this connection is port ${this.port}`);
			case 'bad_magic':
				return this.#fail('protocol', 'what follows the last frame does not begin like a frame');
			default:
				return this.#fail('protocol', `the lengths in the header of a frame contradict each other (frame: ${detail} bytes)`);
		}
	}

	bind(path: Path): Lane<Path> {
		const { typeId, port } = path.sender;
		this.#voice.tellType({ id: typeId, name: path.sender.type, codec: path.sender.codec });
		this.#voice.tellPeer(port, path.sender.runtime, path.sender.name);
		path.lane = this.#lanes.of(typeId);
		return path.lane;
	}

	hand(path: Path, lane: Lane<Path>, buffer: Buffer, start: number, end: number, frames: number): void {
		if (this.maxBytes < maxFrameBytes) return this.#handFitting(path, lane, buffer, start, frames);
		path.handed(lane, frames, end - start);
		this.outbox.append(buffer, start, end);
		if (lane.asks(end - start, this.#hub.clock.nowMs)) this.outbox.append(askForReport, 0, askForReport.length);
	}

	tell(notices: Iterable<Notice>): void {
		for (const notice of notices) this.#voice.put({ kind: FrameKind.dropped }, pack({ ...notice }));
	}

	grant(entry: CreditEntry): boolean {
		const payload = new Uint8Array(creditEntryBytes);
		writeCredit(payload, 0, entry);
		return this.#voice.say({ kind: FrameKind.credit }, payload);
	}

	barrier(): number {
		this.#barriers += 1;
		const payload = new Uint8Array(8);
		writeU32(payload, 0, barrierMark);
		writeU32(payload, 4, this.#barriers);
		this.#voice.put({ kind: FrameKind.ping }, payload);
		return this.#barriers;
	}

	requestDropped(corr: number, _type: string, reason: DropReason): void {
		this.#hub.requestDropped(this, corr, reason);
	}

	refused(misfit: Misfit): void {
		this.#view.fault('schema');
		this.#refusals.add(misfit);
	}

	requestFailed(corr: number, type: string, code: DataErrorCode, message: string): void {
		this.#voice.put({ kind: FrameKind.error }, pack({ code, message, fatal: false, corr, type } satisfies ErrorBody));
	}

	requestRefused(corr: number, type: string, code: DataErrorCode, message: string): void {
		this.#voice.refusal({ code, message, fatal: false, corr, type });
	}

	reply(request: PendingRequest, reply: Reply): void {
		if (this.outbox.unsentBytes > maxUnreadReplyBytes) {
			this.#view.fault('reply_overflow');
			this.requestFailed(request.corr, request.type, 'busy', 'the reply found no room: too much of what was sent here is unread');
			return;
		}
		const { replier } = request;
		this.#voice.tellPeer(replier.port, replier.runtime, replier.name);
		switch (reply.kind) {
			case 'frame':
				if (reply.end - reply.start > this.maxBytes) return this.#replyTooLong(request, reply.end - reply.start);
				this.outbox.append(reply.buffer, reply.start, reply.end);
				return;
			case 'json':
				return this.#putSaid(request, fromJson(request.codec, reply.text));
			case 'bytes':
				return this.#putReply(request, 0, fromBytes(request.codec, reply.bytes));
			case 'error':
				return this.#putReply(request, FrameFlag.error, pack({ code: reply.code, message: reply.message }));
		}
	}

	relinked(): void {
		for (const typeId of this.#lanes.typeIds) {
			const entry = this.#hub.types.byId(typeId);
			if (entry !== undefined) this.#voice.tellType(entry);
		}
	}

	/** Whether messages of a type are to be reported one by one. */
	isPrompt(type: string): boolean {
		for (const link of this.#view.links) if (link.spec.type === type && isFresh(link.spec)) return true;
		return false;
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
			onExceeded: (frames) => this.#view.fault('credit_exceeded', frames),
		});
	}

	#drained(): void {
		this.feed.pump();
		// credit that could not be told
		this.sources.touched();
	}

	#finished(): void {
		if (this.#input.pendingBytes === 0) return;
		this.#voice.lastWords('protocol', 'the connection was ended within a frame, which was not taken');
	}

	#closed(): void {
		if (this.#input.pendingBytes > 0) this.#view.fault('truncated');
		this.#refusals.end();
		this.#view.closed(this);
		this.#lanes.abandon();
	}

	#request(buffer: Buffer, start: number, end: number): void {
		const typeId = readU32(buffer, start + 8);
		const corr = readU32(buffer, start + 20);
		const source = this.sources.get(typeId);
		if (source === undefined) {
			this.#view.fault('unknown_type');
			this.#voice.refusal({
				code: 'unknown_type',
				message: `type ${typeId} has not been declared on this connection`,
				fatal: false,
				corr,
			});
			return;
		}
		this.#hub.ask(source, this, corr, buffer, start, end);
	}

	#reply(buffer: Buffer, start: number, end: number): void {
		if (!isDirect(buffer, start)) return this.#refuse('protocol', 'a reply names the port that it goes to');
		const error = ((buffer[start + 2] as number) & FrameFlag.error) !== 0;
		this.#hub.answer(this, readU32(buffer, start + 32), readU32(buffer, start + 20), {
			kind: 'frame',
			buffer,
			start,
			end,
			error,
		});
	}

	#reported(buffer: Buffer, start: number, end: number): void {
		const wrong = this.#lanes.report(buffer, payloadAt(buffer, start), end, this.#hub.clock.nowMs);
		if (wrong > 0) this.#view.fault('bad_report', wrong);
		this.feed.pump();
	}

	#declare(declared: unknown): void {
		const types = (declared as Partial<DeclareBody> | undefined)?.types;
		if (!Array.isArray(types)) return this.#refuse('protocol', 'a declaration lists types');
		if (types.length > maxTypesPerRuntime)
			return this.#fail('protocol', `a declaration lists at most ${maxTypesPerRuntime} types, this one ${types.length}`);
		if (this.outbox.unsentBytes > maxUnreadAskingBytes)
			return this.#fail('protocol', 'types are declared without the answers being read');
		const entries: TypeEntry[] = [];
		const opened: Source[] = [];
		for (const one of types as readonly unknown[]) {
			const { name, codec } = (typeof one === 'object' && one !== null ? one : {}) as { name?: unknown; codec?: unknown };
			const problem =
				typeNameProblem(name) ??
				(codecs.includes(codec as Codec) ? undefined : `the codec of a type is one of ${codecs.join(', ')}`);
			if (problem !== undefined) {
				this.#view.fault('invalid_type');
				this.#voice.refusal({
					code: 'invalid_type',
					message: problem,
					fatal: false,
					...(typeof name === 'string' ? { type: name.slice(0, 255) } : {}),
				});
				continue;
			}
			const source = this.#open(name as string, codec as Codec);
			if (source === undefined) continue;
			opened.push(source);
			entries.push({
				id: source.typeId,
				name: source.type,
				codec: source.codec,
				...(this.isPrompt(source.type) ? { prompt: true } : {}),
			});
			this.#voice.toldType(source.typeId, this.isPrompt(source.type));
		}
		if (opened.length === 0) return;
		this.#voice.put({ kind: FrameKind.typedef }, pack({ types: entries }));
		const credits = new Uint8Array(opened.length * creditEntryBytes);
		for (const [index, source] of opened.entries()) writeCredit(credits, index * creditEntryBytes, source.opening());
		this.#voice.put({ kind: FrameKind.credit }, credits);
	}

	#open(name: string, codec: Codec): Source | undefined {
		const entry = this.#view.typeFor(name, codec, this.sources);
		if (typeof entry !== 'string') return this.sources.open(entry.id, name, codec);
		this.#view.fault('too_many_types');
		this.#voice.refusal({ code: 'too_many_types', message: entry, fatal: false, type: name });
		return undefined;
	}

	#control(corr: number, payload: Buffer): void {
		const asked = body(payload);
		if (asked === unread) {
			// the number of the request is in there, but client libraries have it in the header, too
			if (corr === 0) return this.#refuse('too_large', tooManyValues.message);
			return this.#voice.answer({ kind: FrameKind.control }, pack([2, corr, tooManyValues]));
		}
		const [kind, id, operation, params] = Array.isArray(asked) ? (asked as unknown[]) : [];
		if (kind !== 0 || typeof id !== 'number' || typeof operation !== 'string')
			return this.#refuse('protocol', 'a control request is [0, id, operation, params]');
		const refusal = whyNotAsked(this, this.#controls);
		if (refusal !== undefined) return this.#voice.answer({ kind: FrameKind.control }, pack([2, id, refusal]));
		this.#controls += 1;
		this.#hub.control(this, operation, params ?? {}, (outcome) => {
			const answer = pack('ok' in outcome ? [1, id, outcome.ok] : [2, id, outcome.error]);
			this.#controls -= 1;
			const tooLong = headerBytes + answer.length > this.maxBytes;
			const message = `the answer has ${answer.length} bytes, this connection takes frames of at most ${this.maxBytes}`;
			this.#voice.put({ kind: FrameKind.control }, tooLong ? pack([2, id, { code: 'too_large', message }]) : answer);
		});
	}

	/** A client that takes shorter frames than others gets those that it takes. */
	#handFitting(path: Path, lane: Lane<Path>, buffer: Buffer, start: number, frames: number): void {
		let at = start;
		for (let index = 0; index < frames; index++) {
			const length = readU32(buffer, at + 4);
			const next = at + length;
			if (length > this.maxBytes) {
				path.link.drop(path.sender, 1, frameSeq(buffer, at), frameSeq(buffer, at), 'too_large');
				if (buffer[at + 1] === FrameKind.request) path.sender.requestDropped(frameCorr(buffer, at), 'too_large');
			} else {
				path.link.notify(this);
				path.handed(lane, 1, length);
				this.outbox.append(buffer, at, next);
				if (lane.asks(length, this.#hub.clock.nowMs)) this.outbox.append(askForReport, 0, askForReport.length);
			}
			at = next;
		}
	}

	#unknownType(typeId: number, frames: number): void {
		this.#view.fault('unknown_type', frames);
		this.#voice.error({ code: 'unknown_type', message: `type ${typeId} has not been declared on this connection`, fatal: false });
	}

	/** What cannot be done, of a stream that can be read on. */
	#refuse(code: DataErrorCode, message: string): void {
		this.#view.fault(code);
		this.#voice.error({ code, message, fatal: false });
	}

	/** What makes reading on impossible. */
	#fail(code: DataErrorCode, message: string): void {
		this.#view.fault(code);
		this.#voice.lastWords(code, `${message}; from there on nothing of this connection was taken`);
		this.#socket.endReading();
	}

	#putSaid(request: PendingRequest, said: Buffer | Unsaid): void {
		if (typeof said !== 'string') return this.#putReply(request, 0, said);
		const { code, message } = replyUnsaid[said];
		this.requestFailed(request.corr, request.type, code, message);
	}

	#putReply(request: PendingRequest, flags: number, payload: Uint8Array): void {
		const { typeId, corr, replier } = request;
		if (directHeaderBytes + payload.length > this.maxBytes)
			return this.#replyTooLong(request, directHeaderBytes + payload.length);
		this.#voice.put(
			{ kind: FrameKind.reply, flags, typeId, src: replier.port, corr, dst: this.port, ts: this.#hub.clock.epochMicros() },
			payload,
		);
	}

	#replyTooLong({ corr, type }: PendingRequest, bytes: number): void {
		this.requestFailed(corr, type, 'too_large', `the reply takes ${bytes} bytes, this connection at most ${this.maxBytes}`);
	}
}

const nothing = new Uint8Array(0);
/** A client answers it behind everything that came before, and with what it writes go its reports. */
const askForReport = Buffer.from(makeFrame({ kind: FrameKind.ping }, nothing).buffer);

const unread = Symbol('unread');

/** The MessagePack body of a control frame, undefined when it is none; `unread` where reading it would hold up everybody else. */
function body(payload: Buffer): unknown {
	if (hasMoreValues(payload, maxTranscodedValues)) return unread;
	try {
		return unpack(payload);
	} catch {
		// whoever looks at it finds that it lacks what it should have, and says so
		return undefined;
	}
}
