/** Looking at messages as they pass: bounded, so that a slow reader skips instead of holding anything up. */
import type { TapItem } from '@orch/protocol';
import { readU32 } from '@orch/protocol/data';
import { type Sample, Sampling } from '@orch/protocol/wire';
import { payloadAt } from './frame-input.ts';
import { maxTapBytes, maxTapMessages } from './limits.ts';
import type { Link, Sender, Tap } from './link.ts';
import type { RouterClock } from './router-clock.ts';

/** What a reader wants of messages. */
export interface Looks {
	/** Of each body at most so much. */
	readonly bodyBytes: number;
	readonly sample?: Sample | undefined;
}

export interface TapBatch {
	readonly messages: TapItem[];
	readonly skipped: number;
}

/** Who looks at which links. */
export class Taps {
	readonly #clock: RouterClock;
	readonly #nameOf: (runtime: string) => string;
	readonly #open = new Set<OpenTap>();

	constructor(clock: RouterClock, nameOf: (runtime: string) => string) {
		this.#clock = clock;
		this.#nameOf = nameOf;
	}

	/** Messages as they pass by these links, or by all that there are when none is named; ends with the signal. */
	async *read(
		links: readonly string[],
		looks: Looks,
		signal: AbortSignal,
		present: ReadonlyMap<string, Link>,
	): AsyncGenerator<TapBatch, { skipped: number }, undefined> {
		const reader = new TapReader(this.#clock, looks, this.#nameOf);
		const open = { reader, links: new Set(links) };
		this.#open.add(open);
		this.attach(present);
		const aborted = () => reader.close();
		signal.addEventListener('abort', aborted, { once: true });
		if (signal.aborted) reader.close();
		try {
			for (let batch = await reader.next(); batch !== undefined; batch = await reader.next()) yield batch;
			return { skipped: reader.skipped };
		} finally {
			signal.removeEventListener('abort', aborted);
			this.#open.delete(open);
			this.attach(present);
		}
	}

	/** These are the links now: each is looked at by those who want to see it. */
	attach(links: ReadonlyMap<string, Link>): void {
		for (const [id, link] of links) {
			const taps: Tap[] = [...this.#open]
				.filter((open) => open.links.size === 0 || open.links.has(id))
				.map(({ reader }) => reader);
			link.tap = taps.length > 1 ? new TapGroup(taps) : taps[0];
		}
	}

	close(): void {
		for (const { reader } of this.#open) reader.close();
	}
}

interface OpenTap {
	readonly reader: TapReader;
	/** Empty: all. */
	readonly links: ReadonlySet<string>;
}

/** One reader's view of some links. */
class TapReader implements Tap {
	readonly #clock: RouterClock;
	readonly #bodyBytes: number;
	readonly #sampling: Sampling | undefined;
	readonly #nameOf: (runtime: string) => string;
	#messages: TapItem[] = [];
	#bytes = 0;
	#skipped = 0;
	#totalSkipped = 0;
	#wake: (() => void) | undefined;
	#closed = false;

	constructor(clock: RouterClock, { bodyBytes, sample }: Looks, nameOf: (runtime: string) => string) {
		this.#clock = clock;
		this.#bodyBytes = bodyBytes;
		this.#sampling = sample && new Sampling(sample);
		this.#nameOf = nameOf;
	}

	get skipped(): number {
		return this.#totalSkipped;
	}

	see(link: Link, sender: Sender, buffer: Buffer, start: number, frames: number): void {
		let at = start;
		const wanted = this.#sampling?.take(frames, this.#clock.nowMs) ?? frames;
		if (wanted === 0) return;
		for (let index = 0; index < wanted; index++) {
			if (this.#messages.length >= maxTapMessages || this.#bytes >= maxTapBytes) {
				this.#skipped += wanted - index;
				this.#totalSkipped += wanted - index;
				// its reader is told all the same
				break;
			}
			const length = readU32(buffer, at + 4);
			const from = payloadAt(buffer, at);
			const bytes = length - (from - at);
			this.#messages.push({
				at: this.#clock.wallMs(this.#clock.nowMs),
				link: link.spec.id,
				from: sender.name,
				to: this.#nameOf(link.spec.to),
				type: sender.type,
				seq: readU32(buffer, at + 16),
				bytes,
				codec: sender.codec,
				// a copy: what is looked at must not hold the memory that it came in
				body: Uint8Array.prototype.slice.call(buffer, from, from + Math.min(bytes, this.#bodyBytes)),
			});
			this.#bytes += Math.min(bytes, this.#bodyBytes);
			at += length;
		}
		this.#wake?.();
	}

	/** What has passed since the last time; waits until something has. Undefined once the tap is closed. */
	async next(): Promise<TapBatch | undefined> {
		while (this.#messages.length === 0 && !this.#closed) {
			await new Promise<void>((resolve) => {
				this.#wake = resolve;
			});
			this.#wake = undefined;
		}
		if (this.#closed) return undefined;
		const batch = { messages: this.#messages, skipped: this.#skipped };
		this.#messages = [];
		this.#bytes = 0;
		this.#skipped = 0;
		return batch;
	}

	close(): void {
		this.#closed = true;
		this.#wake?.();
	}
}

/** Several taps on one link see the same. */
class TapGroup implements Tap {
	readonly taps: readonly Tap[];

	constructor(taps: readonly Tap[]) {
		this.taps = taps;
	}

	see(link: Link, sender: Sender, buffer: Buffer, start: number, frames: number): void {
		for (const tap of this.taps) tap.see(link, sender, buffer, start, frames);
	}
}
