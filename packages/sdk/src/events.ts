/** What happens to a connection, for whoever wants to know. */
import type { DroppedBody } from '@orch/protocol/data';
import { type OrchError, throwLater } from './error.ts';

export interface ConnectionEvents {
	/** Messages flow; `resumed`: as the sender that this process was before. */
	connected: { readonly port: number; readonly resumed: boolean };
	/** The connection is gone; the next try comes by itself. */
	disconnected: { readonly reason: string; readonly retryInMs: number };
	/** Messages of ours that had been accepted never reached a mailbox, because a connection or the router died. */
	lost: { readonly type: string; readonly count: number };
	/** Messages for us were dropped: told before the next one of that sender and type. */
	dropped: DroppedBody;
	/** Something was refused (a message: MessageRefused), or could not be read; the connection goes on. */
	error: OrchError;
	/** The connection is given up for good. */
	failed: OrchError;
}

export type EventListener<Event> = (event: Event) => void;

export class EventHub {
	readonly #listeners = new Map<keyof ConnectionEvents, Set<EventListener<never>>>();

	/** Returns what ends the subscription. */
	on<Name extends keyof ConnectionEvents>(name: Name, listener: EventListener<ConnectionEvents[Name]>): () => void {
		const listeners = this.#listeners.get(name) ?? new Set();
		this.#listeners.set(name, listeners);
		listeners.add(listener);
		return () => void listeners.delete(listener);
	}

	/** An error of a listener is an uncaught one, as with any event emitter, but harms neither us nor other listeners. */
	emit<Name extends keyof ConnectionEvents>(name: Name, event: ConnectionEvents[Name]): void {
		for (const listener of [...(this.#listeners.get(name) ?? [])]) {
			try {
				(listener as EventListener<ConnectionEvents[Name]>)(event);
			} catch (error) {
				throwLater(error);
			}
		}
	}
}
