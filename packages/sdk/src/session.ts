/** One connection to the router's socket, from its opening to its end: it frames bytes and knows nothing of messages. */
import { connect, type Socket } from 'node:net';
import { FrameKind, makeFrame, maxFrameBytes } from '@orch/protocol/data';
import type { Clock, Timer } from './clock.ts';
import { FrameReader, type TakeFrame } from './frame-reader.ts';

/** Without a welcome after this time the connection is tried anew. */
const welcomeMs = 10_000;
/** How long the router may take to close its side after ours. */
const closeMs = 1000;

export interface SessionOptions {
	readonly path: string;
	readonly clock: Clock;
	/** Payload of the hello. */
	readonly hello: Uint8Array;
	readonly frame: TakeFrame;
	/** All frames of a read have been handed on; false where no more should be read for now. */
	readonly taken: () => boolean;
	/** Called once, when everything is over. */
	readonly ended: (reason: string) => void;
}

export class Session {
	readonly socket: Socket;
	readonly #options: SessionOptions;
	#reason = 'the router closed the connection';
	#welcomeTimer: Timer | undefined;
	#closeTimer: Timer | undefined;

	constructor(options: SessionOptions) {
		this.#options = options;
		const reader = new FrameReader(maxFrameBytes, options.frame);
		this.socket = connect({
			path: options.path,
			// one buffer for all reads, instead of one for each
			onread: {
				buffer: () => reader.space(),
				callback: (count) => {
					const fault = reader.received(count);
					if (fault) this.abort(`the router sent what is not a frame (${fault})`);
					return options.taken();
				},
			},
		});
		this.socket.on('connect', () => this.socket.write(makeFrame({ kind: FrameKind.hello }, options.hello)));
		this.socket.on('error', (error) => {
			this.#reason = error.message;
		});
		this.socket.on('close', () => {
			this.#welcomeTimer?.cancel();
			this.#closeTimer?.cancel();
			options.ended(this.#reason);
		});
		this.#welcomeTimer = options.clock.setTimer(welcomeMs, () => this.abort(`no welcome came within ${welcomeMs} ms`));
	}

	welcomed(): void {
		this.#welcomeTimer?.cancel();
	}

	resume(): void {
		this.socket.resume();
	}

	/** Ends it at once. */
	abort(reason: string): void {
		if (!this.socket.destroyed) this.#reason = reason;
		this.socket.destroy();
	}

	/** Writes what was handed over, for which there is at least so long, then ends it. */
	end(writeMs = closeMs): void {
		const abortIn = (ms: number) => {
			this.#closeTimer?.cancel();
			this.#closeTimer = this.#options.clock.setTimer(ms, () => this.abort('closed by this side'));
		};
		abortIn(Math.max(writeMs, closeMs));
		this.socket.once('finish', () => abortIn(closeMs));
		this.socket.end();
	}
}
