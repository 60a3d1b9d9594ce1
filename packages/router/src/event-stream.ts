/** What happens at the ports, for orchd: one reader, the newest; what it missed it is told as the state of things. */
import type { RouterEvent } from '@orch/protocol';
import { maxWaitingEvents } from './limits.ts';

interface Reader {
	waiting: RouterEvent[];
	wake: (() => void) | undefined;
	replaced: boolean;
}

export class EventStream {
	readonly #snapshot: () => RouterEvent[];
	#reader: Reader | undefined;

	/** `snapshot`: the events that would lead to how things are now. */
	constructor(snapshot: () => RouterEvent[]) {
		this.#snapshot = snapshot;
	}

	get hasReader(): boolean {
		return this.#reader !== undefined;
	}

	/** False where nobody will be told: what happens is in the next snapshot, but what orchd is asked would wait for ever. */
	publish(event: RouterEvent): boolean {
		const reader = this.#reader;
		if (reader === undefined) return false;
		if (reader.waiting.length >= maxWaitingEvents) {
			// a reader this far behind is better served by how things are than by how they came to be so
			const asked = reader.waiting.filter(({ kind }) => kind === 'control');
			const spoofs = reader.waiting.filter(({ kind }) => kind === 'spoof').slice(-maxWaitingEvents / 2);
			reader.waiting = [...asked, ...spoofs, ...this.#snapshot()];
			const isInSnapshot = event.kind !== 'control' && event.kind !== 'spoof';
			if (isInSnapshot) return true;
			if (reader.waiting.length >= maxWaitingEvents) return false;
		}
		reader.waiting.push(event);
		reader.wake?.();
		return true;
	}

	/** Ends when a newer reader comes, or with the signal. */
	async *read(signal: AbortSignal): AsyncGenerator<RouterEvent, void, undefined> {
		if (this.#reader !== undefined) {
			this.#reader.replaced = true;
			this.#reader.wake?.();
		}
		const reader: Reader = { waiting: this.#snapshot(), wake: undefined, replaced: false };
		this.#reader = reader;
		const aborted = () => reader.wake?.();
		signal.addEventListener('abort', aborted, { once: true });
		try {
			while (!signal.aborted && !reader.replaced) {
				const events = reader.waiting;
				reader.waiting = [];
				yield* events;
				if (reader.waiting.length > 0 || signal.aborted || reader.replaced) continue;
				await new Promise<void>((resolve) => {
					reader.wake = resolve;
				});
				reader.wake = undefined;
			}
		} finally {
			signal.removeEventListener('abort', aborted);
			if (this.#reader === reader) this.#reader = undefined;
		}
	}
}
