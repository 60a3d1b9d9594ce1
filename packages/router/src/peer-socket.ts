/** A socket of a runtime: its bytes come in as turns, its end is seen to, and no fault of what is in them gets further. */
import type { Socket } from 'node:net';
import type { Logger, Timer } from '@orch/base';
import { adoptSocket, type ReadTarget } from './adopt-socket.ts';
import { helloMs } from './limits.ts';
import { Outbox } from './outbox.ts';
import type { RouterClock } from './router-clock.ts';
import type { Turn } from './turn.ts';

export interface PeerSocketOptions {
	readonly socket: Socket;
	readonly clock: RouterClock;
	readonly turn: Turn;
	readonly log: Logger;
	readonly input: ReadTarget;
	readonly drained: () => void;
	readonly closed: () => void;
}

export class PeerSocket {
	readonly outbox: Outbox;
	readonly #options: PeerSocketOptions;
	readonly #socket: Socket;
	/** What was read before there was anybody to take it. */
	#ahead: Buffer | null;
	#open = true;
	#closed = false;
	#linger: Timer | undefined;

	constructor(options: PeerSocketOptions) {
		this.#options = options;
		const { input, turn } = options;
		const adopted = adoptSocket(options.socket, {
			space: () => input.space(),
			arrived: (bytes) => this.turn(() => this.#open && input.arrived(bytes)),
			receive: (chunk) => this.turn(() => this.#open && input.receive(chunk)),
		});
		const socket = adopted?.socket ?? options.socket;
		this.#socket = socket;
		this.#ahead = adopted?.ahead ?? null;
		this.outbox = new Outbox(socket, turn);
		if (adopted === undefined) socket.on('data', (chunk) => this.turn(() => this.#open && input.receive(chunk as Buffer)));
		socket.on('drain', () =>
			this.turn(() => {
				this.outbox.drained();
				options.drained();
			}),
		);
		// the close that follows is what counts
		socket.on('error', () => {});
		socket.on('close', () => {
			this.#linger?.cancel();
			this.#open = false;
			if (this.#closed) return;
			this.#closed = true;
			this.turn(options.closed);
		});
	}

	/** Whether what comes in is still looked at. */
	get open(): boolean {
		return this.#open;
	}

	get bytesRead(): number {
		return this.#socket.bytesRead;
	}

	/** Takes what has come so far, and from now on what comes. */
	start(rest: Buffer): void {
		for (const chunk of [rest, this.#ahead]) {
			if (chunk !== null && chunk.length > 0) this.turn(() => this.#open && this.#options.input.receive(chunk));
		}
		this.#ahead = null;
		this.#socket.resume();
	}

	/** Does what is to be done in one turn, and at its end what it has left to do. */
	turn(work: () => void): void {
		const { clock, turn, log } = this.#options;
		clock.tick();
		try {
			work();
		} catch (error) {
			// a bug here must not become everybody's
			log.error('connection failed', { error });
			this.destroy();
		}
		try {
			turn.settle();
		} catch (error) {
			log.error('turn failed', { error });
		}
	}

	/** Closes once what has been said is out, within a while: who does not read is not waited for. */
	end(): void {
		if (!this.#open) return;
		this.#open = false;
		this.outbox.settle();
		const { clock } = this.#options;
		const socket = this.#socket;
		socket.destroySoon();
		if (socket.destroyed) return;
		this.#linger = clock.clock.setTimer(helloMs, () => socket.destroy(), { background: true });
	}

	destroy(): void {
		this.#open = false;
		this.#socket.destroy();
	}
}
