/**
 * A connection that lasts: it joins the parts, and opens a new session whenever one ends, until it is closed or refused.
 *
 * At most once: what a broken session may have carried is never sent again; the router counts it and says so.
 */
import {
	dataProtocol,
	type DroppedBody,
	type ErrorBody,
	FrameFlag,
	FrameKind,
	headerBytes,
	type HelloBody,
	maxFrameBytes,
	type PeerBody,
	readCredits,
	type TypedefBody,
	type WelcomeBody,
} from '@orch/protocol/data';
import { takeControlAnswer, takeReply } from './answers.ts';
import { BatchWriter } from './batch-writer.ts';
import type { Clock, Timer } from './clock.ts';
import { pack } from './codec.ts';
import type {
	AnyConnection,
	CloseOptions,
	ConnectionSetup,
	Counters,
	ReplyOptions,
	Status,
	SubscribeOptions,
} from './connection.ts';
import { MessageRefused, OrchError } from './error.ts';
import { type ConnectionEvents, EventHub, type EventListener } from './events.ts';
import type { Handler, Message, Replier } from './message.ts';
import { type AskOptions, PendingTable } from './pending.ts';
import { unpack } from './plain-msgpack.ts';
import { Receiver } from './receiver.ts';
import { Sender } from './sender.ts';
import { Session } from './session.ts';
import { settleable } from './settleable.ts';
import { Shutdown } from './shutdown.ts';
import { agent } from './version.ts';

const firstRetryMs = 10;
const maxRetryMs = 1000;
/** A session that lasted this long was a good one: the next retry comes soon again. */
const goodSessionMs = 1000;
const defaultCloseMs = 5000;

/** Another try would end in the same way. */
const finalErrors: readonly string[] = ['bad_token', 'version'];

export class LiveConnection implements AnyConnection {
	readonly opened: Promise<void>;
	readonly closed: Promise<void>;
	readonly #setup: ConnectionSetup;
	readonly #clock: Clock;
	readonly #say: (sentence: string) => void;
	readonly #hub = new EventHub();
	readonly #shutdown = new Shutdown();
	readonly #writer: BatchWriter;
	readonly #sender: Sender;
	readonly #receiver: Receiver;
	readonly #pending: PendingTable;
	readonly #opening = settleable();
	readonly #closing = settleable();
	/** What goes out as soon as there is a connection. */
	readonly #whenConnected = new Set<{ readonly run: () => void; readonly fail: (error: Error) => void }>();
	#status: Status = 'connecting';
	#session: Session | undefined;
	#runtime: { readonly id: string; readonly name: string };
	/** 0 until the first welcome. */
	#port = 0;
	/** Consecutive tries without a good session. */
	#tries = 0;
	#welcomed = false;
	#welcomedAtMicros = 0;
	#retryTimer: Timer | undefined;
	/** After a break the router may be another one, so each gets told. */
	#isReady = false;
	#endedBy: OrchError | undefined;
	#saidOccupied = false;
	#closePromise: Promise<void> | undefined;

	constructor(setup: ConnectionSetup, clock: Clock, say: (sentence: string) => void) {
		this.#setup = setup;
		this.#clock = clock;
		this.#say = say;
		this.#runtime = setup.identity.runtime;
		this.opened = this.#opening.promise;
		this.closed = this.#closing.promise;
		this.#pending = new PendingTable(clock, () => this.#receiver.readOn());
		this.#writer = new BatchWriter(clock, {
			beforeFlush: () => this.#receiver.flushing(),
			opened: () => this.#sender.resume(),
		});
		this.#sender = new Sender({
			writer: this.#writer,
			codecOf: setup.codecOf,
			maxWaitingMessages: setup.limits.maxWaitingMessages,
			maxWaitingBytes: setup.limits.maxWaitingBytes,
			waits: () => this.#receiver.readOn(),
			declare: (types) => this.#writer.control({ kind: FrameKind.declare }, pack({ types })),
		});
		this.#receiver = new Receiver({
			writer: this.#writer,
			clock,
			maxParkedBytes: setup.limits.maxParkedBytes,
			dropped: (dropped) => this.#hub.emit('dropped', dropped),
			failed: (error) => this.#hub.emit('error', error),
			isAwaiting: () => this.#sender.isAwaiting || this.#pending.size > 0,
			resume: () => this.#session?.resume(),
		});
		this.#open();
	}

	get status(): Status {
		return this.#status;
	}

	get connected(): boolean {
		return this.#status === 'connected';
	}

	get runtime(): { readonly id: string; readonly name: string } {
		return this.#runtime;
	}

	get counters(): Counters {
		return {
			sent: this.#sender.sent,
			received: this.#receiver.received,
			waiting: this.#sender.waitingMessages,
			parkedBytes: this.#receiver.parkedBytes,
			asking: this.#pending.size,
			late: this.#pending.late,
			discarded: 0,
		};
	}

	get shutdown(): AbortSignal {
		return this.#shutdown.signal;
	}

	send(type: string, data: unknown): Promise<void> {
		return this.#sender.send(type, data);
	}

	trySend(type: string, data: unknown): boolean {
		return this.#sender.trySend(type, data);
	}

	on(type: string, handler: Handler<never>, { view = false }: SubscribeOptions = {}): () => void {
		return this.#receiver.subscribe(type, { handler: handler as Handler<unknown>, view });
	}

	onAny(handler: Handler<never>, { view = false }: SubscribeOptions = {}): () => void {
		return this.#receiver.subscribeAny({ handler: handler as Handler<unknown>, view });
	}

	request(type: string, data: unknown, options: AskOptions = {}): Promise<unknown> {
		return this.#pending.ask(`request of type "${type}"`, options, (id, sent, failed) =>
			this.#sender.request(type, data, id, sent, failed),
		);
	}

	reply(type: string, handler: (data: never, message: Message) => unknown, { concurrency = 1 }: ReplyOptions = {}): () => void {
		return this.#receiver.answer(type, handler as Replier<unknown, unknown>, concurrency);
	}

	ready(): Promise<void> {
		return new Promise((resolve, reject) => {
			this.#once(() => {
				this.#isReady = true;
				this.#writer.control({ kind: FrameKind.ready }, noBytes);
				resolve();
			}, reject);
		});
	}

	control(operation: string, params: object = {}, options: AskOptions = {}): Promise<unknown> {
		return this.#pending.ask(`control request "${operation}"`, options, (id, sent, failed) => {
			// before it waits: nobody would hear of what is wrong with it later
			const asked = packControl(id, operation, params);
			return this.#once(() => {
				this.#writer.control({ kind: FrameKind.control, corr: id }, asked);
				sent();
			}, failed);
		});
	}

	onEvent<Name extends keyof ConnectionEvents>(name: Name, listener: EventListener<ConnectionEvents[Name]>): () => void {
		return this.#hub.on(name, listener);
	}

	close(options: CloseOptions = {}): Promise<void> {
		this.#closePromise ??= this.#close(options.timeoutMs ?? defaultCloseMs);
		return this.#closePromise;
	}

	async #close(timeoutMs: number): Promise<void> {
		if (this.#status === 'failed') return;
		const error = new OrchError('closed', 'The connection is closed: close() was called');
		this.#status = 'closing';
		this.#receiver.close();
		this.#shutdown.close();
		await new Promise<void>((resolve) => {
			const timer = this.#clock.setTimer(timeoutMs, resolve);
			this.#sender.close(error, () => {
				timer.cancel();
				resolve();
			});
		});
		// a function so that the compiler forgets what it knew of the status before the wait
		if (this.#hasFailed()) return;
		this.#endAll(error);
		this.#retryTimer?.cancel();
		this.#status = 'closed';
		if (!this.#session) {
			this.#closing.resolve();
		} else if (!this.#welcomed) {
			this.#session.abort('closed by this side');
		} else {
			this.#receiver.report();
			this.#writer.control({ kind: FrameKind.bye }, noBytes);
			this.#writer.flush();
			// what the router still asks would be written behind the end, which takes with it what is not out yet
			this.#writer.detach();
			this.#session.end(timeoutMs);
		}
		await this.closed;
	}

	#hasFailed(): boolean {
		return this.#status === 'failed';
	}

	/** Calls `run` as soon as there is a connection, which may be at once; returns what calls it off. */
	#once(run: () => void, fail: (error: Error) => void): (() => void) | undefined {
		if (this.#endedBy) {
			fail(this.#endedBy);
			return undefined;
		}
		if (this.#welcomed) {
			run();
			return undefined;
		}
		const waiting = { run, fail };
		this.#whenConnected.add(waiting);
		return () => void this.#whenConnected.delete(waiting);
	}

	/** Nothing is sent any more, and nothing that waits will be. */
	#endAll(error: OrchError): void {
		this.#endedBy = error;
		this.#sender.end(error);
		this.#pending.end(error);
		for (const { fail } of [...this.#whenConnected]) fail(error);
		this.#whenConnected.clear();
		this.#opening.reject(error);
	}

	#open(): void {
		const hello: HelloBody = {
			protoMin: dataProtocol.min,
			protoMax: dataProtocol.max,
			token: this.#setup.identity.token,
			agent,
			pid: process.pid,
			maxFrame: maxFrameBytes,
			...(this.#port !== 0 && { resume: { port: this.#port, sent: this.#sender.lastSent(), seen: this.#receiver.lastSeen() } }),
		};
		this.#session = new Session({
			path: this.#setup.identity.socket,
			clock: this.#clock,
			hello: pack(hello),
			frame: this.#frame,
			taken: () => {
				this.#receiver.settle();
				return !this.#receiver.full;
			},
			ended: (reason) => this.#ended(reason),
		});
	}

	readonly #frame = (bytes: Buffer, view: DataView, at: number, end: number): void => {
		const kind = bytes[at + 1] as number;
		if (this.#welcomed && kind <= FrameKind.request) {
			this.#receiver.message(bytes, view, at, end);
			return;
		}
		try {
			this.#other(kind, bytes, view, at, end);
		} catch (error) {
			this.#session?.abort(
				`the router sent a frame of kind ${kind} that cannot be read: ${error instanceof Error ? error.message : String(error)}`,
			);
		}
	};

	#other(kind: number, bytes: Buffer, view: DataView, at: number, end: number): void {
		const payloadAt = at + (bytes[at + 3] as number) * 4;
		switch (kind) {
			case FrameKind.reply:
				takeReply(this.#pending, this.#receiver, bytes, view, at, end);
				return;
			case FrameKind.welcome:
				this.#onWelcome(unpack(bytes, payloadAt, end) as WelcomeBody);
				return;
			case FrameKind.typedef:
				for (const entry of (unpack(bytes, payloadAt, end) as TypedefBody).types) {
					this.#receiver.defined(entry);
					this.#sender.defined(entry);
				}
				return;
			case FrameKind.peer:
				this.#receiver.named(unpack(bytes, payloadAt, end) as PeerBody);
				return;
			case FrameKind.credit:
				this.#sender.credited(readCredits(bytes, payloadAt, end));
				return;
			case FrameKind.dropped:
				this.#receiver.droppedFrame(unpack(bytes, payloadAt, end) as DroppedBody, bytes, at, end);
				return;
			case FrameKind.ping:
				this.#receiver.asked();
				this.#writer.control({ kind: FrameKind.pong }, bytes.subarray(payloadAt, end));
				return;
			case FrameKind.error:
				this.#refused(unpack(bytes, payloadAt, end) as ErrorBody);
				return;
			case FrameKind.control:
				takeControlAnswer(this.#pending, unpack(bytes, payloadAt, end));
				return;
			case FrameKind.bye:
				this.#session?.end();
				return;
			default:
				if ((bytes[at + 2] as number) & FrameFlag.critical) throw new Error('it must be understood, and is not known here');
		}
	}

	#onWelcome(welcome: WelcomeBody): void {
		if (this.#welcomed) throw new Error('a connection has one welcome');
		if (welcome.proto < dataProtocol.min || welcome.proto > dataProtocol.max) {
			this.#fail(
				new OrchError(
					'version',
					`Cannot connect to orch: it speaks version ${welcome.proto} of the data protocol, this program ${dataProtocol.max}`,
				),
			);
			return;
		}
		const session = this.#session as Session;
		const resumed = welcome.port === this.#port;
		session.welcomed();
		this.#port = welcome.port;
		this.#runtime = welcome.runtime;
		this.#welcomed = true;
		this.#welcomedAtMicros = this.#clock.epochMicros();
		if (this.#status === 'connecting') this.#status = 'connected';
		const maxFrame = Math.min(welcome.maxFrame, maxFrameBytes);
		this.#receiver.welcomed(welcome.reports, welcome.windowBytes, maxFrame);
		for (const entry of welcome.types) this.#receiver.defined(entry);
		this.#writer.attach(session.socket, welcome.port);
		this.#sender.welcomed(maxFrame, resumed);
		if (this.#isReady) this.#writer.control({ kind: FrameKind.ready }, noBytes);
		for (const { run } of [...this.#whenConnected]) run();
		this.#whenConnected.clear();
		this.#opening.resolve();
		this.#hub.emit('connected', { port: welcome.port, resumed });
		for (const { type, count } of welcome.lost ?? []) this.#hub.emit('lost', { type, count });
	}

	#refused({ code, message, fatal, corr, type, path = '', count = 1 }: ErrorBody): void {
		const error = code === 'schema' ? new MessageRefused(message, { type, path, count }) : new OrchError(code, message);
		if (fatal) {
			if (finalErrors.includes(code)) {
				this.#fail(new OrchError(code, `Cannot connect to orch: ${message}`));
				return;
			}
			if (code === 'already_connected' && this.#port === 0 && !this.#saidOccupied) {
				this.#saidOccupied = true;
				this.#say(`orch: ${message}; this process tries again until it can connect`);
			}
			this.#hub.emit('error', error);
			this.#session?.abort(message);
			return;
		}
		if (corr) {
			this.#pending.fail(corr, error);
			return;
		}
		if (type !== undefined && (code === 'invalid_type' || code === 'too_many_types' || code === 'denied'))
			this.#sender.refused(type, error);
		this.#hub.emit('error', error);
	}

	/** The session is over, whatever the cause. */
	#ended(reason: string): void {
		this.#session = undefined;
		const lastedMs = this.#welcomed ? (this.#clock.epochMicros() - this.#welcomedAtMicros) / 1000 : 0;
		this.#welcomed = false;
		this.#writer.detach();
		this.#sender.disconnected();
		this.#receiver.disconnected();
		this.#pending.disconnected();
		if (this.#status === 'failed') return;
		if (this.#status === 'closed') {
			this.#closing.resolve();
			return;
		}
		if (this.#status === 'connected') this.#status = 'connecting';
		this.#tries = lastedMs >= goodSessionMs ? 0 : this.#tries + 1;
		const fullMs = Math.min(maxRetryMs, firstRetryMs * 2 ** Math.max(0, this.#tries - 1));
		// half of the wait is chance, so that the clients of one router do not all come back at once
		const retryInMs = Math.round(fullMs * (0.5 + this.#clock.chance() / 2));
		this.#retryTimer = this.#clock.setTimer(retryInMs, () => this.#open());
		this.#hub.emit('disconnected', { reason, retryInMs });
	}

	/** Gives up for good. */
	#fail(error: OrchError): void {
		if (this.#status === 'closed') return;
		this.#status = 'failed';
		this.#say(`orch: ${error.message}`);
		this.#session?.abort(error.message);
		this.#receiver.close();
		this.#shutdown.close();
		this.#endAll(error);
		this.#closing.reject(error);
		this.#hub.emit('failed', error);
	}
}

function packControl(id: number, operation: string, params: object): Uint8Array {
	const sentence = `Cannot send the control request "${operation}"`;
	let asked: Uint8Array;
	try {
		asked = pack([0, id, operation, params]);
	} catch (cause) {
		throw new OrchError('codec', `${sentence}: its parameters cannot be written as MessagePack`, { cause });
	}
	const mostBytes = maxFrameBytes - headerBytes;
	if (asked.length <= mostBytes) return asked;
	throw new OrchError('too_large', `${sentence}: it takes ${asked.length} bytes, at most ${mostBytes} are possible`);
}

const noBytes = new Uint8Array(0);
