/** What one process has sent on connections before, and what went missing in between. */
import type { HelloBody } from '@orch/protocol/data';

/** What a process told when it came from another router, or what this one remembers of its last connection. */
export interface Past {
	/** By type id: last sequence number sent. */
	readonly sent: Map<number, number>;
	/** By port, then type id: last sequence number seen. */
	readonly seen: Map<number, Map<number, number>>;
}

export interface Missing {
	readonly typeId: number;
	readonly firstSeq: number;
	readonly lastSeq: number;
	readonly count: number;
}

export class PastConnections {
	#sent = new Map<number, number>();
	/** This router has had a connection of the process. */
	#known = false;
	readonly #isType: (typeId: number) => boolean;

	/** What is told of ids that no type has is not kept: there would be no end to them. */
	constructor(isType: (typeId: number) => boolean) {
		this.#isType = isType;
	}

	/** Of what it has sent before, by type id; it grows. */
	get lastSeqs(): ReadonlyMap<number, number> {
		return this.#sent;
	}

	/** Another process: it has no past. */
	forget(): void {
		this.#sent = new Map();
		this.#known = false;
	}

	connected(): void {
		this.#known = true;
	}

	/** A connection has ended, on which these were the last. */
	ended(lastSeqs: ReadonlyMap<number, number>): void {
		for (const [typeId, seq] of lastSeqs) if (seq !== 0) this.#sent.set(typeId, seq);
	}

	/** By what both sides remember: what was lost since it was last connected, and what it tells that nobody here has known. */
	resume(id: number, resume: NonNullable<HelloBody['resume']>): { readonly told: Past; readonly missing: readonly Missing[] } {
		// numbers count for the port that they were counted for
		const sent = new Map(resume.port === id ? resume.sent.filter(([typeId]) => this.#isType(typeId)) : []);
		const missing: Missing[] = [];
		if (this.#known) {
			for (const [typeId, lastSeq] of sent) {
				const arrived = this.#sent.get(typeId) ?? 0;
				const count = (lastSeq - arrived) >>> 0;
				if (count > 0 && count < 2 ** 31) missing.push({ typeId, firstSeq: (arrived + 1) >>> 0, lastSeq, count });
				this.#sent.set(typeId, lastSeq);
			}
		}
		const seen = new Map<number, Map<number, number>>();
		if (!this.#known) {
			for (const [src, typeId, seq] of resume.seen) {
				if (!this.#isType(typeId)) continue;
				const byType = seen.get(src) ?? new Map<number, number>();
				seen.set(src, byType.set(typeId, seq));
			}
			for (const [typeId, seq] of sent) this.#sent.set(typeId, seq);
		}
		return { told: { sent: this.#known ? new Map() : sent, seen }, missing };
	}
}
