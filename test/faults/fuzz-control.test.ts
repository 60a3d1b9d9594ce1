/** What no client should send, a hundred thousand times over: the daemon, the router and everybody else go on as if nothing were. */
import { createConnection, type Socket } from 'node:net';
import type { Random } from '@orch/base';
import { seededRandom } from '@orch/base/testing';
import { createJsonCodec, createMsgpackCodec, type Message, ourHello, preface } from '@orch/protocol/wire';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { codeOf, LineClient, type Orchd, residentBytesOf, until, useSandbox, Watch } from '../support/index.ts';

const sandbox = useSandbox();
let orchd: Orchd;
let watch: Watch;
beforeAll(async () => {
	orchd = await sandbox.startDaemon({ args: ['--log-level', 'error'] });
	watch = await Watch.begin(orchd);
});
afterAll(() => watch.stop());

const nobody = '01900000-0000-7000-8000-00000000ffff';
type Call = readonly [operation: string, params: object];

/** What a client says, one of each kind: the seeds of the mutations. What would end the daemon or touch the witness is not among them. */
const corpusOf = (calls: readonly Call[]): readonly Message[] => [
	{ kind: 'hello', hello: ourHello('fuzz/1', 1) },
	...calls.map(
		([operation, params], index): Message => ({
			kind: 'request',
			id: index * 2 + 1,
			operation,
			params,
			options: index % 3 === 0 ? { window: 4 } : {},
		}),
	),
	{ kind: 'cancel', id: 3 },
	{ kind: 'window', id: 5, more: 10 },
	{ kind: 'ok', id: 2, result: { a: [1, 'two', null, { b: true }] } },
	{ kind: 'items', id: 4, items: [{ bytes: new Uint8Array(8) }] },
	{ kind: 'end', id: 4, summary: { skipped: 0 } },
	{ kind: 'notify', topic: 'topic', payload: [1, 2, 3] },
	{ kind: 'ping', value: 'x'.repeat(20) },
	{ kind: 'error', id: 2, error: { code: 'busy', number: 'E150', message: 'x', exit: 1, retryable: true } },
];

const callsOfDaemon: readonly Call[] = [
	['daemon.version', {}],
	['daemon.status', {}],
	['runtime.list', { status: 'running' }],
	['runtime.show', { runtime: 'nobody' }],
	['runtime.start', { runtime: 'nobody', priority: 'high' }],
	['runtime.stop', { runtime: 'nobody', graceMs: 5 }],
	['runtime.signal', { runtime: 'nobody', signal: 'SIGHUP' }],
	['runtime.stdout', { runtime: 'nobody', follow: true, lines: 5 }],
	[
		'runtime.add',
		{ program: '/nowhere/program', args: ['a', 'b'], cwd: '/', env: { A: 'b' }, name: 'added', restart: { when: 'no' } },
	],
	['link.add', { from: 'nobody', type: 'Type', to: 'no-one', queue: 10, overflow: 'latest' }],
	['link.list', {}],
	['link.remove', { link: '0123abcd' }],
	['link.tap', { type: 'None', bodyBytes: 10 }],
	['link.send', { to: 'nobody', type: 'Type', body: new Uint8Array([1, 2, 3]), codec: 'json' }],
	['link.stats', {}],
	['binary.chunk', { upload: 'none', offset: 0, bytes: new Uint8Array(64) }],
];

/**
 * What orchd says to its router. Not that another table is in force, that it is to end, or that somebody else is told what happens: whoever
 * says that on this socket, which is orchd's alone, is obeyed.
 */
const callsOfRouter: readonly Call[] = [
	['router.status', {}],
	['router.stats', {}],
	['router.types', {}],
	['router.ended', { runtime: nobody, generation: 1 }],
	['router.tap', { links: [nobody], bodyBytes: 10 }],
	['router.send', { from: null, to: nobody, type: 'Type', codec: 'json', body: new Uint8Array([1, 2, 3]) }],
	['router.send', { from: nobody, to: null, type: 'Type', codec: 'msgpack', body: new Uint8Array([0x91, 0xc0]) }],
	['router.answer', { request: 4_000_000_000, ok: { a: 1 } }],
];

/** Bytes that parsers stumble over: markers of MessagePack with lengths to come, numbers at their limits, broken UTF-8. */
const dictionary = [
	'c1',
	'ddffffffff',
	'dfffffffff',
	'c6ffffffff',
	'dbffffffff',
	'c9ffffffff00',
	'cfffffffffffffffff',
	'cb7ff8000000000000',
	'9a',
	'de7fff',
	'd9ff',
	'edbfbf',
	'00',
	'ff',
	'7b7d',
	'5b5b5b5b',
	'2c2c',
	'226f70223a',
].map((hex) => Buffer.from(hex, 'hex'));

function mutate(bytes: Buffer, random: Random): Buffer {
	let mutant = Buffer.from(bytes);
	const at = () => Math.floor(random.float() * (mutant.length + 1));
	for (let times = 1 + Math.floor(random.float() * 4); times > 0; times--) {
		const from = at();
		switch (Math.floor(random.float() * 7)) {
			case 0:
				if (from < mutant.length) mutant[from] = (mutant[from] ?? 0) ^ (1 << Math.floor(random.float() * 8));
				break;
			case 1:
				if (from < mutant.length) mutant[from] = Math.floor(random.float() * 256);
				break;
			case 2:
				mutant = mutant.subarray(0, from);
				break;
			case 3:
				mutant = Buffer.concat([mutant.subarray(0, from), mutant.subarray(at())]);
				break;
			case 4:
				mutant = Buffer.concat([
					mutant.subarray(0, from),
					dictionary[Math.floor(random.float() * dictionary.length)] ?? Buffer.alloc(0),
					mutant.subarray(from),
				]);
				break;
			case 5:
				mutant = Buffer.concat([mutant, mutant.subarray(from)]);
				break;
			default:
				// nested so deeply that a careless reader runs out of stack
				if (random.float() < 0.02)
					mutant = Buffer.concat([
						mutant.subarray(0, from),
						Buffer.alloc(20_000, random.float() < 0.5 ? 0x91 : 0x5b),
						mutant.subarray(from),
					]);
		}
	}
	return mutant;
}

/** Connects, writes, reads what comes and forgets it. */
class Torrent {
	readonly #path: string;
	#socket: Socket | undefined;
	/** Bytes that came back: that what was written has been read at all. */
	answered = 0;

	constructor(path = sandbox.socket) {
		this.#path = path;
	}

	async write(bytes: Uint8Array, opening: Uint8Array): Promise<void> {
		if (!this.#socket || this.#socket.destroyed || !this.#socket.writable) {
			const socket = createConnection({ path: this.#path });
			socket.on('data', (bytes) => {
				this.answered += bytes.length;
			});
			socket.on('error', () => {});
			this.#socket = socket;
			socket.write(opening);
		}
		const socket = this.#socket;
		if (socket.write(bytes)) return;
		await new Promise<void>((resolve) => {
			socket.once('drain', resolve);
			socket.once('close', () => resolve());
		});
	}

	/** Says no more, in the middle of whatever it was saying, and reads the answers to their end. */
	async leave(): Promise<void> {
		const socket = this.#socket;
		this.#socket = undefined;
		if (!socket || socket.destroyed) return;
		await new Promise<void>((resolve) => {
			socket.once('close', () => resolve());
			socket.end();
			// a mutant may have asked for a stream that never ends
			setTimeout(() => socket.destroy(), 250).unref();
		});
	}
}

const frames = 100_000;

describe.each([
	['the control socket', '', corpusOf(callsOfDaemon)],
	['the socket on which orchd speaks to the router', '.d/router.sock', corpusOf([...callsOfRouter, ...callsOfDaemon])],
])('mutated frames on %s', (_where, path, corpus) => {
	it('a hundred thousand in MessagePack: daemon, router and witness are unharmed', async () => {
		await watch.unharmed(async () => {
			const random = seededRandom(2026);
			const codec = createMsgpackCodec();
			const seeds = corpus.map((message) => Buffer.from(codec.encode(message)));
			const torrent = new Torrent(`${sandbox.socket}${path}`);
			for (let sent = 0; sent < frames; sent++) {
				const seed = seeds[Math.floor(random.float() * seeds.length)] ?? Buffer.alloc(0);
				const chance = random.float();
				if (chance < 0.005) {
					await torrent.write(mutate(seed, random), preface);
				} else {
					const body = mutate(seed.subarray(4), random);
					const length = Buffer.alloc(4);
					length.writeUInt32LE(body.length);
					await torrent.write(Buffer.concat([length, body]), chance < 0.01 ? mutate(Buffer.from(preface), random) : preface);
				}
				// where the framing itself may be lost, what would follow on that connection is lost with it
				if (chance < 0.005 || sent % 500 === 499) await torrent.leave();
			}
			await torrent.leave();
			// most of them were read and refused, one by one
			expect(torrent.answered).toBeGreaterThan(frames * 50);
		});
	});

	it('a hundred thousand in JSON Lines: daemon, router and witness are unharmed', async () => {
		await watch.unharmed(async () => {
			const random = seededRandom(2027);
			const codec = createJsonCodec();
			const seeds = corpus.map((message) => Buffer.from(codec.encode(message)));
			const torrent = new Torrent(`${sandbox.socket}${path}`);
			for (let sent = 0; sent < frames; sent++) {
				const seed = seeds[Math.floor(random.float() * seeds.length)] ?? Buffer.alloc(0);
				const line =
					random.float() < 0.02 ? mutate(seed, random) : Buffer.concat([mutate(seed.subarray(0, -1), random), Buffer.from('\n')]);
				await torrent.write(line, Buffer.from('{"ping":1}\n'));
				if (sent % 500 === 499) await torrent.leave();
			}
			await torrent.leave();
			// most of them were read and refused, one by one
			expect(torrent.answered).toBeGreaterThan(frames * 50);
		});
	});
});

describe('supervision 3.1.43: malformed protocol frames', () => {
	it('a line of a gigabyte: refused at the limit, not kept, and the next line is read', async () => {
		await watch.unharmed(async () => {
			const client = await LineClient.connect(sandbox.socket);
			client.send('{"id":1,"op":"');
			const portion = Buffer.alloc(4 * 1024 * 1024, 'x');
			let highest = 0;
			for (let sent = 0; sent < 1024 ** 3; sent += portion.length) {
				if (!client.socket.write(portion)) await new Promise((resolve) => client.socket.once('drain', resolve));
				highest = Math.max(highest, residentBytesOf(orchd.pid));
			}
			client.send('"}\n', { id: 2, op: 'daemon.version' });
			expect(await client.next('the refusal')).toMatchObject({ error: { code: 'protocol.malformed' } });
			expect(await client.next('the answer')).toMatchObject({ id: 2, ok: { pid: orchd.pid } });
			expect(highest).toBeLessThan(400 * 1024 * 1024);
			client.close();
		});
	});

	it('nesting without end, in both encodings: answered, and the connection goes on', async () => {
		await watch.unharmed(async () => {
			const client = await LineClient.connect(sandbox.socket);
			for (const depth of [1_000, 100_000, 1_000_000]) {
				client.send(`{"id":7,"op":"runtime.list","params":${'['.repeat(depth)}\n`);
				expect(await client.next('the refusal')).toMatchObject({ error: { code: 'protocol.malformed' } });
				client.send(`{"id":8,"op":"runtime.list","params":${'['.repeat(depth)}${']'.repeat(depth)}}\n`);
				expect(await client.next('the refusal')).toMatchObject({
					error: { code: expect.stringMatching(/^(protocol\.malformed|request\.invalid)$/) as string },
				});
			}
			client.send({ id: 9, op: 'daemon.version' });
			expect(await client.next('the answer')).toMatchObject({ id: 9, ok: { pid: orchd.pid } });
			client.close();
			const torrent = new Torrent();
			for (const marker of [0x91, 0x81, 0xc7]) {
				const body = Buffer.concat([Buffer.from([0x95, 0x00, 0x01, 0xa1, 0x78]), Buffer.alloc(4_000_000, marker)]);
				const length = Buffer.alloc(4);
				length.writeUInt32LE(body.length);
				await torrent.write(Buffer.concat([length, body]), preface);
			}
			await torrent.leave();
		});
	});

	it('half a line, half a frame, half a preface, then nothing, then the end: nothing is kept', async () => {
		await watch.unharmed(async () => {
			const codec = createMsgpackCodec();
			const whole = Buffer.concat([
				preface,
				codec.encode({ kind: 'request', id: 1, operation: 'runtime.list', params: {}, options: {} }),
			]);
			for (let length = 0; length < whole.length; length++) {
				const torrent = new Torrent();
				await torrent.write(whole.subarray(0, length), Buffer.alloc(0));
				await torrent.leave();
			}
			const torrent = new Torrent();
			await torrent.write(Buffer.from('{"id":1,"op":"runtime.li'), Buffer.alloc(0));
			await torrent.leave();
		});
	});

	it('a first byte of no protocol (HTTP, TLS, NUL): the connection is closed', async () => {
		await watch.unharmed(async () => {
			for (const opening of ['GET / HTTP/1.1\r\n\r\n', Buffer.from('16030100', 'hex'), Buffer.alloc(10)]) {
				const client = await LineClient.connect(sandbox.socket);
				client.send(opening);
				await client.ends();
			}
		});
	});

	it('more connections, and more requests on one, than there may be: refused, and room again afterwards', async () => {
		await watch.unharmed(async () => {
			const crowd = await Promise.all(Array.from({ length: 400 }, () => LineClient.connect(sandbox.socket)));
			await until('some are turned away', () => crowd.filter(({ closed }) => closed).length >= 400 - 256);
			for (const client of crowd) client.close();
			const greedy = await until('there is room again', () => orchd.client().catch(() => undefined));
			const calls = Array.from({ length: 200 }, () => codeOf(greedy.call('runtime.show', { runtime: 'nobody' })));
			expect([...new Set(await Promise.all(calls))].sort()).toEqual(['busy', 'runtime.not_found']);
			expect((await greedy.call('daemon.version', {})).pid).toBe(orchd.pid);
			greedy.close();
		});
	});
});
