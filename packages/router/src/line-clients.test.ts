/** What clients of JSON Lines and of Veecle's dialect may say, and what they are told. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ManualClock, until } from '@orch/base/testing';
import { FrameFlag, FrameKind } from '@orch/protocol/data';
import { pack, unpack } from '@orch/protocol/wire';
import { type Rig, startRig } from './testing/rig.ts';

let rig: Rig;
beforeEach(async () => {
	rig = await startRig();
	await rig.add('a', 'b', 'c');
});
afterEach(() => rig.close());

/** Reads orchd's side of the events until the test ends. */
function events() {
	const abort = new AbortController();
	const seen: { kind: string; [key: string]: unknown }[] = [];
	const reading = (async () => {
		for await (const event of rig.router.events(abort.signal)) seen.push(event);
	})();
	return {
		seen,
		of: (kind: string) => seen.filter((event) => event.kind === kind),
		stop: () => {
			abort.abort();
			return reading;
		},
	};
}

describe('JSON Lines', () => {
	test('a message is a type and its data, in any order of keys and with any blanks', async () => {
		await rig.link('a', 'Ping', 'b', { overflow: 'drop-newest' });
		const [a, b] = [await rig.lines('a'), await rig.frames('b')];
		a.raw(
			'{"type":"Ping","data":1}\n{"type":"Ping","data":[2, 2]}\n{ "type" : "Ping" , "data" : "3" }\n{"data":{"n":4},"type":"Ping"}\n{"type":"Ping"}\n',
		);
		a.raw('{"type":"Ping","data":6 }  \r\n{"t":"Ping","v":7}\n{"type":"Pi\\u006eg","data":1e400}\n');
		await until('all', () => b.messages.length === 8);
		expect(b.messages).toEqual(['1', '[2, 2]', '"3"', '{"n":4}', 'null', '6', '7', '1e400']);
		expect(b.of(FrameKind.data).map(({ header }) => header.seq)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
	});

	test('what looks like the last line and goes on otherwise is looked at anew', async () => {
		await rig.link('a', 'Ping', 'b');
		await rig.link('a', 'Pingpong', 'b');
		const [a, b] = [await rig.lines('a'), await rig.frames('b')];
		a.raw(
			'{"type":"Ping","data":1}\n{"type":"Ping","data":1,"extra":true}\n{"type":"Ping","data":{"a":1}}}\n{"type":"Ping","data":tru}\n{"type":"Pingpong","data":2}\n{"type":"Ping","data":3}\n',
		);
		await until('all', () => b.messages.length === 4);
		expect(b.messages).toEqual(['1', '1', '2', '3']);
		await until('two errors', () => a.lines.length === 2);
		expect(a.values.map(({ error }) => (error as { code: string }).code)).toEqual(['protocol', 'protocol']);
	});

	test('whoever writes short keys reads short keys', async () => {
		await rig.link('*', 'Ping', 'b');
		const [a, b] = [await rig.frames('a'), await rig.lines('b')];
		b.write('{"t":"Hello","v":0}');
		a.send(await a.declare('Ping'), '{"n":1}');
		await until('a line', () => b.lines.length === 1);
		expect(b.lines).toEqual(['{"t":"Ping","v":{"n":1},"from":"a"}']);
	});

	test.each([
		['an empty line', '\n'],
		['a hello', '{"hello":{}}\n'],
	])('a listener begins with %s', async (_what, first) => {
		await rig.link('a', 'Ping', 'b');
		const [a, b] = [await rig.frames('a'), await rig.lines('b')];
		b.raw(first);
		a.send(await a.declare('Ping'), '1');
		await until('a line', () => b.lines.length === 1);
		expect(b.values).toEqual([{ type: 'Ping', data: 1, from: 'a' }]);
	});

	test('one who says nothing is told how to begin, and closed', async () => {
		await rig.close();
		const clock = new ManualClock();
		rig = await startRig({ clock });
		await rig.add('a');
		const silent = await rig.lines('a');
		await until('the connection', () => clock.pending > 0);
		await clock.advance(1_999);
		expect(silent.lines).toEqual([]);
		await clock.advance(1);
		await until('the end', () => silent.closed);
		expect(clock.pending).toBe(0);
		expect(silent.values).toEqual([{ error: { code: 'hello_timeout', message: expect.stringContaining('{"hello":{}}') } }]);
	});

	test('MessagePack becomes JSON, bytes become base64, and base64 becomes bytes', async () => {
		for (const type of ['Pack', 'Raw']) {
			await rig.link('a', type, 'b');
			await rig.link('b', type, 'a');
		}
		const [a, b] = [await rig.frames('a'), await rig.lines('b')];
		b.write('');
		const [packed, raw] = [await a.declare('Pack', 'msgpack'), await a.declare('Raw', 'raw')];
		a.send(
			packed,
			pack({ n: 1, bytes: new Uint8Array([1, 2]), list: [null, 'ü'] }),
			Buffer.from([0x92, 0x01]),
			pack(2n ** 63n - 1n),
		);
		a.send(raw, Buffer.from([0, 255]));
		await until('the lines', () => b.lines.length === 4);
		const lines = b.values;
		expect(lines).toContainEqual({ type: 'Pack', data: { n: 1, bytes: 'AQI=', list: [null, 'ü'] }, from: 'a' });
		expect(lines).toContainEqual({ dropped: { type: 'Pack', count: 1, reason: 'codec', from: 'a' } });
		// a number would be another one
		expect(lines).toContainEqual({ type: 'Pack', data: '9223372036854775807', from: 'a' });
		expect(lines).toContainEqual({ type: 'Raw', b64: 'AP8=', from: 'a' });
		b.write({ type: 'Raw', b64: 'AQI=' }, { type: 'Raw', b64: '***' }, { type: 'Pack', data: { back: true } });
		await until('both', () => a.of(FrameKind.data).length === 2);
		expect(a.of(FrameKind.data).map(({ payload }) => payload.toString('hex'))).toEqual([
			'0102',
			Buffer.from('{"back":true}').toString('hex'),
		]);
		expect(a.bodies(FrameKind.typedef).flatMap(({ types }) => types)).toContainEqual({
			id: expect.any(Number),
			name: 'Pack',
			codec: 'json',
		});
		await until('the error', () => b.values.some(({ error }) => (error as { code: string } | undefined)?.code === 'protocol'));
	});

	test('a short message that would make a very long line is none', async () => {
		const link = await rig.link('a', 'Pack', 'b');
		const [a, b] = [await rig.frames('a'), await rig.lines('b')];
		b.write('');
		const key = Buffer.alloc(2_000, 'x');
		const rows = 2_000;
		// a record of one key, and then that record again and again, each in two bytes
		const first = Buffer.from([0xd4, 0x72, 0x40, 0x91, 0xda, key.length >> 8, key.length & 0xff, ...key, 1]);
		const records = [
			Buffer.from([0xdc, (rows + 1) >> 8, (rows + 1) & 0xff]),
			first,
			Buffer.alloc(2 * rows, Buffer.from([0x40, 1])),
		];
		a.send(await a.declare('Pack', 'msgpack'), Buffer.concat(records), pack({ n: 1 }));
		await until('what follows it', () => b.values.some(({ data }) => data !== undefined));
		expect(b.values).toEqual([
			{ dropped: { type: 'Pack', count: 1, reason: 'codec', from: 'a' } },
			{ type: 'Pack', data: { n: 1 }, from: 'a' },
		]);
		expect(rig.counters(link).dropped).toEqual({ codec: 1 });
	});

	test('under block it is not held up: what does not fit is dropped as from a sender without credit', async () => {
		const link = await rig.link('a', 'Ping', 'b', { messages: 5 });
		const [a, b, c] = [await rig.lines('a'), await rig.frames('b', { reports: false }), await rig.frames('c')];
		await rig.link('a', 'Pong', 'c');
		b.pause();
		const big = JSON.stringify({ type: 'Ping', data: 'x'.repeat(1_000_000) });
		for (let count = 0; count < 12; count++) a.write(big);
		a.write({ type: 'Pong', data: 1 });
		await until('the other type', () => c.messages.length === 1);
		const { received, inFlight, queued, dropped } = rig.counters(link);
		expect([received, queued, dropped]).toEqual([12, 5, { no_credit_sender: 12 - inFlight - 5 }]);
	});

	test('a request and its reply, both ways', async () => {
		await rig.link('a', 'Ask', 'b');
		await rig.link('b', 'Ask', 'a');
		const [a, b] = [await rig.frames('a'), await rig.lines('b')];
		b.write('');
		const ask = await a.declare('Ask');
		a.request(ask, 5, '{"q":1}');
		await until('the request', () => b.lines.length === 1);
		expect(b.values).toEqual([{ type: 'Ask', data: { q: 1 }, from: 'a', id: `${a.port}.5` }]);
		b.write({ re: `${a.port}.5`, data: { answer: 42 } }, { re: `${a.port}.5`, data: 'again' }, { re: 'nonsense', data: 0 });
		await until('the reply', () => a.of(FrameKind.reply).length === 1);
		expect(
			a.of(FrameKind.reply).map(({ header, payload }) => [header.corr, header.dst, header.typeId, payload.toString()]),
		).toEqual([[5, a.port, ask, '{"answer":42}']]);
		await until('the counts', () => rig.faults('b')['late_reply'] === 1 && b.lines.length === 2);

		b.write({ type: 'Ask', data: 'to you', id: 'mine-1' });
		await until('the other request', () => a.of(FrameKind.request).length === 1);
		const [request] = a.of(FrameKind.request);
		if (request) a.reply(request, '"and back"');
		await until('its reply', () => b.lines.length === 3);
		expect(b.values[2]).toEqual({ type: 'Ask', data: 'and back', from: 'a', re: 'mine-1' });
	});

	test('replies take the codec of the request, and errors are replies, too', async () => {
		for (const type of ['Pack', 'Raw', 'Json']) await rig.link('a', type, 'b');
		const [a, b] = [await rig.frames('a'), await rig.lines('b')];
		b.write('');
		const types = [await a.declare('Pack', 'msgpack'), await a.declare('Raw', 'raw'), await a.declare('Json')];
		for (const [index, type] of types.entries())
			a.frame({ kind: FrameKind.request, typeId: type, src: a.port, corr: index }, index === 0 ? pack([1]) : Buffer.from('[1]'));
		await until('the requests', () => b.lines.length === 3);
		b.write(
			{ re: `${a.port}.0`, data: { n: [1] } },
			{ re: `${a.port}.1`, b64: 'AQI=' },
			{ re: `${a.port}.2`, error: { code: 'no', message: 'not today' } },
		);
		await until('the replies', () => a.of(FrameKind.reply).length === 3);
		const [packed, raw, json] = a.of(FrameKind.reply);
		expect(unpack(packed?.payload as Buffer)).toEqual({ n: [1] });
		expect(raw?.payload.toString('hex')).toBe('0102');
		expect([(json?.header.flags as number) & FrameFlag.error, unpack(json?.payload as Buffer)]).toEqual([
			FrameFlag.error,
			{ code: 'no', message: 'not today' },
		]);
	});

	test('an error reply of a binary client is told with its code', async () => {
		await rig.link('b', 'Ask', 'a');
		const [a, b] = [await rig.frames('a'), await rig.lines('b')];
		b.write({ type: 'Ask', data: 0, id: 1 });
		await until('the request', () => a.of(FrameKind.request).length === 1);
		const [request] = a.of(FrameKind.request);
		if (request) {
			const { typeId, corr, src } = request.header;
			a.frame(
				{ kind: FrameKind.reply, flags: FrameFlag.error, typeId, src: a.port, corr, dst: src },
				pack({ code: 'busy', message: 'later' }),
			);
		}
		await until('the reply', () => b.lines.length === 1);
		expect(b.values).toEqual([{ type: 'Ask', error: { code: 'busy', message: 'later' }, from: 'a', re: 1 }]);
	});

	test('a request that nobody can answer fails at once, by the id that its asker gave', async () => {
		await rig.link('b', 'Ask', 'c');
		const b = await rig.lines('b');
		b.write({ type: 'Ask', data: 0, id: 'x' }, { type: 'Unlinked', data: 0, id: 2 }, { type: 'Ask', data: 0, id: {} });
		await until('the errors', () => b.lines.length === 3);
		expect(b.values).toEqual([
			{ error: { code: 'target_down', message: expect.any(String) }, re: 'x' },
			{ error: { code: 'no_route', message: expect.any(String) }, re: 2 },
			{ error: { code: 'protocol', message: expect.stringContaining('id of a request') } },
		]);
	});

	test('readiness and control requests go to orchd, and its answers come back', async () => {
		await rig.privileged('a');
		const orchd = events();
		const [a, b] = [await rig.lines('a'), await rig.lines('b')];
		a.write(
			{ ready: true },
			{ ctl: { id: 'c1', op: 'runtime.start', params: { runtime: 'x' } } },
			{ ctl: { id: 2, op: 'runtime.list' } },
			{ ctl: 7 },
		);
		b.write({ ctl: { id: 1, op: 'runtime.start', params: {} } });
		await until('the requests', () => orchd.of('control').length === 2 && orchd.of('ready').length === 1);
		expect(orchd.of('control').map(({ runtime, operation, params }) => [runtime, operation, params])).toEqual([
			[rig.id('a'), 'runtime.start', { runtime: 'x' }],
			[rig.id('a'), 'runtime.list', {}],
		]);
		const [first, second] = orchd.of('control').map(({ request }) => request as number);
		rig.router.answer(second as number, { ok: [1] });
		rig.router.answer(first as number, { error: { code: 'runtime.not_found', message: 'no' } });
		await until('the answers', () => a.lines.length === 3 && b.lines.length === 1);
		expect(a.values).toEqual([
			{ error: { code: 'protocol', message: expect.stringContaining('"ctl"') } },
			{ ctl: { id: 2, ok: [1] } },
			{ ctl: { id: 'c1', error: { code: 'runtime.not_found', message: 'no' } } },
		]);
		expect(b.values).toEqual([{ ctl: { id: 1, error: { code: 'access.denied', message: 'no control privileges' } } }]);
		await orchd.stop();
	});

	test('without orchd a control request fails in words', async () => {
		await rig.privileged('a');
		const a = await rig.lines('a');
		a.write({ ctl: { id: 1, op: 'runtime.list' } });
		await until('the answer', () => a.lines.length === 1);
		expect(a.values).toEqual([{ ctl: { id: 1, error: { code: 'disconnected', message: expect.stringContaining('orchd') } } }]);
	});

	test('a type name that cannot be one is refused', async () => {
		const a = await rig.lines('a');
		a.write(
			{ type: '', data: 0 },
			{ type: 'x'.repeat(256), data: 0 },
			{ type: 7, data: 0 },
			{ type: 'a\u0000b', data: 0 },
			{ other: 1 },
		);
		await until('the errors', () => a.lines.length === 5);
		expect(a.values.map(({ error }) => (error as { code: string }).code)).toEqual([
			'invalid_type',
			'invalid_type',
			'invalid_type',
			'invalid_type',
			'protocol',
		]);
	});
});

describe('the dialect of Veecle', () => {
	const id = '01900000-0000-7000-8000-00000000abcd';

	test('is also known by its first line on our own socket', async () => {
		await rig.link('a', 'Ping', 'b');
		await rig.link('b', 'Ping', 'a');
		const [a, b] = [await rig.lines('a'), await rig.frames('b')];
		a.write({ Storable: { type_name: 'Ping', value: '{"n":1}' } });
		await until('the message', () => b.messages.length === 1);
		b.send(await b.declare('Ping'), '{"n":2}');
		await until('the line', () => a.lines.length === 1);
		expect([b.messages, a.values]).toEqual([['{"n":1}'], [{ Storable: { type_name: 'Ping', value: '{"n":2}' } }]]);
		expect(rig.router.stats().ports[0]).toMatchObject({ codec: 'veecle' });
	});

	test('listens before it speaks, for as long as it likes', async () => {
		await rig.link('a', 'Ping', 'b');
		const b = await rig.veecle('b');
		await until('the connection', () => rig.router.stats().ports.some(({ codec }) => codec === 'veecle'));
		const a = await rig.frames('a');
		a.send(await a.declare('Ping'), '"x"');
		await until('the line', () => b.lines.length === 1);
		expect(b.lines).toEqual(['{"Storable":{"type_name":"Ping","value":"\\"x\\""}}']);
	});

	test('takes 2,048 bytes a line and not one more; what it cannot carry is counted', async () => {
		const link = await rig.link('a', 'Ping', 'b', { overflow: 'drop-newest' });
		const [a, b] = [await rig.frames('a'), await rig.veecle('b')];
		const [json, raw] = [await a.declare('Ping'), await a.declare('Ping', 'raw')];
		const overhead = '{"Storable":{"type_name":"Ping","value":""}}'.length;
		const digits = (length: number) => `1${'0'.repeat(length - 1)}`;
		a.send(json, digits(2_048 - overhead), digits(2_049 - overhead), `"${'"'.repeat(0)}${'\\"'.repeat(600)}"`, '{"last":1}');
		a.send(raw, 'x');
		await until('both lines', () => b.lines.length === 2);
		expect(b.lines.map(({ length }) => length)).toEqual([
			2_048,
			'{"Storable":{"type_name":"Ping","value":"{\\"last\\":1}"}}'.length,
		]);
		await until('the counts', () => rig.counters(link).received === 5);
		expect(rig.counters(link).dropped).toEqual({ too_large: 2, codec: 1 });
	});

	test('a malformed or endless line is counted, and neither ends the connection nor harms another', async () => {
		await rig.link('*', 'Ping', 'b');
		const [a, b, c] = [await rig.veecle('a'), await rig.frames('b'), await rig.frames('c')];
		a.raw('not json\n{}\n{"Storable":{"type_name":"Ping"}}\n{"Storable":{"type_name":"Ping","value":"{broken"}}\n');
		a.raw(
			Buffer.concat([Buffer.from('{"Storable":{"type_name":"Ping","value":"'), Buffer.from([0xff, 0xfe]), Buffer.from('"}}\n')]),
		);
		a.raw(`{"Storable":{"type_name":"Ping","value":"${'1'.repeat(17 * 1024 * 1024)}"}}\n`);
		a.write({ Storable: { type_name: 'Ping', value: '"good"' } });
		c.send(await c.declare('Ping'), '"other"');
		await until('both messages', () => b.messages.length === 2);
		expect([...b.messages].sort()).toEqual(['"good"', '"other"']);
		expect([a.closed, a.lines, rig.faults('a')]).toEqual([false, [], { protocol: 5, too_large: 1 }]);
	});

	test('control requests of a privileged runtime go to orchd; answers come in the order of the requests', async () => {
		await rig.privileged('a');
		const orchd = events();
		const a = await rig.veecle('a');
		a.write(
			{ ControlRequest: { StartRuntime: { id, priority: 'high' } } },
			{ ControlRequest: { StartRuntime: { id, priority: null } } },
			{ ControlRequest: { StopRuntime: { id: id.toUpperCase() } } },
			{ ControlRequest: { StartRuntime: { id } } },
			{ ControlRequest: { Restart: {} } },
			{ ControlRequest: { StartRuntime: { id: 'ping' } } },
		);
		await until('the requests', () => orchd.of('control').length === 4);
		expect(orchd.of('control').map(({ operation, params }) => [operation, params])).toEqual([
			['runtime.start', { runtime: id, priority: 'high' }],
			['runtime.start', { runtime: id }],
			['runtime.stop', { runtime: id }],
			['runtime.start', { runtime: id }],
		]);
		const requests = orchd.of('control').map(({ request }) => request as number);
		for (const request of [...requests].reverse())
			rig.router.answer(request, request === requests[1] ? { error: { code: 'x', message: 'it failed' } } : { ok: {} });
		await until('the answers', () => a.lines.length === 6);
		expect(a.values.map((line) => line['ControlResponse'])).toEqual([
			'Started',
			{ Error: 'it failed' },
			'Stopped',
			'Started',
			{ Error: expect.any(String) },
			{ Error: expect.any(String) },
		]);
		await orchd.stop();
	});

	test('a control request that is one too many is refused in its place', async () => {
		await rig.privileged('a');
		const orchd = events();
		const a = await rig.veecle('a');
		a.write(...Array.from({ length: 64 + 3 }, () => ({ ControlRequest: { StartRuntime: { id } } })));
		await until('the requests', () => orchd.of('control').length === 64);
		// the refusals are not to be told before what was asked earlier is answered
		expect(a.lines).toEqual([]);
		for (const { request } of orchd.of('control')) rig.router.answer(request as number, { ok: {} });
		await until('all answers', () => a.lines.length === 64 + 3);
		expect(a.values.map((line) => line['ControlResponse'])).toEqual([
			...Array.from({ length: 64 }, () => 'Started'),
			...Array.from({ length: 3 }, () => ({ Error: 'too many control requests are under way' })),
		]);
		a.write({ ControlRequest: { StopRuntime: { id } } });
		await until('one more request', () => orchd.of('control').length === 65);
		rig.router.answer(orchd.of('control')[64]?.['request'] as number, { ok: {} });
		await until('its answer', () => a.lines.length === 64 + 4);
		expect(a.values[64 + 3]).toEqual({ ControlResponse: 'Stopped' });
		await orchd.stop();
	});

	test('an error of orchd is cut to what a line of it may have', async () => {
		await rig.privileged('a');
		const orchd = events();
		const a = await rig.veecle('a');
		const messages = ['x'.repeat(2_016), 'x'.repeat(2_017), '"\n'.repeat(2_000), '😀'.repeat(2_000)];
		a.write(...messages.map(() => ({ ControlRequest: { StartRuntime: { id } } })));
		await until('the requests', () => orchd.of('control').length === messages.length);
		for (const [at, { request }] of orchd.of('control').entries())
			rig.router.answer(request as number, { error: { code: 'x', message: messages[at] } });
		await until('the answers', () => a.lines.length === messages.length);
		const told = a.values.map((line) => (line['ControlResponse'] as { Error: string }).Error);
		expect(a.lines.map((line) => Buffer.byteLength(line))).toEqual([2_048, 2_048, 2_047, 2_047]);
		expect(told[0]).toBe(messages[0]);
		for (const [at, text] of told.slice(1).entries()) {
			expect(text.endsWith('…')).toBe(true);
			expect(messages[at + 1]?.startsWith(text.slice(0, -1))).toBe(true);
			expect(Buffer.from(text).toString('utf8')).toBe(text);
		}
		await orchd.stop();
	});

	test('an unprivileged runtime has no control privileges', async () => {
		const a = await rig.veecle('a');
		a.write({ ControlRequest: { StopRuntime: { id } } });
		await until('the answer', () => a.lines.length === 1);
		expect(a.values).toEqual([{ ControlResponse: { Error: 'no control privileges' } }]);
	});

	test('its telemetry is a message, for whoever is linked to it', async () => {
		await rig.link('a', 'Telemetry', 'b');
		const [a, b] = [await rig.veecle('a'), await rig.frames('b')];
		a.write({ Telemetry: { span: 1 } });
		await until('the message', () => b.messages.length === 1);
		expect(b.messages).toEqual(['{"span":1}']);
	});
});
