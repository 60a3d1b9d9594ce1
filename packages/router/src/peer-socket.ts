/** A socket of a runtime: its bytes come in as turns, its end is seen to, and no fault of what is in them gets further. */
import type { Socket } from 'node:net';
import type { Logger, Timer } from '@orch/base';
import { adoptSocket, type ReadTarget } from './adopt-socket.ts';
import { readOnAfterFailedWrite } from './failed-write.ts';
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
	/** The client sends no more; what it is told now is the last that it hears. */
	readonly finished: () => void;
	/** So many bytes came that nobody looks at any more. */
	readonly discarded: (bytes: number) => void;
	readonly closed: () => void;
}

export class PeerSocket {
	readonly outbox: Outbox;
	readonly #options: PeerSocketOptions;
	readonly #socket: Socket;
	/** What was read before there was anybody to take it. */
	#ahead: Buffer | null;
	#open = true;
	#finished = false;
	#closed = false;
	#linger: Timer | undefined;

	constructor(options: PeerSocketOptions) {
		this.#options = options;
		const { input, turn } = options;
		const adopted = adoptSocket(options.socket, {
			space: () => input.space(),
			arrived: (bytes) => this.turn(() => (this.#open ? input.arrived(bytes) : options.discarded(bytes))),
			receive: (chunk) => this.#receive(chunk),
		});
		const socket = adopted?.socket ?? options.socket;
		this.#socket = socket;
		this.#ahead = adopted?.ahead ?? null;
		this.outbox = new Outbox(socket, turn);
		readOnAfterFailedWrite(socket, () => this.outbox.fail());
		if (adopted === undefined) socket.on('data', (chunk) => this.#receive(chunk as Buffer));
		socket.on('end', () => this.#finish());
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
		for (const chunk of [rest, this.#ahead]) if (chunk !== null && chunk.length > 0) this.#receive(chunk);
		this.#ahead = null;
		// a socket that is not ours from its first byte may have told its end to nobody
		if (this.#socket.readableEnded) this.#finish();
		else this.#socket.resume();
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
		this.#close();
		this.#socket.destroySoon();
		this.#waitForClose();
	}

	/**
	 * Looks at nothing that comes from now on, and closes once the client has, within a while: to close before it has written
	 * all would take away from it what it has been told.
	 */
	endReading(): void {
		this.#close();
		this.#socket.end();
		this.#waitForClose();
	}

	destroy(): void {
		this.#open = false;
		this.#socket.destroy();
	}

	#close(): void {
		if (!this.#open) return;
		this.#open = false;
		this.outbox.settle();
		this.outbox.shut();
	}

	#receive(chunk: Buffer): void {
		this.turn(() => (this.#open ? this.#options.input.receive(chunk) : this.#options.discarded(chunk.length)));
	}

	/** The client's end of the stream. */
	#finish(): void {
		if (this.#finished) return;
		this.#finished = true;
		if (this.#open) this.turn(this.#options.finished);
		this.outbox.shut();
		this.#socket.end();
		// it may never read what it is still told
		this.#waitForClose();
	}

	#waitForClose(): void {
		const socket = this.#socket;
		if (socket.destroyed) return;
		this.#linger ??= this.#options.clock.clock.setTimer(helloMs, () => socket.destroy(), { background: true });
	}
}
