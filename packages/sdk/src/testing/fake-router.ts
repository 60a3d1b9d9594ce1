/** A router as far as one client sees it, played by the test: it decodes what comes and sends what it is told to. */
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
	type Codec,
	type CreditEntry,
	type DeclareBody,
	type ErrorBody,
	type FrameFields,
	type FrameHeader,
	FrameKind,
	type HelloBody,
	makeFrame,
	maxFrameBytes,
	readCredits,
	readHeader,
	type TypeEntry,
	type WelcomeBody,
	writeCredit,
} from '@orch/protocol/data';
import { pack } from '../codec.ts';
import { unpack } from '../plain-msgpack.ts';
import type { AnyConnection } from '../connection.ts';
import { type ConnectOptions, connectWith } from '../connect.ts';
import { systemClock } from '../clock.ts';
import { FrameReader } from '../frame-reader.ts';

export interface FakeFrame extends FrameHeader {
	readonly payload: Buffer;
}

export type Credit = Partial<Omit<CreditEntry, 'typeId'>>;

export interface FakeRouterOptions {
	/** Answers hello and declare by itself. On unless said. */
	readonly answers?: boolean;
	/** What a declared type gets at once; unlimited unless said. */
	readonly credit?: Credit;
	readonly welcome?: Partial<WelcomeBody>;
	/** The types that the welcome tells. */
	readonly types?: readonly TypeEntry[];
}

const deadlineMs = 10_000;

/** Waits for a fact; fails with a sentence instead of the test's own timeout. */
export async function until<T>(what: string, look: () => T | undefined | false): Promise<T> {
	const deadline = performance.now() + deadlineMs;
	for (;;) {
		const value = look();
		if (value !== undefined && value !== false) return value;
		if (performance.now() > deadline) throw new Error(`Waited ${deadlineMs} ms in vain for ${what}`);
		await new Promise((resolve) => setTimeout(resolve, 1));
	}
}

/** The router's side of one connection. */
export class FakeClient {
	readonly socket: Socket;
	hello: HelloBody | undefined;
	/** Everything after the hello, in order. */
	readonly frames: FakeFrame[] = [];
	ended = false;
	readonly #reader: FrameReader;

	constructor(socket: Socket, router: FakeRouter) {
		this.socket = socket;
		this.#reader = new FrameReader(maxFrameBytes, (bytes, _view, at, end) => {
			const header = readHeader(bytes, at);
			const frame: FakeFrame = { ...header, payload: Buffer.from(bytes.subarray(at + header.headerBytes, end)) };
			if (frame.kind === FrameKind.hello) {
				this.hello = unpack(frame.payload, 0, frame.payload.length) as HelloBody;
				router.greeted(this);
				return;
			}
			this.frames.push(frame);
			if (frame.kind === FrameKind.declare)
				router.declared(this, (unpack(frame.payload, 0, frame.payload.length) as DeclareBody).types);
		});
		socket.on('data', (chunk) => {
			for (let at = 0; at < chunk.length; ) {
				const space = this.#reader.space();
				const count = Math.min(space.length, chunk.length - at);
				space.set(chunk.subarray(at, at + count));
				const fault = this.#reader.received(count);
				if (fault) throw new Error(`the client sent what is not a frame: ${fault}`);
				at += count;
			}
		});
		socket.on('error', () => {
			// a client that goes away while we write is part of the play
		});
		socket.on('close', () => {
			this.ended = true;
		});
	}

	/** The next frame of this kind that no call has returned yet; those of other kinds stay. */
	async next(kind: FrameKind): Promise<FakeFrame> {
		return until(`a frame of kind ${kind}`, () => {
			const index = this.frames.findIndex((frame) => frame.kind === kind);
			if (index < 0) return undefined;
			return this.frames.splice(index, 1)[0];
		});
	}

	/** So many messages (data frames), taken out. */
	async messages(count: number): Promise<FakeFrame[]> {
		const list: FakeFrame[] = [];
		while (list.length < count) list.push(await this.next(FrameKind.data));
		return list;
	}

	/** What has been reported as consumed of a type, once it is `frames`. */
	async consumed(typeId: number, frames: number): Promise<CreditEntry> {
		return until(`a report of ${frames} frames consumed`, () =>
			this.frames
				.filter(({ kind }) => kind === FrameKind.credit)
				.flatMap(({ payload }) => readCredits(payload, 0, payload.length))
				.find((entry) => entry.typeId === typeId && entry.frames === frames),
		);
	}

	send(fields: FrameFields, payload: Uint8Array = new Uint8Array(0)): void {
		this.socket.write(makeFrame(fields, payload));
	}

	body(kind: FrameKind, body: unknown): void {
		this.send({ kind }, pack(body));
	}

	welcome(body: Partial<WelcomeBody> = {}): void {
		this.body(FrameKind.welcome, {
			proto: 1,
			port: 7,
			runtime: { id: 'id-of-me', name: 'me' },
			maxFrame: maxFrameBytes,
			reports: true,
			windowBytes: 256 * 1024,
			types: [],
			...body,
		} satisfies WelcomeBody);
	}

	typedef(types: readonly TypeEntry[]): void {
		this.body(FrameKind.typedef, { types });
	}

	credit(typeId: number, { frames = 0, bytes = 2 ** 40, unlimited = false }: Credit): void {
		const payload = new Uint8Array(16);
		writeCredit(payload, 0, { typeId, frames, bytes, unlimited });
		this.send({ kind: FrameKind.credit }, payload);
	}

	error(body: Partial<ErrorBody> & Pick<ErrorBody, 'code'>): void {
		this.body(FrameKind.error, { message: `told so: ${body.code}`, fatal: false, ...body });
	}

	/** A message to the client in JSON. */
	message(typeId: number, seq: number, data: unknown, fields: Partial<FrameFields> = {}): void {
		this.send({ kind: FrameKind.data, typeId, src: 3, seq, ...fields }, Buffer.from(JSON.stringify(data)));
	}
}

export class FakeRouter {
	readonly path: string;
	readonly clients: FakeClient[] = [];
	/** Ids given so far, by name and codec. */
	readonly ids = new Map<string, number>();
	options: FakeRouterOptions;
	readonly #folder: string;
	#server: Server;

	private constructor(folder: string, options: FakeRouterOptions) {
		this.#folder = folder;
		this.path = join(folder, 'r.sock');
		this.options = options;
		for (const { id, name, codec } of options.types ?? []) this.ids.set(`${name} ${codec}`, id);
		this.#server = this.#createServer();
	}

	static async start(options: FakeRouterOptions = {}): Promise<FakeRouter> {
		const router = new FakeRouter(await mkdtemp(join(tmpdir(), 'orch-sdk-')), options);
		await router.listen();
		return router;
	}

	async listen(): Promise<void> {
		await rm(this.path, { force: true });
		this.#server = this.#createServer();
		await new Promise<void>((resolve) => this.#server.listen(this.path, resolve));
	}

	/** As a killed process: every connection breaks, and nobody listens until `listen()`. */
	async kill(): Promise<void> {
		const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
		for (const { socket } of this.clients) socket.destroy();
		await closed;
	}

	async close(): Promise<void> {
		await this.kill();
		await rm(this.#folder, { recursive: true, force: true });
	}

	/** The client of the connection number `count`, once it has said hello. */
	async client(count = 1): Promise<FakeClient> {
		return until(`hello number ${count}`, () => {
			const client = this.clients[count - 1];
			return client?.hello && client;
		});
	}

	greeted(client: FakeClient): void {
		if (this.options.answers === false) return;
		client.welcome({ types: this.options.types ?? [], ...this.options.welcome });
	}

	declared(client: FakeClient, types: readonly { readonly name: string; readonly codec: Codec }[]): void {
		if (this.options.answers === false) return;
		const entries = types.map(({ name, codec }) => ({ id: this.idOf(name, codec), name, codec }));
		client.typedef(entries);
		for (const { id } of entries) client.credit(id, this.options.credit ?? { unlimited: true });
	}

	idOf(name: string, codec: Codec = 'json'): number {
		const key = `${name} ${codec}`;
		const id = this.ids.get(key) ?? this.ids.size + 1;
		this.ids.set(key, id);
		return id;
	}

	#createServer(): Server {
		return createServer((socket) => this.clients.push(new FakeClient(socket, this)));
	}
}

export interface Stage {
	readonly router: FakeRouter;
	readonly connection: AnyConnection;
	/** What was said on stderr. */
	readonly said: string[];
}

const open: Stage[] = [];

/** A fake router and a connection to it. */
export async function stage(options: FakeRouterOptions = {}, connectOptions: ConnectOptions = {}): Promise<Stage> {
	const router = await FakeRouter.start(options);
	const said: string[] = [];
	const env = { ORCH_IPC_SOCKET: router.path, ORCH_IPC_TOKEN: 'token', ORCH_RUNTIME_ID: 'id-of-me', ORCH_RUNTIME_NAME: 'me' };
	const connection = connectWith({ env, ...connectOptions }, systemClock, (sentence) => void said.push(sentence));
	const made = { router, connection, said };
	open.push(made);
	return made;
}

/** Takes down what the test has put up. */
export async function endStages(): Promise<void> {
	for (const { connection, router } of open.splice(0)) {
		await connection.close({ timeoutMs: 0 });
		await router.close();
	}
}
