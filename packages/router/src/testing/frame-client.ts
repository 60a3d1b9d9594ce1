/** A client of the binary codec that does exactly what it is told: no batching, no reports, nothing by itself. */
import { createConnection, type Socket } from 'node:net';
import { until } from '@orch/base/testing';
import {
	type Codec,
	type CreditEntry,
	creditEntryBytes,
	FrameKind,
	type FrameFields,
	type HelloBody,
	makeFrame,
	readCredits,
	readHeader,
	type FrameHeader,
	type WelcomeBody,
	writeCredit,
} from '@orch/protocol/data';
import { pack, unpack } from '@orch/protocol/wire';

export interface FrameClientOptions {
	readonly path: string;
	readonly token: string;
	readonly resume?: NonNullable<HelloBody['resume']>;
	readonly maxFrame?: number;
	/** Reports what it has read as consumed, at once. */
	readonly reports?: boolean;
	/** Says no hello and waits for nothing. */
	readonly silent?: boolean;
}

export interface Received {
	readonly header: FrameHeader;
	readonly payload: Buffer;
}

export class FrameClient {
	readonly socket: Socket;
	readonly received: Received[] = [];
	readonly credits = new Map<number, CreditEntry>();
	readonly types = new Map<string, number>();
	welcome: WelcomeBody | undefined;
	closed = false;
	port = 0;
	reports: boolean;
	readonly #seqs = new Map<number, number>();
	readonly #consumed = new Map<number, { frames: number; bytes: number }>();
	#tail: Buffer = Buffer.alloc(0);

	private constructor(socket: Socket, reports: boolean) {
		this.socket = socket;
		this.reports = reports;
		socket.on('data', (chunk) => this.#receive(chunk as Buffer));
		socket.on('error', () => {});
		socket.on('close', () => {
			this.closed = true;
		});
	}

	static async connect({ path, token, resume, maxFrame, reports, silent }: FrameClientOptions): Promise<FrameClient> {
		const socket = createConnection({ path });
		const client = new FrameClient(socket, reports ?? true);
		if (silent) return client;
		client.hello({ token, ...(resume ? { resume } : {}), ...(maxFrame ? { maxFrame } : {}) });
		await until('the welcome', () => client.welcome !== undefined || client.closed);
		return client;
	}

	hello(body: Partial<HelloBody>): void {
		this.frame(
			{ kind: FrameKind.hello },
			pack({ protoMin: 1, protoMax: 1, agent: 'test', pid: process.pid, maxFrame: 16 * 1024 * 1024, token: '', ...body }),
		);
	}

	frame(fields: FrameFields, payload: Uint8Array = new Uint8Array(0)): void {
		this.socket.write(makeFrame(fields, payload));
	}

	/** Declares a type and waits for its id and its first credit. */
	async declare(name: string, codec: Codec = 'json'): Promise<number> {
		this.frame({ kind: FrameKind.declare }, pack({ types: [{ name, codec }] }));
		const id = await until(`the id of ${name}`, () => this.types.get(`${codec} ${name}`));
		await until(`credit for ${name}`, () => this.credits.get(id));
		return id;
	}

	/** One message as a frame; numbered like a client library does it. */
	message(typeId: number, payload: Uint8Array | string): Buffer {
		const seq = (this.#seqs.get(typeId) ?? 0) + 1;
		this.#seqs.set(typeId, seq);
		return Buffer.from(
			makeFrame({ kind: FrameKind.data, typeId, src: this.port, seq, ts: Date.now() * 1000 }, Buffer.from(payload)),
		);
	}

	send(typeId: number, ...payloads: (Uint8Array | string)[]): void {
		this.socket.write(Buffer.concat(payloads.map((payload) => this.message(typeId, payload))));
	}

	request(typeId: number, corr: number, payload: string): void {
		this.frame({ kind: FrameKind.request, typeId, src: this.port, corr }, Buffer.from(payload));
	}

	reply(request: Received, payload: string, flags = 0): void {
		const { typeId, corr, src } = request.header;
		this.frame({ kind: FrameKind.reply, flags, typeId, src: this.port, corr, dst: src }, Buffer.from(payload));
	}

	/** Reports everything read so far as consumed. */
	report(): void {
		const entries = [...this.#consumed];
		const payload = new Uint8Array(entries.length * creditEntryBytes);
		for (const [index, [typeId, { frames, bytes }]] of entries.entries())
			writeCredit(payload, index * creditEntryBytes, { typeId, frames, bytes });
		this.frame({ kind: FrameKind.credit }, payload);
	}

	/** Frames of one kind, in the order of arrival. */
	of(kind: number): Received[] {
		return this.received.filter(({ header }) => header.kind === kind);
	}

	/** The payloads of the messages that have come. */
	get messages(): string[] {
		return this.of(FrameKind.data).map(({ payload }) => payload.toString());
	}

	bodies(kind: number): Record<string, unknown>[] {
		return this.of(kind).map(({ payload }) => unpack(payload) as Record<string, unknown>);
	}

	get errors(): Record<string, unknown>[] {
		return this.bodies(FrameKind.error);
	}

	get drops(): Record<string, unknown>[] {
		return this.bodies(FrameKind.dropped);
	}

	/** Reads no more, as a stopped process would. */
	pause(): void {
		this.socket.pause();
	}

	resume(): void {
		this.socket.resume();
	}

	destroy(): void {
		this.socket.destroy();
	}

	#receive(chunk: Buffer): void {
		this.#tail = this.#tail.length === 0 ? chunk : Buffer.concat([this.#tail, chunk]);
		let consumed = false;
		while (this.#tail.length >= 8) {
			const length = this.#tail.readUInt32LE(4);
			if (this.#tail.length < length) break;
			const header = readHeader(this.#tail, 0);
			const payload = this.#tail.subarray(header.headerBytes, length);
			this.#tail = this.#tail.subarray(length);
			this.#take(header, payload);
			consumed ||= header.kind === FrameKind.data || header.kind === FrameKind.request;
		}
		if (consumed && this.reports && !this.socket.destroyed) this.report();
	}

	#take(header: FrameHeader, payload: Buffer): void {
		this.received.push({ header, payload });
		switch (header.kind) {
			case FrameKind.welcome:
				this.welcome = unpack(payload) as WelcomeBody;
				this.port = this.welcome.port;
				break;
			case FrameKind.typedef:
				for (const { id, name, codec } of (unpack(payload) as WelcomeBody).types) this.types.set(`${codec} ${name}`, id);
				break;
			case FrameKind.credit:
				for (const entry of readCredits(payload, 0, payload.length)) this.credits.set(entry.typeId, entry);
				break;
			case FrameKind.ping:
				this.frame({ kind: FrameKind.pong }, payload);
				break;
			case FrameKind.data:
			case FrameKind.request: {
				const { typeId, frameBytes } = header;
				const before = this.#consumed.get(typeId) ?? { frames: 0, bytes: 0 };
				this.#consumed.set(typeId, { frames: before.frames + 1, bytes: before.bytes + frameBytes });
				break;
			}
		}
	}
}
