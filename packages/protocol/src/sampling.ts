/** A sample of what passes: the first so many of each stretch of time, however many come. */

export interface Sample {
	readonly count: number;
	readonly everyMs: number;
}

export class Sampling {
	readonly #sample: Sample;
	#endsMs = Number.NEGATIVE_INFINITY;
	#left = 0;

	constructor(sample: Sample) {
		this.#sample = sample;
	}

	/** How many of so many that pass now belong to the sample: the first ones. */
	take(many: number, nowMs: number): number {
		if (nowMs >= this.#endsMs) {
			this.#endsMs = nowMs + this.#sample.everyMs;
			this.#left = this.#sample.count;
		}
		const taken = Math.min(many, this.#left);
		this.#left -= taken;
		return taken;
	}
}
