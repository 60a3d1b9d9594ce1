/** A client of the data plane that makes every frame by hand: what the SDK would never send, too. */
import { connectUnix } from '@orch/base';
import { until } from '@orch/base/testing';
import {
	type Codec,
	type ErrorBody,
	type FrameFields,
	type FrameHeader,
	FrameKind,
	headerBytes,
	makeFrame,
	readHeader,
	type TypedefBody,
	type TypeEntry,
	type WelcomeBody,
	writeCredit,
} from '@orch/protocol/data';
import { pack, unpack } from '@orch/protocol/wire';
import type { Socket } from 'node:net';

export interface Frame extends FrameHeader {
	readonly payload: Buffer;
}

export interface HelloOptions {
	readonly token: string;
	readonly pid?: number;
	readonly resume?: object;
}

export class FrameClient {
	readonly socket: Socket;
	readonly frames: Frame[] = [];
	readonly types = new Map<string, TypeEntry>();
	/** By hand only: reports consumption of every message that comes. */
	reporting = true;
	/** Called for each data frame; where it is set, data frames are not kept. */
	onData: ((frame: Frame) => void) | undefined;
	welcome: WelcomeBody | undefined;
	#rest: Buffer = Buffer.alloc(0);
	#closed = false;
	readonly #consumed = new Map<number, { frames: number; bytes: number }>();
	readonly #sent = new Map<number, number>();

	private constructor(socket: Socket) {
		this.socket = socket;
		socket.on('data', (bytes: Buffer) => this.#receive(bytes));
		socket.on('error', () => {});
		socket.on('close', () => {
			this.#closed = true;
		});
	}

	/** Connected, and not a byte sent. */
	static async open(path: string): Promise<FrameClient> {
		return new FrameClient(await connectUnix(path));
	}

	/** Connected and welcome. */
	static async connect(path: string, options: HelloOptions): Promise<FrameClient> {
		const client = await FrameClient.open(path);
		client.hello(options);
		await until('the router says welcome', () => {
			if (client.#closed) throw new Error(`Refused: ${client.errors.map(({ message }) => message).join('; ')}`);
			return client.welcome !== undefined;
		});
		return client;
	}

	get closed(): boolean {
		return this.#closed;
	}

	get port(): number {
		return this.welcome?.port ?? 0;
	}

	get errors(): ErrorBody[] {
		return this.of(FrameKind.error).map(({ payload }) => unpack(payload) as ErrorBody);
	}

	of(kind: number): Frame[] {
		return this.frames.filter((frame) => frame.kind === kind);
	}

	hello({ token, pid = process.pid, resume }: HelloOptions): void {
		const body = {
			protoMin: 1,
			protoMax: 1,
			token,
			agent: 'test/1',
			pid,
			maxFrame: 16 * 1024 * 1024,
			...(resume ? { resume } : {}),
		};
		this.socket.write(makeFrame({ kind: FrameKind.hello }, pack(body)));
	}

	/** Declares a type and resolves with its id once the router has answered. */
	async declare(name: string, codec: Codec = 'json'): Promise<number> {
		const seen = this.frames.length;
		this.socket.write(makeFrame({ kind: FrameKind.declare, src: this.port }, pack({ types: [{ name, codec }] })));
		return until(`type ${name} is declared`, () => {
			if (this.#closed) throw new Error('The connection ended before the type was declared');
			// what the welcome told of this type is for reading only: credit comes with the answer
			const told = this.frames.slice(seen).filter(({ kind }) => kind === FrameKind.typedef);
			return told
				.flatMap(({ payload }) => (unpack(payload) as TypedefBody).types)
				.find((type) => type.name === name && type.codec === codec)?.id;
		});
	}

	/** A data frame with the next number of its type; sent whatever the credit says. */
	data(typeId: number, payload: Uint8Array | string, fields: Partial<FrameFields> = {}): Uint8Array {
		const seq = (this.#sent.get(typeId) ?? 0) + 1;
		this.#sent.set(typeId, seq);
		const bytes = typeof payload === 'string' ? Buffer.from(payload) : payload;
		return makeFrame({ kind: FrameKind.data, typeId, src: this.port, seq, ts: Date.now() * 1000, ...fields }, bytes);
	}

	send(typeId: number, payload: Uint8Array | string, fields: Partial<FrameFields> = {}): boolean {
		return this.socket.write(this.data(typeId, payload, fields));
	}

	/** The next frame of a kind after `from` frames. */
	async next(kind: number, from = 0): Promise<Frame> {
		return until(`a frame of kind ${kind} comes`, () => this.frames.slice(from).find((frame) => frame.kind === kind));
	}

	async ends(): Promise<void> {
		await until('the router ends the connection', () => this.#closed);
	}

	close(): void {
		this.socket.destroy();
	}

	#receive(bytes: Buffer): void {
		let rest = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
		while (rest.length >= headerBytes) {
			const header = readHeader(rest, 0);
			if (rest.length < header.frameBytes) break;
			this.#take({ ...header, payload: Buffer.from(rest.subarray(header.headerBytes, header.frameBytes)) });
			rest = rest.subarray(header.frameBytes);
		}
		this.#rest = rest;
		this.#report();
	}

	#take(frame: Frame): void {
		if (frame.kind === FrameKind.welcome) {
			this.welcome = unpack(frame.payload) as WelcomeBody;
			for (const type of this.welcome.types) this.types.set(type.name, type);
		} else if (frame.kind === FrameKind.typedef) {
			for (const type of (unpack(frame.payload) as TypedefBody).types) this.types.set(type.name, type);
		} else if (frame.kind === FrameKind.ping) {
			this.#answer(makeFrame({ kind: FrameKind.pong }, frame.payload));
		} else if (frame.kind === FrameKind.data || frame.kind === FrameKind.request) {
			const consumed = this.#consumed.get(frame.typeId) ?? { frames: 0, bytes: 0 };
			this.#consumed.set(frame.typeId, { frames: consumed.frames + 1, bytes: consumed.bytes + frame.frameBytes });
			if (this.onData && frame.kind === FrameKind.data) return this.onData(frame);
		}
		this.frames.push(frame);
	}

	#report(): void {
		if (!this.reporting || this.#consumed.size === 0 || this.#closed) return;
		const entries = new Uint8Array(this.#consumed.size * 16);
		let at = 0;
		for (const [typeId, { frames, bytes }] of this.#consumed) {
			writeCredit(entries, at, { typeId, frames, bytes });
			at += 16;
		}
		this.#answer(makeFrame({ kind: FrameKind.credit, src: this.port }, entries));
	}

	/** By itself, as long as the test has not ended its side. */
	#answer(frame: Uint8Array): void {
		if (this.socket.writable) this.socket.write(frame);
	}
}
