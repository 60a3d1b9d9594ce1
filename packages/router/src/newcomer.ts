/** A connection that has not said who it is: reads just enough to know, and waits no longer than a client needs. */
import type { Socket } from 'node:net';
import type { Clock, Timer } from '@orch/base';
import { checkHeader, type DataErrorCode, FrameKind, frameMagic, type HelloBody, makeFrame, readU32 } from '@orch/protocol/data';
import { hasMoreValues, pack, unpack } from '@orch/protocol/wire';
import { payloadAt } from './frame-input.ts';
import { helloMs, maxHelloBytes, maxHelloValues } from './limits.ts';

export type Identity =
	| { readonly kind: 'binary'; readonly hello: HelloBody; readonly rest: Buffer }
	/** By the socket that it came to, or by its first line. */
	| { readonly kind: 'lines' | 'veecle'; readonly rest: Buffer };

export interface NewcomerOptions {
	readonly socket: Socket;
	readonly clock: Clock;
	/** Who it is. The socket is paused, and nothing listens to it any more. */
	readonly known: (identity: Identity) => void;
	/** It was refused or has left. */
	readonly gone: (fault: DataErrorCode | undefined) => void;
}

/** A first line is read up to here to tell its dialect. */
const peekBytes = 64 * 1024;
const veecleStart = /^\s*\{\s*"(?:Storable|Telemetry|ControlRequest)"/;

export class Newcomer {
	readonly socket: Socket;
	readonly #options: NewcomerOptions;
	readonly #timer: Timer;
	#chunks: Buffer[] = [];
	#bytes = 0;
	/** How long its hello is; 0 until that has been read. */
	#helloBytes = 0;
	#done = false;

	constructor(options: NewcomerOptions) {
		const { socket, clock } = options;
		this.socket = socket;
		this.#options = options;
		this.#timer = clock.setTimer(helloMs, () => this.#silent(), { background: true });
		socket.on('data', this.#onData);
		socket.on('end', this.#onEnd);
		socket.on('close', this.#onClose);
		// for the life of the socket: the close that follows is what counts
		socket.on('error', ignore);
	}

	/** Tells why not, in the client's own words, and closes. */
	refuse(code: DataErrorCode, message: string, identity?: Identity['kind']): void {
		this.#finish();
		const { socket, gone } = this.#options;
		const binary = identity === undefined ? this.#first() === frameMagic : identity === 'binary';
		if (identity !== 'veecle')
			socket.write(
				binary ? makeFrame({ kind: FrameKind.error }, pack({ code, message, fatal: true })) : errorLine(code, message),
			);
		else socket.write(`${JSON.stringify({ ControlResponse: { Error: message } })}\n`);
		this.#close();
		gone(code);
	}

	/** Who it is, by where it has come to. */
	knownAs(kind: 'veecle'): void {
		this.#finish();
		this.#options.known({ kind, rest: Buffer.alloc(0) });
	}

	/** Closes without a word. */
	close(): void {
		this.#finish();
		this.socket.destroy();
	}

	readonly #onData = (chunk: Buffer): void => {
		this.#chunks.push(chunk);
		this.#bytes += chunk.length;
		const first = this.#first();
		if (first === frameMagic) this.#readHello();
		else if (first === 0x7b || isBlank(first)) this.#readLine(chunk);
		else {
			this.#finish();
			this.refuse(
				'protocol',
				'this socket speaks JSON Lines that start with {, or binary frames that start with the byte F9',
				'lines',
			);
		}
	};

	readonly #onEnd = (): void => {
		if (this.#bytes === 0) this.socket.destroy();
		else this.refuse('protocol', `the connection was ended within its first ${this.#first() === frameMagic ? 'frame' : 'line'}`);
	};

	readonly #onClose = (): void => {
		const fault = this.#bytes > 0 ? 'protocol' : undefined;
		this.#finish();
		this.#options.gone(fault);
	};

	#readHello(): void {
		if (this.#bytes < 8) return;
		if (this.#helloBytes === 0) {
			const head = this.#gather();
			const fault = checkHeader(head, 0, maxHelloBytes);
			if (fault === 'too_large')
				return this.refuse('too_large', `a hello announced ${readU32(head, 4)} bytes, at most ${maxHelloBytes} are taken`);
			if (fault !== undefined) return this.refuse('protocol', 'the first frame has no proper header');
			if (head[1] !== FrameKind.hello) return this.refuse('protocol', 'the first frame must be a hello');
			this.#helloBytes = readU32(head, 4);
		}
		const length = this.#helloBytes;
		// put together once, when all is there: one that comes drop by drop would be copied with each drop
		if (this.#bytes < length) return;
		const bytes = this.#gather();
		const hello = readHello(bytes.subarray(payloadAt(bytes, 0), length));
		if (hello === undefined) return this.refuse('protocol', 'a hello carries protoMin, protoMax, token and maxFrame');
		this.#finish();
		this.#options.known({ kind: 'binary', hello, rest: bytes.subarray(length) });
	}

	#readLine(chunk: Buffer): void {
		if (!chunk.includes(0x0a) && this.#bytes < peekBytes) return;
		const bytes = this.#gather();
		this.#finish();
		const veecle = veecleStart.test(bytes.toString('latin1', 0, 256));
		this.#options.known({ kind: veecle ? 'veecle' : 'lines', rest: bytes });
	}

	#silent(): void {
		this.refuse(
			'hello_timeout',
			`nothing was said within ${helloMs / 1000} s: begin with a line {"hello":{}}, an empty line, or a binary hello`,
		);
	}

	#first(): number {
		return this.#chunks[0]?.[0] ?? 0x7b;
	}

	#gather(): Buffer {
		if (this.#chunks.length > 1) this.#chunks = [Buffer.concat(this.#chunks)];
		return this.#chunks[0] as Buffer;
	}

	#finish(): void {
		if (this.#done) return;
		this.#done = true;
		this.#timer.cancel();
		this.socket.pause();
		this.socket.removeListener('data', this.#onData);
		this.socket.removeListener('end', this.#onEnd);
		this.socket.removeListener('close', this.#onClose);
	}

	/** What was said goes out; one who does not read is not waited for. */
	#close(): void {
		const { socket, clock } = this.#options;
		socket.resume();
		socket.destroySoon();
		if (socket.destroyed) return;
		const timer = clock.setTimer(helloMs, () => socket.destroy(), { background: true });
		socket.once('close', () => timer.cancel());
	}
}

const ignore = (): void => {};
const isBlank = (byte: number): boolean => byte === 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d;
const errorLine = (code: string, message: string): string => `${JSON.stringify({ error: { code, message } })}\n`;

const isCount = (value: unknown): value is number =>
	Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 0xffffffff;

/** What is needed of a hello, checked; undefined when it lacks something. */
function readHello(payload: Buffer): HelloBody | undefined {
	let body: unknown;
	if (hasMoreValues(payload, maxHelloValues)) return undefined;
	try {
		body = unpack(payload);
	} catch {
		return undefined;
	}
	const { protoMin, protoMax, token, agent, pid, maxFrame, resume } = Object(body) as Record<string, unknown>;
	if (!isCount(protoMin) || !isCount(protoMax) || typeof token !== 'string' || !isCount(maxFrame) || maxFrame < 4096)
		return undefined;
	const known = readResume(resume);
	return {
		protoMin,
		protoMax,
		token,
		maxFrame,
		agent: typeof agent === 'string' ? agent.slice(0, 255) : '',
		pid: isCount(pid) ? pid : 0,
		...(known === undefined ? {} : { resume: known }),
	};
}

function readResume(value: unknown): HelloBody['resume'] | undefined {
	const { port, sent, seen } = Object(value) as Record<string, unknown>;
	if (!isCount(port) || !Array.isArray(sent) || !Array.isArray(seen)) return undefined;
	const counts = (row: unknown, length: number): row is number[] =>
		Array.isArray(row) && row.length === length && row.every(isCount);
	return {
		port,
		sent: sent.filter((row): row is [number, number] => counts(row, 2)),
		seen: seen.filter((row): row is [number, number, number] => counts(row, 3)),
	};
}
