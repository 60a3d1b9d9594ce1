import { settle } from '@orch/base/testing';
import { Type } from 'typebox';
import { describe, expect, it } from 'vitest';
import { createDispatch, type Dispatch } from '../dispatch.ts';
import { OrchError, toWireError } from '../errors.ts';
import { operation, stream } from '../operation.ts';
import { createCaller } from './caller.ts';
import { ourHello } from './our-hello.ts';
import { Session, type SessionOptions } from './session.ts';

const api = {
	'test.echo': operation({
		summary: 'Echo',
		params: Type.Object({ text: Type.String() }),
		result: Type.Object({ text: Type.String() }),
		errors: [],
	}),
	'test.wait': operation({ summary: 'Wait until cancelled', params: Type.Object({}), result: Type.Object({}), errors: [] }),
	'test.refuse': operation({
		summary: 'Refuse',
		params: Type.Object({}),
		result: Type.Object({}),
		errors: ['runtime.not_found'],
	}),
	'test.break': operation({
		summary: 'Fail with what is not declared',
		params: Type.Object({}),
		result: Type.Object({}),
		errors: [],
	}),
	'test.count': stream({
		summary: 'Count',
		params: Type.Object({ to: Type.Integer() }),
		item: Type.Integer(),
		result: Type.Object({ total: Type.Integer() }),
		errors: [],
	}),
} as const;

function handlers(seen: { produced: number; closed: number; defects: unknown[] }): Dispatch {
	return createDispatch(
		api,
		{
			'test.echo': async ({ text }) => ({ text }),
			'test.wait': (_params, { signal }) =>
				new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true })),
			'test.refuse': async (_params, call) => call.fail('runtime.not_found', { ref: 'x', candidates: ['y'] }),
			'test.break': async () => {
				throw new TypeError('a defect');
			},
			async *'test.count'({ to }) {
				try {
					for (let number = 1; number <= to; number++) {
						seen.produced = number;
						yield number;
					}
					return { total: to };
				} finally {
					seen.closed++;
				}
			},
		},
		{
			check: () => [],
			onDefect: (error) => seen.defects.push(error),
			suggest: (name, known) => known.filter((other) => other.slice(0, 6) === name.slice(0, 6)),
		},
	);
}

/** Two sessions, joined in memory; `stuck` makes the server's channel full. */
function connect(
	options: {
		readonly client?: Partial<SessionOptions>;
		readonly server?: Partial<SessionOptions>;
		readonly dispatch?: Dispatch;
	} = {},
) {
	const seen = { produced: 0, closed: 0, defects: [] as unknown[] };
	const state = { stuck: false, paused: 0, ended: [] as string[] };
	const later = (deliver: () => void) => queueMicrotask(deliver);
	const server: Session = new Session({
		role: 'server',
		hello: ourHello('server/1', 2),
		dispatch: options.dispatch ?? handlers(seen),
		channel: {
			write: (bytes) => {
				later(() => client.receive(bytes));
				return !state.stuck;
			},
			pause: () => state.paused++,
			resume: () => state.paused--,
			end: () => {
				state.ended.push('server');
				later(() => client.disconnected('ended by the server'));
			},
		},
		...options.server,
	});
	const client: Session = new Session({
		role: 'client',
		hello: ourHello('client/1', 1),
		channel: {
			write: (bytes) => {
				later(() => server.receive(bytes));
				return true;
			},
			pause: () => {},
			resume: () => {},
			end: () => {
				state.ended.push('client');
				later(() => server.disconnected('ended by the client'));
			},
		},
		...options.client,
	});
	return { client, server, caller: createCaller<typeof api>(client), seen, state };
}

describe('a session', () => {
	it('answers many requests at once, each exactly once', async () => {
		const { caller, client } = connect();
		const answers = await Promise.all(Array.from({ length: 50 }, (_, number) => caller.call('test.echo', { text: `${number}` })));
		expect(answers.map(({ text }) => text)).toEqual(Array.from({ length: 50 }, (_, number) => `${number}`));
		expect(client.calls).toBe(0);
	});

	it('tells a declared error with its code, sentence, hint and exit code', async () => {
		const { caller } = connect();
		await expect(caller.call('test.refuse', {})).rejects.toMatchObject({
			wire: { code: 'runtime.not_found', message: "no runtime 'x'\n  did you mean: y", hint: 'orch ps', exit: 4 },
		});
	});

	it('tells a defect as internal, and reports it', async () => {
		const { caller, seen } = connect();
		await expect(caller.call('test.break', {})).rejects.toMatchObject({ code: 'internal' });
		expect(seen.defects).toHaveLength(1);
	});

	it('suggests names near to an unknown operation', async () => {
		const { client } = connect();
		await expect(client.request('test.ecko', {})).rejects.toMatchObject({
			code: 'operation.unknown',
			wire: { data: { candidates: ['test.echo'] } },
		});
	});

	it('cancels a call under way, which is still answered exactly once', async () => {
		const { caller, client, server } = connect();
		const controller = new AbortController();
		const call = caller.call('test.wait', {}, { signal: controller.signal });
		await settle();
		controller.abort();
		await expect(call).rejects.toMatchObject({ code: 'cancelled' });
		expect([client.calls, server.calls]).toEqual([0, 0]);
	});

	it('streams items in order and ends with the summary', async () => {
		const { caller } = connect();
		const items: number[] = [];
		const counting = caller.stream('test.count', { to: 100 }, { window: 8 });
		let next = await counting.next();
		for (; !next.done; next = await counting.next()) items.push(next.value);
		expect(items).toEqual(Array.from({ length: 100 }, (_, index) => index + 1));
		expect(next.value).toEqual({ total: 100 });
	});

	it('produces nothing beyond the window of a reader that does not read', async () => {
		const { caller, seen } = connect();
		const counting = caller.stream('test.count', { to: 1_000_000 }, { window: 10 });
		await counting.next();
		await settle();
		await settle();
		expect(seen.produced).toBeLessThanOrEqual(10);
		await counting.return({ total: 0 });
	});

	it('ends the stream at its source when the reader leaves early', async () => {
		const { caller, seen, server } = connect();
		for await (const number of caller.stream('test.count', { to: 1_000_000 }, { window: 4 })) if (number === 2) break;
		await settle();
		await settle();
		expect(seen.closed).toBe(1);
		expect(server.calls).toBe(0);
	});

	it('stops producing and reading while the socket is full, and goes on when it drains', async () => {
		const { client, server, state, seen } = connect();
		await client.hello();
		state.stuck = true;
		const counting = client.stream('test.count', { to: 20 }, { window: 1000 });
		const first = counting.next();
		await settle();
		expect(seen.produced).toBe(1);
		expect(state.paused).toBe(1);
		state.stuck = false;
		server.writable();
		await first;
		const rest: unknown[] = [];
		for await (const item of counting) rest.push(item);
		expect(rest).toHaveLength(19);
		expect(state.paused).toBe(0);
	});

	it('never waits for a reader that waits for it: both sides send much at once over channels that hold little', async () => {
		/** One direction: holds so many bytes, delivers in portions while its reader is not paused, tells when it is empty again. */
		const pipe = (holds: number) => {
			const waiting: Uint8Array[] = [];
			let bytes = 0;
			let paused = false;
			let isFull = false;
			const ends: { reader?: Session; writer?: Session } = {};
			let scheduled = false;
			const schedule = () => {
				if (scheduled || paused || waiting.length === 0) return;
				scheduled = true;
				// a turn of its own for each portion: answers are written between them, as on a real socket
				setImmediate(deliver);
			};
			const deliver = () => {
				scheduled = false;
				const part = paused ? undefined : waiting.shift();
				if (!part) return;
				bytes -= part.length;
				ends.reader?.receive(part);
				if (isFull && bytes === 0) {
					isFull = false;
					ends.writer?.writable();
				}
				schedule();
			};
			return {
				ends,
				write: (part: Uint8Array) => {
					waiting.push(part);
					bytes += part.length;
					schedule();
					isFull ||= bytes > holds;
					return !isFull;
				},
				pause: () => {
					paused = true;
				},
				resume: () => {
					paused = false;
					schedule();
				},
			};
		};
		const up = pipe(65_536);
		const down = pipe(65_536);
		const seen = { produced: 0, closed: 0, defects: [] };
		const server = new Session({
			role: 'server',
			hello: ourHello('server/1', 2),
			dispatch: handlers(seen),
			channel: { write: down.write, pause: up.pause, resume: up.resume, end: () => {} },
		});
		up.ends.reader = server;
		down.ends.writer = server;
		const client = new Session({
			role: 'client',
			hello: ourHello('client/1', 1),
			channel: { write: up.write, pause: down.pause, resume: down.resume, end: () => {} },
		});
		down.ends.reader = client;
		up.ends.writer = client;
		const text = 'x'.repeat(200_000);
		const answers = await Promise.all(Array.from({ length: 20 }, () => client.request('test.echo', { text })));
		expect(answers).toEqual(Array.from({ length: 20 }, () => ({ text })));
	});

	it('refuses more requests than the limit, and only those', async () => {
		const { caller, client } = connect({ server: { maxRequests: 3 } });
		const controller = new AbortController();
		const waiting = [1, 2, 3].map(() => caller.call('test.wait', {}, { signal: controller.signal }));
		await settle();
		await expect(client.request('test.echo', { text: 'x' })).rejects.toMatchObject({ code: 'busy' });
		controller.abort();
		await Promise.allSettled(waiting);
		await expect(caller.call('test.echo', { text: 'x' })).resolves.toEqual({ text: 'x' });
	});

	/** Nested deeper than anything can be written down. */
	const endless = () => {
		let value: unknown = 1;
		for (let level = 0; level < 100_000; level++) value = [value];
		return value;
	};

	it('ends a stream whose item cannot be sent, once, and closes its source', async () => {
		for (const item of [endless(), 'x'.repeat(2_000)]) {
			let closed = 0;
			let given = 0;
			const { client, server, caller } = connect({
				client: { hello: { ...ourHello('client/1', 1), maxFrame: 1_000 } },
				dispatch: async (name) =>
					name === 'test.echo'
						? { kind: 'ok', result: { text: 'still there' } }
						: {
								kind: 'stream',
								items: {
									next: async () => ({ kind: 'item', item: given++ === 0 ? 'fine' : item }),
									close: async () => {
										closed++;
									},
								},
							},
			});
			await client.hello();
			await settle();
			const items: unknown[] = [];
			const reading = (async () => {
				for await (const one of client.stream('test.follow', {})) items.push(one);
			})();
			await expect(reading).rejects.toMatchObject({ code: typeof item === 'string' ? 'protocol.too_long' : 'internal' });
			await settle();
			expect([items, given, closed, server.calls, client.calls]).toEqual([['fine'], 2, 1, 0, 0]);
			expect(await caller.call('test.echo', { text: '' })).toEqual({ text: 'still there' });
		}
	});

	it('tells that an answer is longer than the other side takes, instead of it, and goes on', async () => {
		const { client, caller } = connect({ client: { hello: { ...ourHello('client/1', 1), maxFrame: 1_000 } } });
		await client.hello();
		await expect(caller.call('test.echo', { text: 'x'.repeat(1_000) })).rejects.toMatchObject({
			code: 'protocol.too_long',
			message: expect.stringMatching(
				/^cannot send an answer of 1\d\d\d bytes: the other side takes at most 1000 in one message$/,
			),
			wire: { hint: 'ask for less at once' },
		});
		await expect(client.request('test.'.padEnd(2_000, 'x'), {})).rejects.toMatchObject({ code: 'protocol.too_long' });
		expect(await caller.call('test.echo', { text: 'x'.repeat(900) })).toEqual({ text: 'x'.repeat(900) });
	});

	it('takes the usual limit where the other side tells none that could be', async () => {
		for (const maxFrame of [0, Number.NaN]) {
			const { client, caller } = connect({ client: { hello: { ...ourHello('client/1', 1), maxFrame } } });
			await client.hello();
			expect(await caller.call('test.echo', { text: 'x'.repeat(100_000) })).toEqual({ text: 'x'.repeat(100_000) });
		}
	});

	it('does not ask what the other side would not take', async () => {
		const { client, server, caller } = connect({ server: { hello: { ...ourHello('server/1', 2), maxFrame: 1_000 } } });
		await client.hello();
		const refused = await caller.call('test.echo', { text: 'x'.repeat(1_000) }).catch((error: OrchError) => toWireError(error));
		expect(refused).toMatchObject({
			code: 'protocol.too_long',
			message: expect.stringMatching(
				/^cannot send a request of 1\d\d\d bytes: the other side takes at most 1000 in one message$/,
			),
			hint: 'send less at once',
		});
		await expect(client.request('test.echo', endless())).rejects.toMatchObject({ code: 'internal' });
		await expect(client.stream('test.count', { to: 1, text: 'x'.repeat(1_000) }).next()).rejects.toMatchObject({
			code: 'protocol.too_long',
		});
		expect([client.calls, server.calls]).toEqual([0, 0]);
		expect(() => client.notify('topic', 'x'.repeat(1_000))).toThrow('at most 1000');
		expect(await caller.call('test.echo', { text: 'short' })).toEqual({ text: 'short' });
	});

	it('writes lines of any length to whoever reads lines and says nothing of a limit', async () => {
		let written = 0;
		const server = new Session({
			role: 'server',
			hello: ourHello('server/1', 2),
			dispatch: async () => ({ kind: 'ok', result: 'x'.repeat(17 * 1024 * 1024) }),
			channel: {
				write: (bytes) => {
					written += bytes.length;
					return true;
				},
				pause: () => {},
				resume: () => {},
				end: () => {},
			},
		});
		server.receive(new TextEncoder().encode('{"id":7,"op":"test.long"}\n'));
		await settle();
		expect(written).toBeGreaterThan(17 * 1024 * 1024);
	});

	it('outlives a ping that can be read and cannot be given back', () => {
		const answers = new Set<string>();
		for (let levels = 500; levels <= 15_000; levels += 250) {
			let ended = false;
			const written: Uint8Array[] = [];
			const pinged = new Session({
				role: 'server',
				hello: ourHello('server/1', 2),
				channel: {
					write: (bytes) => written.push(bytes) > 0,
					pause: () => {},
					resume: () => {},
					end: () => {
						ended = true;
					},
				},
			});
			const body = new Uint8Array(levels + 3).fill(0x91);
			body.set([0x92, 8]);
			body[levels + 2] = 1;
			pinged.receive(Uint8Array.of(0xf9, 0x4f, 0x52, 0x43, 1, 0, 0, 0, body.length & 0xff, body.length >> 8, 0, 0, ...body));
			answers.add(`${ended ? 'ended' : 'open'}, ${written.length - 1} answers`);
		}
		// read and given back, or not; or not read, which is told
		for (const answer of answers) expect(['open, 1 answers', 'ended, 0 answers']).toContain(answer);
	});

	it('fails every call with the reason when the connection goes, and aborts those of the other side', async () => {
		const { caller, client, server } = connect();
		const call = caller.call('test.wait', {});
		const counting = caller.stream('test.count', { to: 5 }, { window: 1 });
		await counting.next();
		client.disconnected('the cable was cut');
		server.disconnected('the cable was cut');
		await expect(call).rejects.toMatchObject({ code: 'disconnected', data: { reason: 'the cable was cut' } });
		await expect(counting.next()).rejects.toBeInstanceOf(OrchError);
		expect(server.calls).toBe(0);
	});

	it('refuses a protocol that does not overlap, on both sides, naming both', async () => {
		const { client } = connect({ client: { hello: { ...ourHello('orch/9.0', 1), proto: [8, 9] } } });
		await expect(client.hello()).rejects.toMatchObject({ code: 'protocol.version' });
		await expect(client.request('test.echo', { text: '' })).rejects.toMatchObject({
			message: 'this client (orch/9.0, protocol 8–9) cannot talk to orchd (server/1, protocol 1)\n  daemon (pid 2)',
			data: { pid: 2, older: 'daemon' },
		});
	});

	it('answers first bytes of neither encoding with one readable line, then ends', () => {
		for (const opening of ['GET / HTTP/1.1\r\n', '\u0016\u0003\u0001', '\u0000']) {
			const written: string[] = [];
			let ended = 0;
			const server = new Session({
				role: 'server',
				hello: ourHello('server/1', 2),
				channel: {
					write: (bytes) => written.push(new TextDecoder().decode(bytes)) > 0,
					pause: () => {},
					resume: () => {},
					end: () => ended++,
				},
			});
			server.receive(new TextEncoder().encode(opening));
			expect(written).toHaveLength(1);
			expect(JSON.parse(written[0] ?? '')).toMatchObject({ error: { code: 'protocol.malformed' } });
			expect(ended).toBe(1);
		}
	});

	it('speaks JSON Lines when the first byte is a brace, also behind white space and byte by byte', async () => {
		const seen = { produced: 0, closed: 0, defects: [] };
		let text = '';
		const server = new Session({
			role: 'server',
			hello: ourHello('server/1', 2),
			dispatch: handlers(seen),
			channel: {
				write: (bytes) => {
					text += new TextDecoder().decode(bytes);
					return true;
				},
				pause: () => {},
				resume: () => {},
				end: () => {},
			},
		});
		for (const byte of new TextEncoder().encode(
			'\n {"id":7,"op":"test.count","params":{"to":2}}\n{"id":8,"op":"test.echo","params":{"text":"é"}}\n',
		))
			server.receive(Uint8Array.of(byte));
		await settle();
		await settle();
		const lines = text
			.trim()
			.split('\n')
			.map((line) => JSON.parse(line));
		expect(lines.filter(({ id }) => id === 7)).toEqual([
			{ id: 7, items: [1] },
			{ id: 7, items: [2] },
			{ id: 7, end: { total: 2 } },
		]);
		expect(lines.filter(({ id }) => id === 8)).toEqual([{ id: 8, ok: { text: 'é' } }]);
	});

	it('takes its preface and its frames byte by byte', async () => {
		const { client, server } = connect();
		await client.hello();
		const bytes: number[] = [];
		const copy = new Session({
			role: 'client',
			hello: ourHello('slow/1', 3),
			channel: { write: (part) => bytes.push(...part) > 0, pause: () => {}, resume: () => {}, end: () => {} },
		});
		void copy.request('test.echo', { text: 'slowly' }).catch(() => {});
		const written: Uint8Array[] = [];
		const seen = { produced: 0, closed: 0, defects: [] };
		const slow = new Session({
			role: 'server',
			hello: ourHello('server/1', 2),
			dispatch: handlers(seen),
			channel: { write: (part) => written.push(part) > 0, pause: () => {}, resume: () => {}, end: () => {} },
		});
		for (const byte of bytes) slow.receive(Uint8Array.of(byte));
		await settle();
		expect(written).toHaveLength(2);
		server.close();
	});
});
