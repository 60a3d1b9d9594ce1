/** Requests that wait for their replies: each goes to one receiver, and each ends, by the reply or by an error. */
import type { DataErrorCode, DropReason } from '@orch/protocol/data';
import { misfitText } from './admission.ts';
import { maxPendingRequests, maxUnreadAskingBytes, staleRequestMs } from './limits.ts';
import type { Path } from './link.ts';
import type { Peer, PendingRequest, Reply, Requester } from './peer.ts';
import type { RouterClock } from './router-clock.ts';
import type { Source } from './source.ts';

export class Requests {
	readonly #clock: RouterClock;
	/** By the one who asked: in the order of asking. */
	readonly #asked = new Map<Requester, Map<number, PendingRequest>>();
	readonly #toAnswer = new Map<Peer, Set<PendingRequest>>();
	readonly #byPort = new Map<number, Requester>();

	constructor(clock: RouterClock) {
		this.#clock = clock;
	}

	get size(): number {
		let size = 0;
		for (const asked of this.#asked.values()) size += asked.size;
		return size;
	}

	/** Sends a request on its way, or tells at once why it cannot go. */
	ask(
		source: Source,
		requester: Requester,
		corr: number,
		buffer: Buffer,
		start: number,
		end: number,
		peerOf: (path: Path) => Peer | undefined,
	): void {
		const { type, typeId, codec } = source;
		const refuse = (code: DataErrorCode, message: string) => {
			source.countRequest(end - start);
			requester.requestRefused(corr, type, code, message);
		};
		if (requester.outbox.unsentBytes > maxUnreadAskingBytes)
			return refuse('busy', 'the request was not taken: too much of what was sent here is unread');
		const { paths } = source;
		if (paths.length === 0) {
			source.unroutedRequest(end - start);
			requester.requestRefused(corr, type, 'no_route', `no link takes messages of type "${type}" that ${requester.name} sends`);
			return;
		}
		let down = 0;
		for (const path of paths) {
			const replier = peerOf(path);
			if (replier === undefined) down += 1;
			if (replier === undefined || !replier.answers) continue;
			if (!this.#hasRoom(requester)) return refuse('busy', tooManyWait);
			const misfit = source.refuseRequest(path, buffer, start);
			if (misfit !== undefined) return refuse('schema', misfitText(misfit));
			this.#add({ requester, corr, typeId, type, codec, replier, atMs: this.#clock.nowMs });
			source.acceptRequest(path, buffer, start, end);
			return;
		}
		if (down > 0) return refuse('target_down', `no receiver of "${type}" is connected`);
		refuse('no_route', `no receiver of "${type}" speaks a dialect that has replies`);
	}

	/** The same for one that goes straight to whoever is to answer: false where too many wait already. */
	expect(request: PendingRequest): boolean {
		if (!this.#hasRoom(request.requester)) return false;
		this.#add(request);
		return true;
	}

	/** Nobody waits for its reply any more: one that comes all the same is late. */
	forget(requester: Requester, corr: number): void {
		const pending = this.#asked.get(requester)?.get(corr);
		if (pending !== undefined) this.#remove(pending);
	}

	/** Gives the reply to whoever waits for it; false when nobody does (any more). */
	answer(replier: Peer, requesterPort: number, corr: number, reply: Reply): boolean {
		const requester = this.#byPort.get(requesterPort);
		const pending = requester && this.#asked.get(requester)?.get(corr);
		if (pending === undefined || pending.replier !== replier) return false;
		this.#remove(pending);
		pending.requester.reply(pending, reply);
		return true;
	}

	/** A request was thrown away before it reached anybody. */
	dropped(requester: Requester, corr: number, reason: DropReason): void {
		const pending = this.#asked.get(requester)?.get(corr);
		if (pending === undefined) return;
		this.#remove(pending);
		const [code, message] = wordsFor(reason);
		requester.requestFailed(corr, pending.type, code, message);
	}

	/** Whoever should have answered has ended. */
	replierGone(replier: Peer): void {
		for (const pending of [...(this.#toAnswer.get(replier) ?? [])]) {
			this.#remove(pending);
			pending.requester.requestFailed(pending.corr, pending.type, 'target_restarted', `${replier.name} ended before it answered`);
		}
	}

	requesterGone(requester: Peer): void {
		for (const pending of [...(this.#asked.get(requester)?.values() ?? [])]) this.#remove(pending);
	}

	/** With as many waiting as there may be, the oldest makes room if nobody can be expecting it any more. */
	#hasRoom(requester: Requester): boolean {
		const asked = this.#asked.get(requester);
		if (asked === undefined || asked.size < maxPendingRequests) return true;
		const oldest = asked.values().next().value as PendingRequest;
		if (this.#clock.nowMs - oldest.atMs < staleRequestMs) return false;
		this.#remove(oldest);
		requester.requestFailed(oldest.corr, oldest.type, 'busy', 'no reply came for long, and others wait');
		return true;
	}

	#add(pending: PendingRequest): void {
		const { requester, replier, corr } = pending;
		const earlier = this.#asked.get(requester)?.get(corr);
		// a number used again: its first use is over for whoever uses it
		if (earlier !== undefined) this.#remove(earlier);
		let asked = this.#asked.get(requester);
		if (asked === undefined) {
			asked = new Map();
			this.#asked.set(requester, asked);
			this.#byPort.set(requester.port, requester);
		}
		asked.set(corr, pending);
		const toAnswer = this.#toAnswer.get(replier);
		if (toAnswer === undefined) this.#toAnswer.set(replier, new Set([pending]));
		else toAnswer.add(pending);
	}

	#remove(pending: PendingRequest): void {
		const { requester, replier, corr } = pending;
		const asked = this.#asked.get(requester);
		if (asked?.delete(corr) && asked.size === 0) {
			this.#asked.delete(requester);
			this.#byPort.delete(requester.port);
		}
		const toAnswer = this.#toAnswer.get(replier);
		if (toAnswer?.delete(pending) && toAnswer.size === 0) this.#toAnswer.delete(replier);
	}
}

export const tooManyWait = `${maxPendingRequests} requests wait for their replies already`;

function wordsFor(reason: DropReason): readonly [DataErrorCode, string] {
	switch (reason) {
		case 'receiver_down':
		case 'unconfirmed':
			return ['target_restarted', 'the receiver ended before it got the request'];
		case 'link_removed':
			return ['no_route', 'the link was removed before the request was delivered'];
		case 'too_large':
			return ['too_large', 'the request is longer than its receiver takes'];
		case 'codec':
			return ['protocol', 'the request cannot be written in the codec of its receiver'];
		default:
			return ['busy', 'the request found no room in the mailbox of its link'];
	}
}
