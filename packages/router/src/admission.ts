/**
 * Which messages of one sender's type go on: by the schema of the sender's project, and by those of the receivers' projects.
 *
 * A message is read once, however many links take it. What cannot be read is not let through.
 */
import { isUtf8 } from 'node:buffer';
import { canWatchTime } from '@orch/base';
import { type Codec, readU32 } from '@orch/protocol/data';
import { hasMoreValues, unpack } from '@orch/protocol/wire';
import { payloadAt } from './frame-input.ts';
import { checkMs, maxCheckedBytes, maxTranscodedValues, shunMs } from './limits.ts';
import { msgpackToJson } from './lines.ts';
import type { Path } from './link.ts';
import type { RouterClock } from './router-clock.ts';
import type { Schema } from './schemas.ts';
import { withinTime } from './time-limit.ts';

/** Why a message does not fit. */
export interface Misfit {
	readonly type: string;
	/** Where in the message, as in `.items[0].name`; empty for the whole of it. */
	readonly path: string;
	/** As in `must be integer, got string "one"`. */
	readonly reason: string;
	/** Whose schema it is. */
	readonly project: string;
}

export interface Refusal {
	readonly misfit: Misfit;
	/** By which it does not go; absent: by none, for the sender's own project says so. */
	readonly paths?: ReadonlySet<Path>;
}

/** As in `Ping.seq must be integer, got string "one" (type declared by project shop)`. */
export const misfitText = ({ type, path, reason, project }: Misfit): string =>
	`${type}${path} ${reason} (type declared by project ${project})`;

interface Demand {
	readonly schema: Schema;
	/** Absent: all. */
	readonly paths?: Set<Path>;
}

/** What a schema is asked about, or why none is. */
type ReadMessage = { readonly value: unknown } | { readonly refusal: Refusal };

export class Admission {
	readonly #codec: Codec;
	readonly #clock: RouterClock;
	/** The sender's own first. */
	readonly #demands: readonly Demand[];
	readonly #isLinear: boolean;
	/** Monotonic; till then messages are refused unseen. */
	#shunUntilMs = Number.NEGATIVE_INFINITY;

	private constructor(codec: Codec, clock: RouterClock, demands: readonly Demand[]) {
		this.#codec = codec;
		this.#clock = clock;
		this.#demands = demands;
		this.#isLinear = demands.every(({ schema }) => schema.compiled.isLinear);
	}

	/** Undefined when nobody demands anything. */
	static of(
		codec: Codec,
		clock: RouterClock,
		own: Schema | undefined,
		paths: readonly Path[],
		schemaOf: (receiver: string) => Schema | undefined,
	): Admission | undefined {
		const demands: Demand[] = own === undefined ? [] : [{ schema: own }];
		for (const path of paths) {
			const schema = schemaOf(path.link.spec.to);
			// what the sender's project demands already is not asked twice
			if (schema === undefined || schema.compiled === own?.compiled) continue;
			const same = demands.find((demand) => demand.schema.compiled === schema.compiled);
			if (same === undefined) demands.push({ schema, paths: new Set([path]) });
			else same.paths?.add(path);
		}
		return demands.length === 0 ? undefined : new Admission(codec, clock, demands);
	}

	/** Of each of these frames: why it is refused, or undefined. */
	judge(buffer: Buffer, start: number, frames: number): readonly (Refusal | undefined)[] {
		const verdicts: (Refusal | undefined)[] = [];
		if (this.#isLinear || this.#codec === 'raw') {
			for (let at = start; verdicts.length < frames; at += readU32(buffer, at + 4))
				verdicts.push(this.#judge(this.#read(buffer, at)));
			return verdicts;
		}
		let read: readonly ReadMessage[] | undefined;
		while (verdicts.length < frames) {
			if (this.#clock.nowMs < this.#shunUntilMs) {
				verdicts.push(this.#refuse('', 'is not looked at: the one before took too long to check'));
				continue;
			}
			if (!canWatchTime()) {
				verdicts.push(this.#refuse('', 'cannot be checked: the router has no file descriptor left to watch over the time'));
				continue;
			}
			read ??= this.#readAll(buffer, start, frames);
			const messages = read;
			const judged = verdicts.length;
			if (withinTime(checkMs, () => this.#judgeRest(messages, verdicts))) break;
			// only one that had all of the time is to blame
			if (verdicts.length > judged) continue;
			this.#clock.tick();
			this.#shunUntilMs = this.#clock.nowMs + shunMs;
			verdicts.push(this.#refuse('', `takes longer than ${checkMs} ms to check`));
		}
		return verdicts;
	}

	#judgeRest(messages: readonly ReadMessage[], verdicts: (Refusal | undefined)[]): void {
		for (const message of messages.slice(verdicts.length)) {
			const verdict = this.#judge(message);
			verdicts[verdicts.length] = verdict;
		}
	}

	/** Never under the time limit: a reader that is broken off would not know it, and read the next message as the rest of that one. */
	#readAll(buffer: Buffer, start: number, frames: number): readonly ReadMessage[] {
		const messages: ReadMessage[] = [];
		for (let at = start; messages.length < frames; at += readU32(buffer, at + 4)) messages.push(this.#read(buffer, at));
		return messages;
	}

	#read(buffer: Buffer, at: number): ReadMessage {
		if (this.#codec === 'raw') return { refusal: this.#refuse('', 'cannot be checked: its codec is raw') };
		const payload = buffer.subarray(payloadAt(buffer, at), at + readU32(buffer, at + 4));
		if (payload.length > maxCheckedBytes)
			return {
				refusal: this.#refuse('', `has ${payload.length} bytes, a type with a schema may have ${maxCheckedBytes}`),
			};
		if (this.#codec === 'msgpack' && hasMoreValues(payload, maxTranscodedValues))
			return {
				refusal: this.#refuse(
					'',
					`has more than the ${maxTranscodedValues} values that MessagePack of a type with a schema may have`,
				),
			};
		const value = decoded(this.#codec, payload);
		if (value === unreadable) return { refusal: this.#refuse('', `is not ${this.#codec === 'json' ? 'JSON' : 'MessagePack'}`) };
		return { value };
	}

	#judge(message: ReadMessage): Refusal | undefined {
		if ('refusal' in message) return message.refusal;
		let misfit: Misfit | undefined;
		const paths = new Set<Path>();
		for (const { schema, paths: those } of this.#demands) {
			const fault = schema.compiled.fault(message.value);
			if (fault === undefined) continue;
			const found = { type: schema.type, project: schema.project, ...fault };
			if (those === undefined) return { misfit: found };
			misfit ??= found;
			for (const path of those) paths.add(path);
		}
		return misfit && { misfit, paths };
	}

	/** What no schema can be asked about goes nowhere where there is one. */
	#refuse(path: string, reason: string): Refusal {
		const [first] = this.#demands as readonly [Demand];
		const misfit = { type: first.schema.type, path, reason, project: first.schema.project };
		if (first.paths === undefined) return { misfit };
		return { misfit, paths: new Set(this.#demands.flatMap(({ paths = [] }) => [...paths])) };
	}
}

const unreadable = Symbol('unreadable');

/** What a JSON Lines client would read, but large integers as the numbers that a schema knows them as. */
function decoded(codec: Codec, payload: Buffer): unknown {
	try {
		if (codec === 'json') return isUtf8(payload) ? JSON.parse(payload.toString('utf8')) : unreadable;
		const text = msgpackToJson(payload, unpack);
		return text === undefined ? unreadable : JSON.parse(text);
	} catch {
		return unreadable;
	}
}
