/** Who sends and asks from outside of any runtime, or in the name of one without being connected as it. */
import type { Codec, CreditEntry, DataErrorCode, DropReason, ReplyErrorBody } from '@orch/protocol/data';
import type { Misfit } from './admission.ts';
import { payloadAt } from './frame-input.ts';
import { fromBytes, fromJson, replyUnsaid } from './lines.ts';
import type { Hub, PendingRequest, Reply, Requester } from './peer.ts';
import { errorBody } from './reply-error.ts';
import type { Origin, Source } from './source.ts';

/** What a request has led to. */
export interface Answer {
	/** Name of the runtime that has replied. */
	readonly from: string;
	readonly codec: Codec;
	readonly body: Uint8Array;
}

/** A request that is not answered, or by an error: whose, where a runtime has replied with one. */
export class NoReply extends Error {
	override readonly name = 'NoReply';
	readonly type: string;
	readonly code: string;
	readonly from: string | undefined;

	constructor(type: string, code: string, message: string, from?: string) {
		super(message);
		this.type = type;
		this.code = code;
		this.from = from;
	}
}

interface Waiting {
	readonly resolve: (answer: Answer) => void;
	readonly reject: (error: Error) => void;
}

/** A sender that nobody is connected as. */
export class Outside implements Origin, Requester {
	readonly #hub: Hub;
	/** Requests that wait for their replies, by their numbers. */
	readonly #waiting = new Map<number, Waiting>();
	#corr = 0;
	readonly port: number;
	readonly runtime: string;
	readonly name: string;
	readonly credited = false;
	readonly checked = false;
	/** What it asks for is handed on at once. */
	readonly outbox = { unsentBytes: 0 };
	readonly sources = new Map<number, Source>();
	/** Of the message that is being sent. */
	misfit: Misfit | undefined;

	constructor(hub: Hub, port: number, runtime: string, name: string) {
		this.#hub = hub;
		this.port = port;
		this.runtime = runtime;
		this.name = name;
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
		this.misfit = misfit;
	}

	/** Waits for the reply to what `send` puts on its way, under the number that it is given. */
	ask(send: (corr: number) => void, signal: AbortSignal): Promise<Answer> {
		return new Promise((resolve, reject) => {
			signal.throwIfAborted();
			this.#corr = (this.#corr + 1) >>> 0;
			const corr = this.#corr;
			const aborted = () => {
				this.#hub.forgetRequest(this, corr);
				this.#settle(corr)?.reject(signal.reason as Error);
			};
			const over = () => signal.removeEventListener('abort', aborted);
			signal.addEventListener('abort', aborted, { once: true });
			this.#waiting.set(corr, {
				resolve: (answer) => {
					over();
					resolve(answer);
				},
				reject: (error) => {
					over();
					reject(error);
				},
			});
			try {
				send(corr);
			} catch (error) {
				this.#settle(corr)?.reject(error as Error);
			}
		});
	}

	reply({ corr, type, codec, replier }: PendingRequest, reply: Reply): void {
		const waiting = this.#settle(corr);
		const failed = ({ code, message }: ReplyErrorBody) => waiting?.reject(new NoReply(type, code, message, replier.name));
		if (reply.kind === 'error') return failed(reply);
		if (reply.kind === 'frame') {
			// a copy: who asked must not hold the memory that it came in
			const frame = Buffer.from(reply.buffer.subarray(reply.start, reply.end));
			const payload = frame.subarray(payloadAt(frame, 0));
			if (reply.error) return failed(errorBody(payload));
			waiting?.resolve({ from: replier.name, codec, body: payload });
			return;
		}
		const body = reply.kind === 'json' ? fromJson(codec, reply.text) : fromBytes(codec, reply.bytes);
		if (typeof body === 'string') failed(replyUnsaid[body]);
		else waiting?.resolve({ from: replier.name, codec, body });
	}

	requestFailed(corr: number, type: string, code: DataErrorCode, message: string): void {
		this.#settle(corr)?.reject(new NoReply(type, code, message));
	}

	requestRefused(corr: number, type: string, code: DataErrorCode, message: string): void {
		this.requestFailed(corr, type, code, message);
	}

	#settle(corr: number): Waiting | undefined {
		const waiting = this.#waiting.get(corr);
		this.#waiting.delete(corr);
		return waiting;
	}
}
