/** A socket of a runtime: its bytes come in as turns, its end is seen to, and no fault of what is in them gets further. */
import type { Socket } from 'node:net';
import type { Logger, Timer } from '@orch/base';
import { helloMs } from './limits.ts';
import { Outbox } from './outbox.ts';
import type { RouterClock } from './router-clock.ts';
import type { Turn } from './turn.ts';

export interface PeerSocketOptions {
	readonly socket: Socket;
	readonly clock: RouterClock;
	readonly turn: Turn;
	readonly log: Logger;
	readonly receive: (chunk: Buffer) => void;
	readonly drained: () => void;
	readonly closed: () => void;
}

export class PeerSocket {
	readonly outbox: Outbox;
	readonly #options: PeerSocketOptions;
	#open = true;
	#closed = false;
	#linger: Timer | undefined;

	constructor(options: PeerSocketOptions) {
		this.#options = options;
		const { socket, turn } = options;
		this.outbox = new Outbox(socket, turn);
		socket.on('data', (chunk) => this.turn(() => this.#open && options.receive(chunk as Buffer)));
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
		return this.#options.socket.bytesRead;
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
		const { socket, clock } = this.#options;
		socket.destroySoon();
		if (socket.destroyed) return;
		this.#linger = clock.clock.setTimer(helloMs, () => socket.destroy(), { background: true });
	}

	destroy(): void {
		this.#open = false;
		this.#options.socket.destroy();
	}
}
