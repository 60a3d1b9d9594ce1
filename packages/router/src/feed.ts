/** How the queues in front of one receiver take turns: lane by lane, link by link, as far as its socket and its reports let them. */
import type { Feeder, Lane } from './lane.ts';
import { flushBytes } from './limits.ts';
import type { Outbox } from './outbox.ts';

export class Feed<Owner> {
	readonly #outbox: Outbox;
	#lanes: Lane<Owner>[] = [];

	constructor(outbox: Outbox) {
		this.#outbox = outbox;
	}

	/** The feeder has something for this lane, which it cannot hand over now. */
	wait(feeder: Feeder, lane: Lane<Owner>): void {
		lane.waiting.push(feeder);
		if (lane.listed) return;
		lane.listed = true;
		this.#lanes.push(lane);
	}

	/** The receiver may take more: each open lane gives one link its turn, until none can go on. */
	pump(): void {
		for (let progress = true; progress; ) {
			progress = false;
			const lanes = this.#lanes;
			this.#lanes = [];
			for (const lane of lanes) {
				const feeder = lane.open && this.#takes() ? lane.waiting.shift() : undefined;
				if (feeder !== undefined) {
					feeder.feed();
					progress = true;
				}
				lane.listed = lane.waiting.length > 0;
				// one that came to wait during its own turn has listed it anew
				if (lane.listed && !this.#lanes.includes(lane)) this.#lanes.push(lane);
			}
		}
	}

	/** Whether the socket takes more; what has been gathered is written first, or nobody could know. */
	#takes(): boolean {
		if (this.#outbox.bytes >= flushBytes) this.#outbox.settle();
		return !this.#outbox.full;
	}
}
