/** Whether a runtime is where it should be, will not get there, or may still. Pure. */
import type { RuntimeFacts } from './ports.ts';

export type Verdict =
	| { readonly kind: 'reached'; readonly as: 'ready' | 'running' | 'succeeded' }
	| { readonly kind: 'not'; readonly reason: string }
	| { readonly kind: 'yet'; readonly reason: string };

/** Those of needs; `up` is as far as it can be known: ready, or running where nothing tells more, or ended well. */
export type Condition = 'started' | 'ready' | 'succeeded' | 'up';

export function verdictOn(facts: RuntimeFacts | undefined, condition: Condition): Verdict {
	if (!facts) return { kind: 'not', reason: 'it is not there' };
	const { status, ready, succeeded, reason } = facts;
	switch (status) {
		case 'running':
			if (condition === 'succeeded') return { kind: 'yet', reason: 'it still runs' };
			if (condition === 'started' || ready === true || (condition === 'up' && ready === null)) {
				return { kind: 'reached', as: ready === true ? 'ready' : 'running' };
			}
			return { kind: 'yet', reason: reason ?? (ready === null ? 'it has not said that it is ready' : 'it is not ready') };
		case 'exited':
			// one that does its work and ends well has got where it goes
			if (succeeded && condition !== 'ready') return { kind: 'reached', as: 'succeeded' };
			return { kind: 'not', reason: reason ?? 'it has ended' };
		case 'failed':
			return { kind: 'not', reason: reason ?? 'it has failed' };
		case 'stopped':
			return { kind: 'not', reason: reason ?? 'it was stopped' };
		case 'waiting':
		case 'starting':
		case 'stopping':
		case 'backoff':
			return { kind: 'yet', reason: reason ?? `it is ${status === 'backoff' ? 'between two tries' : status}` };
	}
}

/** What is the case at last, whatever was hoped for. */
export const needsStart = ({ status, desired, succeeded }: RuntimeFacts): boolean =>
	status === 'exited'
		? !succeeded
		: status === 'stopped' || status === 'failed' || (desired === 'stopped' && status === 'stopping');
