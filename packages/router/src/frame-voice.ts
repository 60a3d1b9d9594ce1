/** What one client is told in frames, and what it has been told already: of each type and each port once. */
import { type DataErrorCode, type ErrorBody, FrameKind, type FrameFields, makeFrame, type TypeEntry } from '@orch/protocol/data';
import { pack } from '@orch/protocol/wire';
import { maxUnreadRefusalBytes } from './limits.ts';
import type { Outbox } from './outbox.ts';

export interface FrameVoiceOptions {
	readonly outbox: Outbox;
	/** Whether messages of a type are to be reported one by one. */
	readonly isPrompt: (type: string) => boolean;
	/** A refusal found no room. */
	readonly overflowed: () => void;
}

export class FrameVoice {
	readonly #outbox: Outbox;
	readonly #options: FrameVoiceOptions;
	/** What it has been told of types (whether prompt) and of ports. */
	readonly #types = new Map<number, boolean>();
	readonly #ports = new Set<number>();

	constructor(options: FrameVoiceOptions) {
		this.#options = options;
		this.#outbox = options.outbox;
	}

	/** What must not be lost, and of which there is never more than what it belongs to. */
	put(fields: FrameFields, payload: Uint8Array): void {
		this.#outbox.put(makeFrame(fields, payload));
	}

	/** What is refused at once to a client that waits for an answer. */
	answer(fields: FrameFields, payload: Uint8Array): void {
		if (!this.#outbox.say(makeFrame(fields, payload), maxUnreadRefusalBytes)) this.#options.overflowed();
	}

	/** What a client that does not read may be left without. */
	say(fields: FrameFields, payload: Uint8Array): boolean {
		return this.#outbox.say(makeFrame(fields, payload));
	}

	lastWords(code: DataErrorCode, message: string): void {
		this.put({ kind: FrameKind.error }, pack({ code, message, fatal: true } satisfies ErrorBody));
	}

	error(error: ErrorBody): void {
		this.say({ kind: FrameKind.error }, pack(error));
	}

	refusal(error: ErrorBody): void {
		this.answer({ kind: FrameKind.error }, pack(error));
	}

	/** It is told of this type by the caller. */
	toldType(id: number, prompt: boolean): void {
		this.#types.set(id, prompt);
	}

	tellType(entry: TypeEntry): void {
		const prompt = this.#options.isPrompt(entry.name);
		if (this.#types.get(entry.id) === prompt) return;
		this.#types.set(entry.id, prompt);
		this.put({ kind: FrameKind.typedef }, pack({ types: [prompt ? { ...entry, prompt } : entry] }));
	}

	tellPeer(port: number, runtime: string, name: string): void {
		if (this.#ports.has(port)) return;
		this.#ports.add(port);
		this.put({ kind: FrameKind.peer }, pack({ peers: [{ port, runtime, name }] }));
	}
}
