/** What is measured of a link: rates over ten seconds without a timer, and a histogram of latencies. */

const seconds = 10;
const slots = seconds + 1;

/** Counts in slots of a second; a slot is cleared when its second comes round again. */
export class RateMeter {
	readonly #messages = new Float64Array(slots);
	readonly #bytes = new Float64Array(slots);
	#second = -1;
	#firstSecond = -1;

	add(nowMs: number, messages: number, bytes: number): void {
		const second = Math.floor(nowMs / 1000);
		if (second !== this.#second) this.#moveTo(second);
		const slot = second % slots;
		(this.#messages[slot] as number) += messages;
		(this.#bytes[slot] as number) += bytes;
	}

	/** Over the last so many seconds, ten at most, or over those that there have been. */
	rates(nowMs: number, windowSeconds = seconds): { readonly messagesPerSecond: number; readonly bytesPerSecond: number } {
		if (this.#firstSecond < 0) return { messagesPerSecond: 0, bytesPerSecond: 0 };
		this.#moveTo(Math.floor(nowMs / 1000));
		// the present second counts by the part of it that has passed
		const over = Math.min(windowSeconds + (nowMs / 1000 - this.#second), Math.max(1, nowMs / 1000 - this.#firstSecond));
		return {
			messagesPerSecond: this.#sum(this.#messages, windowSeconds) / over,
			bytesPerSecond: this.#sum(this.#bytes, windowSeconds) / over,
		};
	}

	/** Of the present second, and of so many before it. */
	#sum(counts: Float64Array, before: number): number {
		let total = 0;
		for (let back = 0; back <= before; back++) total += counts[(this.#second - back + slots) % slots] as number;
		return total;
	}

	#moveTo(second: number): void {
		if (this.#firstSecond < 0) this.#firstSecond = second;
		const passed = this.#second < 0 ? slots : Math.min(slots, second - this.#second);
		for (let step = 0; step < passed; step++) {
			const slot = (((second - step) % slots) + slots) % slots;
			this.#messages[slot] = 0;
			this.#bytes[slot] = 0;
		}
		this.#second = second;
	}
}

/** Four buckets for each doubling, from a microsecond to over an hour: within 10 % of the truth. */
const perDoubling = 4;
const buckets = 32 * perDoubling;

export class LatencyHistogram {
	readonly #counts = new Uint32Array(buckets);
	#total = 0;

	add(micros: number): void {
		const clamped = micros < 1 ? 1 : micros;
		const bucket = Math.min(buckets - 1, Math.floor(Math.log2(clamped) * perDoubling));
		(this.#counts[bucket] as number) += 1;
		this.#total += 1;
		// what is long ago weighs less and less
		if (this.#total >= 8192) this.#halve();
	}

	/** Milliseconds that `share` of the messages did not exceed; undefined before the first. */
	percentileMs(share: number): number | undefined {
		if (this.#total === 0) return undefined;
		let left = Math.ceil(this.#total * share);
		for (let bucket = 0; bucket < buckets; bucket++) {
			left -= this.#counts[bucket] as number;
			if (left <= 0) return 2 ** ((bucket + 0.5) / perDoubling) / 1000;
		}
		return undefined;
	}

	#halve(): void {
		this.#total = 0;
		for (let bucket = 0; bucket < buckets; bucket++) {
			const half = (this.#counts[bucket] as number) >>> 1;
			this.#counts[bucket] = half;
			this.#total += half;
		}
	}
}
