/** What the other side of a connection asks: each call answered once, its items sent while the reader's window and the socket allow. */
import type { Dispatch, ItemSource } from '../dispatch.ts';
import { OrchError, toWireError } from '../errors.ts';
import { platform } from '../platform.ts';
import type { Message } from './messages.ts';

export interface IncomingCallsOptions {
	/** Answers what is asked; without it every request is refused. */
	readonly dispatch: Dispatch | undefined;
	/** How many requests may be under way. */
	readonly limit: number;
	/** Gives why what was to be sent could not be; where it would have been the last of its call, the other side is told that instead. */
	readonly send: (message: Message) => OrchError | undefined;
	/** Whether the socket takes more items now. */
	readonly isWritable: () => boolean;
}

interface IncomingCall {
	readonly controller: { readonly signal: AbortSignal; abort(reason?: unknown): void };
	/** Items that may still be sent. */
	window: number;
	/** Woken when the window opens, the socket takes more, or the call is cancelled. */
	wake: (() => void) | undefined;
}

export class IncomingCalls {
	readonly #options: IncomingCallsOptions;
	readonly #calls = new Map<number, IncomingCall>();
	#onIdle: (() => void) | undefined;

	constructor(options: IncomingCallsOptions) {
		this.#options = options;
	}

	/** Under way. */
	get size(): number {
		return this.#calls.size;
	}

	take(id: number, operation: string, params: unknown, window: number): void {
		const { dispatch, limit, send } = this.#options;
		const refuse = (error: OrchError): void => {
			send({ kind: 'error', id, error: toWireError(error) });
		};
		if (this.#calls.has(id))
			return refuse(new OrchError('protocol.malformed', { reason: `the id ${id} belongs to a request that is under way` }));
		if (this.#calls.size >= limit) return refuse(new OrchError('busy', { what: 'requests on one connection', limit }));
		if (!dispatch) return refuse(new OrchError('operation.unknown', { operation, candidates: [] }));
		const call: IncomingCall = { controller: new platform.AbortController(), window, wake: undefined };
		this.#calls.set(id, call);
		void this.#answer(id, call, dispatch(operation, params, call.controller.signal));
	}

	cancel(id: number): void {
		const call = this.#calls.get(id);
		call?.controller.abort(new OrchError('cancelled', {}));
		call?.wake?.();
	}

	/** The reader of a stream takes so many more items. */
	widen(id: number, more: number): void {
		const call = this.#calls.get(id);
		if (!call) return;
		call.window += more;
		call.wake?.();
	}

	/** The socket takes bytes again. */
	writable(): void {
		for (const call of this.#calls.values()) call.wake?.();
	}

	/** Calls `run` once everything that was asked is answered, at once where it is. */
	whenAnswered(run: () => void): void {
		if (this.#calls.size === 0) run();
		else this.#onIdle = run;
	}

	/** Nobody is there any more to be answered. */
	abort(error: Error): void {
		for (const call of this.#calls.values()) {
			call.controller.abort(error);
			call.wake?.();
		}
		this.#calls.clear();
	}

	async #answer(id: number, call: IncomingCall, dispatched: ReturnType<Dispatch>): Promise<void> {
		// dispatch never rejects: every failure is an outcome
		const outcome = await dispatched;
		const final: Message =
			outcome.kind === 'ok'
				? { kind: 'ok', id, result: outcome.result }
				: outcome.kind === 'error'
					? { kind: 'error', id, error: outcome.error }
					: await this.#pump(id, call, outcome.items);
		this.#calls.delete(id);
		this.#options.send(final);
		if (this.#calls.size === 0) this.#onIdle?.();
	}

	/** Sends items while the reader's window and the socket allow; gives the final message. */
	async #pump(id: number, call: IncomingCall, items: ItemSource): Promise<Message> {
		const { send, isWritable } = this.#options;
		const { signal } = call.controller;
		let give: ((next: undefined) => void) | undefined;
		const cancelled = () => give?.(undefined);
		signal.addEventListener('abort', cancelled, { once: true });
		// not a race with one promise for all items: that would hold each of them for as long as the stream lasts
		const nextOrCancelled = () =>
			new Promise<Awaited<ReturnType<ItemSource['next']>> | undefined>((resolve, reject) => {
				give = resolve;
				items.next().then(resolve, reject);
			});
		try {
			for (;;) {
				while (!signal.aborted && (call.window <= 0 || !isWritable())) {
					await new Promise<void>((resolve) => {
						call.wake = resolve;
					});
					call.wake = undefined;
				}
				if (signal.aborted) break;
				const next = await nextOrCancelled();
				if (next === undefined) break;
				if (next.kind === 'end') return { kind: 'end', id, summary: next.summary };
				if (next.kind === 'error') return { kind: 'error', id, error: next.error };
				call.window--;
				const failure = send({ kind: 'items', id, items: [next.item] });
				if (failure !== undefined) return { kind: 'error', id, error: toWireError(failure) };
			}
			return { kind: 'error', id, error: toWireError(new OrchError('cancelled', {})) };
		} finally {
			signal.removeEventListener('abort', cancelled);
			void items.close();
		}
	}
}
