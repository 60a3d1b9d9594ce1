/** What a program holds in its hand: the same with orch around it and without. */
import type { Codec } from '@orch/protocol/data';
import type { ConnectionEvents, EventListener } from './events.ts';
import type { Handler, Message, Replier } from './message.ts';
import type { AskOptions } from './pending.ts';

/** Type name → payload. */
export type MessageMap = Record<string, unknown>;

/** Type name → what is asked and what is answered. */
export type CallMap<Calls> = { [Type in keyof Calls]: { readonly request: unknown; readonly reply: unknown } };

export type Status =
	/** The first try, or a later one after a break. */
	| 'connecting'
	| 'connected'
	/** `close()` was called; what waits is being sent. */
	| 'closing'
	| 'closed'
	/** Given up: see `closed` for the reason. */
	| 'failed'
	/** Not under orch: everything is accepted and goes nowhere. */
	| 'detached';

export interface Counters {
	/** Messages and requests accepted since `connect()`. */
	readonly sent: number;
	/** Messages and requests handed to handlers. */
	readonly received: number;
	/** Messages and requests that wait for credit or for a connection. */
	readonly waiting: number;
	/** Bytes that have come and wait for their handlers. */
	readonly parkedBytes: number;
	/** Requests, control ones included, that wait for an answer. */
	readonly asking: number;
	/** Answers that came after their question had ended. */
	readonly late: number;
	/** Messages that went nowhere because the program does not run under orch. */
	readonly discarded: number;
}

export interface SubscribeOptions {
	/** Payloads of codec raw are valid only until the handler returns, and cost no copy. */
	readonly view?: boolean;
}

export interface ReplyOptions {
	/** How many requests may be answered at a time: 1 unless said. */
	readonly concurrency?: number;
}

export interface CloseOptions {
	/** How long to wait for what is still to be sent: 5 seconds unless said. */
	readonly timeoutMs?: number;
}

type Names<Map> = keyof Map & string;
type Call<Calls, Type extends keyof Calls, Part extends 'request' | 'reply'> = Calls[Type] extends {
	readonly [P in Part]: infer Value;
}
	? Value
	: unknown;

export interface Connection<
	Messages extends object = MessageMap,
	Calls extends CallMap<Calls> = Record<string, { request: unknown; reply: unknown }>,
> {
	readonly status: Status;
	/** Whether messages flow now. */
	readonly connected: boolean;
	/** Who this program is under orch. */
	readonly runtime: { readonly id: string; readonly name: string };
	readonly counters: Counters;
	/** Resolves with the first welcome; rejects when there will never be one. */
	readonly opened: Promise<void>;
	/** Resolves when `close()` is done; rejects when the connection is given up. */
	readonly closed: Promise<void>;
	/** Aborted when the system asks the process to end. Whoever reads this takes it on to end it. */
	readonly shutdown: AbortSignal;

	/** Resolves once the message is accepted: at once while there is credit. From then on its payload may be changed. */
	send<Type extends Names<Messages>>(type: Type, data: Messages[Type]): Promise<void>;
	/** False, and nothing is sent, where `send` would have to wait. */
	trySend<Type extends Names<Messages>>(type: Type, data: Messages[Type]): boolean;
	/** Hands each message of this type to `handler`, one after the other; returns what ends that. */
	on<Type extends Names<Messages>>(type: Type, handler: Handler<Messages[Type]>, options?: SubscribeOptions): () => void;
	/** Hands on messages of all types. */
	onAny(handler: Handler<Messages[Names<Messages>]>, options?: SubscribeOptions): () => void;
	/** Asks whoever the links lead to and resolves with the first answer. */
	request<Type extends Names<Calls>>(
		type: Type,
		data: Call<Calls, Type, 'request'>,
		options?: AskOptions,
	): Promise<Call<Calls, Type, 'reply'>>;
	/** Answers requests of this type; returns what ends that. */
	reply<Type extends Names<Calls>>(
		type: Type,
		handler: Replier<Call<Calls, Type, 'request'>, Call<Calls, Type, 'reply'>>,
		options?: ReplyOptions,
	): () => void;
	/** Tells orch that this program is ready; resolves when that has been handed over. */
	ready(): Promise<void>;
	/** Asks orchd for an operation, such as `runtime.start`; only privileged runtimes may. */
	control(operation: string, params?: object, options?: AskOptions): Promise<unknown>;
	/** Tells what happens to the connection. */
	onEvent<Name extends keyof ConnectionEvents>(name: Name, listener: EventListener<ConnectionEvents[Name]>): () => void;
	/** Sends what waits, then leaves. No handler is called any more. */
	close(options?: CloseOptions): Promise<void>;
}

/** The same without types: what the implementations are written against. */
export interface AnyConnection {
	readonly status: Status;
	readonly connected: boolean;
	readonly runtime: { readonly id: string; readonly name: string };
	readonly counters: Counters;
	readonly opened: Promise<void>;
	readonly closed: Promise<void>;
	readonly shutdown: AbortSignal;
	send(type: string, data: unknown): Promise<void>;
	trySend(type: string, data: unknown): boolean;
	on(type: string, handler: Handler<never>, options?: SubscribeOptions): () => void;
	onAny(handler: Handler<never>, options?: SubscribeOptions): () => void;
	request(type: string, data: unknown, options?: AskOptions): Promise<unknown>;
	reply(type: string, handler: (data: never, message: Message) => unknown, options?: ReplyOptions): () => void;
	ready(): Promise<void>;
	control(operation: string, params?: object, options?: AskOptions): Promise<unknown>;
	onEvent<Name extends keyof ConnectionEvents>(name: Name, listener: EventListener<ConnectionEvents[Name]>): () => void;
	close(options?: CloseOptions): Promise<void>;
}

export interface Identity {
	readonly socket: string;
	readonly token: string;
	readonly runtime: { readonly id: string; readonly name: string };
}

export interface ConnectionLimits {
	/** Messages that may wait for credit or for a connection before `send` refuses more. */
	readonly maxWaitingMessages: number;
	/** And their bytes. One longer message may wait alone. */
	readonly maxWaitingBytes: number;
	/** Bytes of received messages that may wait for their handlers before reading stops. */
	readonly maxParkedBytes: number;
}

export const defaultLimits: ConnectionLimits = {
	maxWaitingMessages: 65_536,
	maxWaitingBytes: 64 * 1024 * 1024,
	maxParkedBytes: 64 * 1024 * 1024,
};

export interface ConnectionSetup {
	readonly identity: Identity;
	readonly codecOf: (type: string) => Codec;
	readonly limits: ConnectionLimits;
}
