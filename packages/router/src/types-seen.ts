/** What has passed of each type: who has sent how much, a recent message, and the last one that was refused. */
import type { MisfitReport, ProducerReport, SampleReport, TypesReport } from '@orch/protocol';
import { type Codec, readU32 } from '@orch/protocol/data';
import { type Misfit, misfitText } from './admission.ts';
import { payloadAt } from './frame-input.ts';
import { maxSamples, sampleBytes } from './limits.ts';
import type { RouterClock } from './router-clock.ts';

/** A sender of a type, connected or not. */
export interface Producer {
	readonly runtime: string;
	readonly name: string;
	readonly type: string;
	readonly codec: Codec;
	/** That it has sent on this connection, those refused among them. */
	readonly messages: number;
	readonly refused: number;
}

interface Sums {
	messages: number;
	refused: number;
}

export class TypesSeen {
	readonly #clock: RouterClock;
	readonly #isKnown: (runtime: string) => boolean;
	readonly #live = new Set<Producer>();
	/** Of connections that are over: by runtime, then type. */
	readonly #past = new Map<string, Map<string, Sums>>();
	/** The one that was changed longest ago is first. */
	readonly #samples = new Map<string, SampleReport>();
	readonly #misfits = new Map<string, MisfitReport>();

	constructor(clock: RouterClock, isKnown: (runtime: string) => boolean) {
		this.#clock = clock;
		this.#isKnown = isKnown;
	}

	opened(producer: Producer): void {
		this.#live.add(producer);
	}

	closed(producer: Producer): void {
		// the connection of a runtime that was removed ends after it
		if (!this.#live.delete(producer) || !this.#isKnown(producer.runtime)) return;
		const byType = this.#past.get(producer.runtime) ?? new Map<string, Sums>();
		this.#past.set(producer.runtime, byType);
		add(byType, producer);
	}

	/** Keeps the beginning of this frame's payload: a copy, for what is looked at must not hold the memory that it came in. */
	sample({ type, name, codec }: Producer, buffer: Buffer, at: number): void {
		const from = payloadAt(buffer, at);
		const bytes = at + readU32(buffer, at + 4) - from;
		const body = Uint8Array.prototype.slice.call(buffer, from, from + Math.min(bytes, sampleBytes));
		put(this.#samples, type, { type, from: name, at: this.#clock.wallMs(this.#clock.nowMs), codec, bytes, body });
	}

	refused({ type, name }: Pick<Producer, 'type' | 'name'>, misfit: Misfit): void {
		const at = this.#clock.wallMs(this.#clock.nowMs);
		put(this.#misfits, type, { type, from: name, at, reason: misfitText(misfit), project: misfit.project });
	}

	/** A runtime is no more. */
	forget(runtime: string): void {
		this.#past.delete(runtime);
	}

	report(): TypesReport {
		const all = new Map<string, Map<string, Sums>>();
		for (const [runtime, byType] of this.#past) all.set(runtime, new Map([...byType].map(([type, sums]) => [type, { ...sums }])));
		for (const producer of this.#live) {
			const byType = all.get(producer.runtime) ?? new Map<string, Sums>();
			all.set(producer.runtime, byType);
			add(byType, producer);
		}
		const producers = [...all].flatMap(([runtime, byType]) =>
			[...byType].map(([type, sums]): ProducerReport => ({ runtime, type, ...sums })),
		);
		return { producers, samples: [...this.#samples.values()], misfits: [...this.#misfits.values()] };
	}
}

function add(byType: Map<string, Sums>, { type, messages, refused }: Producer): void {
	const sums = byType.get(type);
	if (sums === undefined) {
		byType.set(type, { messages, refused });
		return;
	}
	sums.messages += messages;
	sums.refused += refused;
}

function put<T>(byType: Map<string, T>, type: string, value: T): void {
	byType.delete(type);
	byType.set(type, value);
	if (byType.size > maxSamples) byType.delete(byType.keys().next().value as string);
}
