/** A connected runtime, whatever it speaks: what the router may ask of it, and what it may ask of the router. */
import type { Codec, DataErrorCode, DropReason, TypeEntry } from '@orch/protocol/data';
import type { Logger } from '@orch/base';
import type { Link, Receiver } from './link.ts';
import type { RouterClock } from './router-clock.ts';
import type { Schema } from './schemas.ts';
import type { Origin, Source, Unrouted } from './source.ts';
import type { ReadMemory } from './read-memory.ts';
import type { Turn } from './turn.ts';
import type { TypeRegistry } from './type-registry.ts';
import type { TypesSeen } from './types-seen.ts';

export type PeerCodec = 'binary' | 'json' | 'veecle';

/** A reply, by the one who gives it: a frame as it came, or what a JSON client wrote. */
export type Reply =
	| { readonly kind: 'frame'; readonly buffer: Buffer; readonly start: number; readonly end: number; readonly error: boolean }
	| { readonly kind: 'json'; readonly text: Buffer }
	| { readonly kind: 'bytes'; readonly bytes: Buffer }
	| { readonly kind: 'error'; readonly code: string; readonly message: string };

/** Whoever may ask: a peer, or somebody outside of any runtime. */
export interface Requester {
	readonly port: number;
	readonly name: string;
	readonly outbox: { readonly unsentBytes: number };
	/** The reply to a request of it. */
	reply(request: PendingRequest, reply: Reply): void;
	/** A request of it that was taken has failed: it learns of it in any case. */
	requestFailed(corr: number, type: string, code: DataErrorCode, message: string): void;
	/** A request of it was not taken. */
	requestRefused(corr: number, type: string, code: DataErrorCode, message: string): void;
}

export interface PendingRequest {
	readonly requester: Requester;
	readonly corr: number;
	readonly typeId: number;
	readonly type: string;
	readonly codec: Codec;
	readonly replier: Peer;
	readonly atMs: number;
}

export interface Peer extends Receiver, Origin, Requester {
	readonly codec: PeerCodec;
	readonly generation: number;
	readonly privileged: boolean;
	/** What it sends is still looked at. */
	readonly open: boolean;
	/** It could answer a request. */
	readonly answers: boolean;
	readonly sources: Sources;
	readonly outbox: Receiver['outbox'] & { readonly unsentBytes: number };
	/** Everything that has been sent to it so far may be written: it is connected now. */
	connected(): void;
	/** The links into it have changed. */
	relinked(): void;
	/** Gets no more messages: nobody is there who would take them. */
	deafen(): void;
	/** Says goodbye and closes once that is out. */
	end(): void;
	/** Closes now. */
	destroy(): void;
	/** Bytes read of its socket so far. */
	readonly bytesRead: number;
	/** It has said so. */
	readonly isReady: boolean;
}

export type ControlOutcome = { readonly ok: unknown } | { readonly error: unknown };

/** What peers ask of the router. */
export interface Hub {
	readonly clock: RouterClock;
	readonly turn: Turn;
	readonly memory: ReadMemory;
	readonly types: TypeRegistry;
	readonly log: Logger;
	readonly seen: TypesSeen;
	/** Sends a type of a runtime by the links that the table has for it, as far as its schemas let it. */
	route(source: Source): void;
	/** What the project of a runtime demands of a type. */
	schemaOf(runtime: string, type: string): Schema | undefined;
	/** Types that links take which this runtime sends, those of any sender left out. */
	typesFrom(runtime: string): readonly string[];
	unrouted(runtime: string, type: string): Unrouted;
	/** A request, to be answered by the reply, by `requestFailed` or `requestRefused`, or never when whoever asked is gone. */
	ask(source: Source, requester: Requester, corr: number, buffer: Buffer, start: number, end: number): void;
	/** A request that whoever asks puts on its way by itself is about to go: false where too many wait already. */
	expectReply(request: PendingRequest): boolean;
	/** Nobody waits for the reply any more. */
	forgetRequest(requester: Requester, corr: number): void;
	/** A reply of a peer; one that nobody waits for is counted. */
	answer(replier: Peer, requesterPort: number, corr: number, reply: Reply): void;
	/** A request was thrown away. */
	requestDropped(requester: Requester, corr: number, reason: DropReason): void;
	/** An operation that a privileged runtime asks orchd for. */
	control(peer: Peer, operation: string, params: unknown, done: (outcome: ControlOutcome) => void): void;
	ready(peer: Peer): void;
	spoofed(runtime: string, claimed: number): void;
}

/** What a peer may ask of the runtime's port that it is connected to. */
export interface PortView {
	readonly runtime: string;
	readonly name: string;
	readonly privileged: boolean;
	/** Links into this runtime. */
	readonly links: ReadonlySet<Link>;
	/** The type that a connection of the runtime with these sources is to send; or why it cannot be had. The name has been checked. */
	typeFor(name: string, codec: Codec, sources: Sources): TypeEntry | string;
	fault(code: string, count?: number): void;
	/** The peer's socket is closed. */
	closed(peer: Peer): void;
}

/** The types that one connection sends. */
export class Sources {
	readonly #byType = new Map<number, Source>();
	readonly #make: (typeId: number, type: string, codec: Codec) => Source;
	readonly #route: (source: Source) => void;

	constructor(make: (typeId: number, type: string, codec: Codec) => Source, route: (source: Source) => void) {
		this.#make = make;
		this.#route = route;
	}

	get size(): number {
		return this.#byType.size;
	}

	get(typeId: number): Source | undefined {
		return this.#byType.get(typeId);
	}

	open(typeId: number, type: string, codec: Codec): Source {
		const known = this.#byType.get(typeId);
		if (known !== undefined) return known;
		const source = this.#make(typeId, type, codec);
		this.#byType.set(typeId, source);
		this.#route(source);
		return source;
	}

	/** The table has changed: each goes by the links that there are now. */
	reroute(): void {
		for (const source of this.#byType.values()) this.#route(source);
	}

	passed(barrier: number): void {
		for (const source of this.#byType.values()) source.passed(barrier);
	}

	touched(): void {
		for (const source of this.#byType.values()) source.touched();
	}

	/** [typeId, last seq] of each. */
	lastSeqs(): Map<number, number> {
		return new Map([...this.#byType].map(([typeId, { lastSeq }]) => [typeId, lastSeq]));
	}

	close(): void {
		for (const source of this.#byType.values()) source.close();
		this.#byType.clear();
	}
}
