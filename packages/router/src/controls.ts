/** Operations that privileged runtimes ask orchd for: each goes out as an event, and waits here for its answer. */
import { pack } from '@orch/protocol/wire';
import type { EventStream } from './event-stream.ts';
import { maxControlBytes, maxControlRequests, maxJsonDepth, maxTranscodedValues, maxUnreadAskingBytes } from './limits.ts';
import type { ControlOutcome, Peer } from './peer.ts';

interface OpenControl {
	readonly peer: Peer;
	readonly done: (outcome: ControlOutcome) => void;
}

export interface ControlError {
	readonly code: string;
	readonly message: string;
}

/** Of a request that is not read for it. */
export const tooManyValues: ControlError = {
	code: 'too_large',
	message: `the request has more than the ${maxTranscodedValues} values that are taken`,
};

/** Why orchd is not asked for a client of which so many requests are under way; undefined where it is. */
export function whyNotAsked(
	{ privileged, outbox }: Pick<Peer, 'privileged' | 'outbox'>,
	underWay: number,
): ControlError | undefined {
	if (!privileged) return { code: 'access.denied', message: 'no control privileges' };
	if (underWay >= maxControlRequests)
		return { code: 'busy', message: `${maxControlRequests} control requests are under way already` };
	if (outbox.unsentBytes > maxUnreadAskingBytes)
		return { code: 'busy', message: 'it was not asked: too much of what was sent here is unread' };
	return undefined;
}

export class Controls {
	readonly #events: EventStream;
	readonly #open = new Map<number, OpenControl>();
	#last = 0;

	constructor(events: EventStream) {
		this.#events = events;
	}

	ask(peer: Peer, operation: string, params: unknown, done: (outcome: ControlOutcome) => void): void {
		if (!this.#events.hasReader) {
			done(unreachable);
			return;
		}
		const refusal = whyNotPassedOn(operation, params);
		if (refusal !== undefined) {
			done({ error: refusal });
			return;
		}
		this.#last += 1;
		const request = this.#last;
		this.#open.set(request, { peer, done });
		if (this.#events.publish({ kind: 'control', request, runtime: peer.runtime, operation, params })) return;
		this.#open.delete(request);
		done(overburdened);
	}

	/** One that nobody waits for any more is ignored. */
	answer(request: number, outcome: ControlOutcome): void {
		const control = this.#open.get(request);
		if (control === undefined) return;
		this.#open.delete(request);
		try {
			control.done(outcome);
		} catch (error) {
			// it still has to be answered
			const message = `the answer cannot be passed on: ${error instanceof Error ? error.message : String(error)}`;
			control.done({ error: { code: 'internal', message } });
		}
	}

	/** Whoever asked is gone. */
	gone(peer: Peer): void {
		for (const [request, control] of this.#open) if (control.peer === peer) this.#open.delete(request);
	}

	/** Nobody is there any more who could answer. */
	failAll(): void {
		const controls = [...this.#open.values()];
		this.#open.clear();
		for (const { done } of controls) done(unreachable);
	}
}

/** Of orchd's only connection nothing may be said that cannot be written, or not be read by orchd. */
function whyNotPassedOn(operation: string, params: unknown): ControlError | undefined {
	if (isDeeper(params, maxJsonDepth))
		return {
			code: 'request.invalid',
			message: `its parameters are nested deeper than the ${maxJsonDepth} levels that are taken`,
		};
	let bytes: number;
	try {
		bytes = pack([operation, params]).length;
	} catch (error) {
		return {
			code: 'request.invalid',
			message: `it cannot be passed on: ${error instanceof Error ? error.message : String(error)}`,
		};
	}
	if (bytes <= maxControlBytes) return undefined;
	return { code: 'too_large', message: `the request takes ${bytes} bytes, at most ${maxControlBytes} are taken` };
}

function isDeeper(value: unknown, levels: number): boolean {
	if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return false;
	if (levels === 0) return true;
	return (Array.isArray(value) ? value : Object.values(value)).some((inner) => isDeeper(inner, levels - 1));
}

const unreachable: ControlOutcome = {
	error: { code: 'disconnected', message: 'orchd is not there to be asked: it has been stopped, or is being restarted' },
};

const overburdened: ControlOutcome = {
	error: { code: 'busy', message: 'orchd is too far behind with what it was told before to be asked' },
};
