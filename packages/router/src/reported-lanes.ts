/** What a client that reports has not consumed yet, type by type. */
import { readCredits } from '@orch/protocol/data';
import { Lane } from './lane.ts';
import { firstWindowBytes, windowBytes } from './limits.ts';
import { consumed, type Path, unconfirmed } from './link.ts';

interface ReportedLane {
	readonly lane: Lane<Path>;
	reportedFrames: number;
	reportedBytes: number;
}

export class ReportedLanes {
	readonly #receiver: object;
	readonly #lanes = new Map<number, ReportedLane>();

	constructor(receiver: object) {
		this.#receiver = receiver;
	}

	/** Of which it has been handed something. */
	get typeIds(): Iterable<number> {
		return this.#lanes.keys();
	}

	/** The lane of a type, made if need be. */
	of(typeId: number): Lane<Path> {
		const known = this.#lanes.get(typeId);
		if (known !== undefined) return known.lane;
		const lane = new Lane<Path>(this.#receiver, firstWindowBytes, windowBytes);
		this.#lanes.set(typeId, { lane, reportedFrames: 0, reportedBytes: 0 });
		return lane;
	}

	/** Takes a report, which lies from `start` to `end`; gives how many of its entries cannot be true. */
	report(frame: Buffer, start: number, end: number, nowMs: number): number {
		let wrong = 0;
		for (const { typeId, frames, bytes } of readCredits(frame, start, end)) {
			const reported = this.#lanes.get(typeId);
			const more = reported === undefined ? frames : (frames - reported.reportedFrames) >>> 0;
			if (reported === undefined || more > reported.lane.frames) {
				wrong += 1;
				continue;
			}
			const moreBytes = Math.max(0, bytes - reported.reportedBytes);
			reported.reportedFrames = frames;
			reported.reportedBytes = bytes;
			reported.lane.consume(more, moreBytes, consumed);
			reported.lane.pace(moreBytes, nowMs);
		}
		return wrong;
	}

	/** The receiver is gone: nobody will report the rest. */
	abandon(): void {
		for (const { lane } of this.#lanes.values()) lane.abandon(unconfirmed);
	}
}
