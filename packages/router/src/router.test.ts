/** What orchd asks of the router, and what binary clients see of links that change. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '@orch/base';
import { until } from '@orch/base/testing';
import { FrameKind, headerBytes, maxTypesPerRuntime } from '@orch/protocol/data';
import { pack, unpack } from '@orch/protocol/wire';
import { InvalidMessage } from './injection.ts';
import type { Link } from './link.ts';
import { RouterClock } from './router-clock.ts';
import { Taps } from './tap.ts';
import { type Rig, startRig } from './testing/rig.ts';

let rig: Rig;
beforeEach(async () => {
	rig = await startRig();
	await rig.add('a', 'b', 'c');
});
afterEach(() => rig.close());

test('a message goes from one runtime to the one that its type is linked to', async () => {
	const link = await rig.link('a', 'Ping', 'b');
	const [a, b] = [await rig.frames('a'), await rig.frames('b')];
	const ping = await a.declare('Ping');
	a.send(ping, '1', '2', '3');
	await until('three messages', () => b.messages.length === 3);
	expect(b.messages).toEqual(['1', '2', '3']);
	expect(b.of(FrameKind.data).map(({ header }) => [header.src, header.seq])).toEqual([1, 2, 3].map((seq) => [a.port, seq]));
	expect(b.bodies(FrameKind.typedef)).toEqual([{ types: [{ id: ping, name: 'Ping', codec: 'json' }] }]);
	expect(b.bodies(FrameKind.peer)).toEqual([{ peers: [{ port: a.port, runtime: rig.id('a'), name: 'a' }] }]);
	await until('the report', () => rig.counters(link).delivered === 3);
	expect(rig.counters(link)).toEqual({
		received: 3,
		delivered: 3,
		deliveredBytes: 99,
		dropped: {},
		queued: 0,
		queuedBytes: 0,
		inFlight: 0,
	});
});

test('from any codec to any other', async () => {
	await rig.add('j', 'v');
	for (const to of ['b', 'j', 'v']) for (const from of ['a', 'j', 'v']) if (from !== to) await rig.link(from, 'Ping', to);
	const [a, b, j, v] = [await rig.frames('a'), await rig.frames('b'), await rig.lines('j'), await rig.veecle('v')];
	const ping = await a.declare('Ping');
	a.send(ping, '{"n":1}');
	await until('a line', () => v.lines.length === 1);
	j.write({ hello: {} }, { type: 'Ping', data: { n: 2 } });
	v.write({ Storable: { type_name: 'Ping', value: '{"n":3}' } });
	await until('all', () => b.messages.length === 3 && j.lines.length === 2 && v.lines.length === 2);
	expect([...b.messages].sort()).toEqual(['{"n":1}', '{"n":2}', '{"n":3}']);
	expect(j.values).toEqual([
		{ type: 'Ping', data: { n: 1 }, from: 'a' },
		{ type: 'Ping', data: { n: 3 }, from: 'v' },
	]);
	expect(v.values).toEqual([
		{ Storable: { type_name: 'Ping', value: '{"n":1}' } },
		{ Storable: { type_name: 'Ping', value: '{"n":2}' } },
	]);
});

test('the welcome names the types of the links, and which of them are to be reported at once', async () => {
	await rig.link('a', 'Ping', 'b', { overflow: 'latest' });
	await rig.link('a', 'Pong', 'b');
	const a = await rig.frames('a');
	const [ping, pong] = [await a.declare('Ping'), await a.declare('Pong')];
	const b = await rig.frames('b');
	expect(b.welcome).toMatchObject({ runtime: { id: rig.id('b'), name: 'b' }, reports: true });
	expect(b.welcome?.types).toEqual([
		{ id: ping, name: 'Ping', codec: 'json', prompt: true },
		{ id: pong, name: 'Pong', codec: 'json' },
	]);
});

test('latest has one message on its way, and then the newest', async () => {
	const link = await rig.link('a', 'Ping', 'b', { overflow: 'latest' });
	const [a, b] = [await rig.frames('a'), await rig.frames('b', { reports: false })];
	const ping = await a.declare('Ping');
	for (let index = 0; index < 10; index++) {
		a.send(ping, `${index}`);
		await until('it', () => rig.counters(link).received === index + 1);
	}
	expect([b.messages, rig.counters(link).inFlight, rig.counters(link).queued]).toEqual([['0'], 1, 1]);
	b.report();
	await until('the newest', () => b.messages.length === 2);
	expect([b.messages, rig.counters(link).dropped]).toEqual([['0', '9'], { latest: 8 }]);
});

test('a slow handler of one type holds up no other type of the same receiver', async () => {
	await rig.link('a', 'Slow', 'b', { overflow: 'drop-newest', messages: 10 });
	await rig.link('a', 'Fast', 'b', { overflow: 'drop-newest', messages: 10 });
	const [a, b] = [await rig.frames('a'), await rig.frames('b', { reports: false })];
	const [slow, fast] = [await a.declare('Slow', 'raw'), await a.declare('Fast')];
	// never reported, until no more of it comes
	for (let count = 0; count < 60; count++) a.send(slow, Buffer.alloc(100_000));
	await until('drops', () => rig.router.stats().links.some(({ counters }) => counters.dropped['drop_newest'] !== undefined));
	for (let count = 0; count < 50; count++) a.send(fast, `${count}`);
	await until('all of the other', () => b.of(FrameKind.data).filter(({ header }) => header.typeId === fast).length === 50);
});

describe('credit', () => {
	test('is unlimited where no link blocks, and the answer to a declaration brings it', async () => {
		await rig.link('a', 'Ping', 'b', { overflow: 'drop-newest' });
		const a = await rig.frames('a');
		const [ping, unlinked] = [await a.declare('Ping'), await a.declare('Unlinked')];
		expect([a.credits.get(ping)?.unlimited, a.credits.get(unlinked)?.unlimited]).toEqual([true, true]);
	});

	test('that is exceeded drops what was sent beyond it, and only on links that block', async () => {
		const blocking = await rig.link('a', 'Ping', 'b', { messages: 10, whileDown: 'block' });
		const dropping = await rig.link('a', 'Ping', 'c', { overflow: 'drop-newest' });
		const [a, c] = [await rig.frames('a'), await rig.frames('c')];
		const ping = await a.declare('Ping');
		a.send(ping, ...Array.from({ length: 15 }, (_, index) => `${index}`));
		await until('all at the other', () => c.messages.length === 15);
		expect(rig.counters(blocking)).toMatchObject({ received: 15, queued: 10, dropped: { credit_exceeded: 5 } });
		expect([rig.counters(dropping).dropped, rig.faults('a')]).toEqual([{}, { credit_exceeded: 5 }]);
	});

	test('is shared by those who send into one mailbox', async () => {
		await rig.add('d');
		const link = await rig.link('*', 'Ping', 'd', { messages: 100, whileDown: 'block' });
		const [a, b] = [await rig.frames('a'), await rig.frames('b')];
		const ping = await a.declare('Ping');
		await b.declare('Ping');
		expect(b.credits.get(ping)?.frames).toBe(50);
		for (const [client, count] of [
			[a, 100],
			[b, 50],
		] as const)
			client.send(ping, ...Array.from({ length: count }, (_, index) => `${index}`));
		await until('all', () => rig.counters(link).received === 150);
		// what was granted before the second came is kept, and may go beyond the limit once
		expect(rig.counters(link)).toMatchObject({ queued: 150, dropped: {} });
	});

	test('that was unlimited and is limited now is not held against what was under way', async () => {
		const a = await rig.frames('a');
		const ping = await a.declare('Ping');
		a.socket.pause();
		const link = await rig.link('a', 'Ping', 'b', { messages: 100, whileDown: 'block' });
		a.send(ping, ...Array.from({ length: 150 }, (_, index) => `${index}`));
		await until('all', () => rig.counters(link).received === 150);
		expect(rig.counters(link)).toMatchObject({ queued: 150, dropped: {} });
		a.socket.resume();
		await until('the limit', () => a.credits.get(ping)?.unlimited === false && a.of(FrameKind.ping).length === 1);
		a.send(ping, 'beyond');
		await until('the drop', () => rig.counters(link).dropped['credit_exceeded'] === 1);
	});

	test('is given for a mailbox of one message after the other', async () => {
		await rig.link('a', 'Ping', 'b', { messages: 1 });
		const [a, b] = [await rig.frames('a'), await rig.frames('b')];
		const ping = await a.declare('Ping');
		for (let index = 0; index < 200; index++) {
			await until('credit', () => (a.credits.get(ping)?.frames ?? 0) > index);
			a.send(ping, `${index}`);
		}
		await until('all', () => b.messages.length === 200);
	});
});

describe('a link that changes keeps its mailbox and its counters', () => {
	test.each([
		['drop-oldest', 5, [5, 6, 7, 8, 9], { drop_oldest: 5 }],
		['drop-newest', 5, [0, 1, 2, 3, 4], { drop_newest: 5 }],
		['latest', 5, [9], { latest: 9 }],
		['block', 5, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9], {}],
	] as const)('to %s with %i messages', async (overflow, messages, left, dropped) => {
		const id = await rig.link('a', 'Ping', 'b', { overflow: 'drop-newest', messages: 10 });
		const a = await rig.frames('a');
		const ping = await a.declare('Ping');
		a.send(ping, ...Array.from({ length: 10 }, (_, index) => `${index}`));
		await until('all', () => rig.counters(id).queued === 10);
		const row = { id, from: rig.id('a'), type: 'Ping', to: rig.id('b'), bytes: 1_000_000, whileDown: 'drop' as const };
		await rig.router.table({ version: 500, ports: [rig.port('a'), rig.port('b')], links: [{ ...row, overflow, messages }] });
		expect(rig.counters(id)).toMatchObject({ received: 10, queued: left.length, dropped });
		const b = await rig.frames('b');
		await until('what is left', () => b.messages.length > 0);
		await until('all that is left', () => rig.counters(id).queued === 0);
		expect(b.messages.map(Number)).toEqual(overflow === 'latest' ? [9] : left);
	});
});

test('an older table is ignored, but a new orchd counts anew', async () => {
	const table = { ports: [rig.port('a')], links: [] };
	expect((await rig.router.table({ version: 100, ...table }, 1)).version).toBe(100);
	expect((await rig.router.table({ version: 99, ports: [], links: [] }, 1)).version).toBe(100);
	expect((await rig.router.table({ version: 3, ...table }, 2)).version).toBe(3);
	expect((await rig.router.table({ version: 101, ports: [], links: [] }, 1)).version).toBe(3);
	expect(rig.router.stats().ports.length).toBe(1);
});

test('a change is of one table: any other is left as it is, and a new orchd has to tell its own first', async () => {
	const empty = { removedPorts: [], links: [], removedLinks: [] };
	await rig.router.table({ version: 10, ports: [rig.port('a')], links: [] }, 1);
	const port = rig.port('b');
	expect(await rig.router.change({ base: 9, version: 11, ports: [port], ...empty }, 1)).toEqual({ version: 10, problems: [] });
	expect(await rig.router.change({ base: 10, version: 11, ports: [port], ...empty }, 2)).toEqual({ version: 10, problems: [] });
	expect(rig.router.stats().ports.length).toBe(1);
	expect(await rig.router.change({ base: 10, version: 11, ports: [port], ...empty }, 1)).toEqual({ version: 11, problems: [] });
	expect(rig.router.stats().ports.length).toBe(2);
	const gone = { ...empty, ports: [], removedPorts: [port.runtime] };
	expect((await rig.router.change({ base: 11, version: 12, ...gone }, 1)).version).toBe(12);
	expect(rig.router.stats().ports.length).toBe(1);
});

test('more types than a runtime may have are refused by name, and those it has still work', async () => {
	const link = await rig.link('a', 'Ping', 'b');
	const [a, b] = [await rig.frames('a'), await rig.frames('b')];
	const ping = await a.declare('Ping');
	a.frame(
		{ kind: FrameKind.declare },
		pack({ types: Array.from({ length: maxTypesPerRuntime }, (_, index) => ({ name: `t${index}`, codec: 'json' })) }),
	);
	await until('the refusal', () => a.errors.length === 1);
	expect(a.errors).toEqual([
		expect.objectContaining({ code: 'too_many_types', type: `t${maxTypesPerRuntime - 1}`, fatal: false }),
	]);
	expect(await a.declare('Ping')).toBe(ping);
	a.send(ping, 'still');
	await until('the message', () => b.messages.length === 1);
	expect(rig.counters(link).received).toBe(1);
});

test('a declaration of more types than a runtime may use is refused as a whole, in one word', async () => {
	const a = await rig.frames('a');
	a.frame({ kind: FrameKind.declare }, pack({ types: new Array(maxTypesPerRuntime + 1).fill(0) }));
	await until('the end', () => a.closed);
	expect(a.errors).toEqual([{ code: 'protocol', message: expect.stringContaining('lists at most 16384 types'), fatal: true }]);
	expect(rig.faults('a')).toEqual({ protocol: 1 });
});

test('a runtime brings about only so many types, however often it connects; others, and known types, are not affected', async () => {
	const names = (life: number) => Array.from({ length: maxTypesPerRuntime / 2 }, (_, index) => `life ${life} type ${index}`);
	const known = await (await rig.frames('b')).declare('Known');
	for (const life of [1, 2]) {
		const a = await rig.frames('a');
		a.frame({ kind: FrameKind.declare }, pack({ types: names(life).map((name) => ({ name, codec: 'json' })) }));
		await until('the types', () => a.types.size === maxTypesPerRuntime / 2);
		a.destroy();
		await until('the end', () => rig.router.connections === 1);
	}
	expect(rig.router.typeCount).toBe(maxTypesPerRuntime + 1);
	const [a, c] = [await rig.frames('a'), await rig.lines('c')];
	expect(await a.declare('Known')).toBe(known);
	a.frame({ kind: FrameKind.declare }, pack({ types: [{ name: 'One more', codec: 'json' }] }));
	await until('the refusal', () => a.errors.length === 1);
	const message = 'the connections of a runtime may bring about 16384 new types, and those of this one have';
	expect(a.errors).toEqual([{ code: 'too_many_types', message, fatal: false, type: 'One more' }]);
	c.write({ type: 'Another', data: 1 });
	await until('its type', () => rig.router.typeCount === maxTypesPerRuntime + 2);
	a.destroy();
	await until('the end', () => rig.router.connections === 2);
	const lines = await rig.lines('a');
	lines.write({ type: 'One more', data: 1 });
	await until('the refusal', () => lines.lines.length === 1);
	expect(lines.values).toEqual([{ error: { code: 'too_many_types', message } }]);
});

test.each([
	['an empty name', { name: '', codec: 'json' }],
	['another codec', { name: 'Ping', codec: 'xml' }],
	['no name', { codec: 'json' }],
	['nothing', null],
])('a declaration with %s is refused, and the rest of it taken', async (_what, type) => {
	const a = await rig.frames('a');
	a.frame({ kind: FrameKind.declare }, pack({ types: [type, { name: 'Good', codec: 'json' }] }));
	await until('the good one', () => a.types.has('json Good'));
	await until('the refusal', () => a.errors.length === 1);
	expect(a.errors).toEqual([expect.objectContaining({ code: 'invalid_type', fatal: false })]);
});

test('a client that takes short frames gets those, and the others are counted', async () => {
	const link = await rig.link('a', 'Ping', 'b');
	const [a, b] = [await rig.frames('a'), await rig.frames('b', { maxFrame: 4_096 })];
	const ping = await a.declare('Ping', 'raw');
	a.send(ping, 'short', Buffer.alloc(5_000), 'also short');
	await until('both', () => b.messages.length === 2);
	expect([b.messages, b.drops.length, rig.counters(link).dropped]).toEqual([['short', 'also short'], 1, { too_large: 1 }]);
	a.request(ping, 7, 'x'.repeat(5_000));
	await until('the error', () => a.errors.length === 1);
	expect(a.errors).toEqual([expect.objectContaining({ code: 'too_large', corr: 7 })]);
	expect(rig.counters(link).dropped).toEqual({ too_large: 2 });
});

test('a new type may be declared while the longest message is on its way', async () => {
	const short = await Promise.all(['One', 'Two', 'Three', 'Four'].map((type) => rig.link('a', type, 'b')));
	const long = await rig.link('a', 'Long', 'b', { bytes: 32 * 1024 * 1024 });
	const [a, b] = [await rig.frames('a'), await rig.frames('b')];
	const types = await Promise.all(['One', 'Two', 'Three', 'Four', 'Long'].map((type) => a.declare(type)));
	b.pause();
	for (const type of types.slice(0, 4)) a.send(type, 'x'.repeat(250_000));
	await until('the short ones', () => short.every((link) => rig.counters(link).inFlight === 1));
	a.send(types[4] as number, 'x'.repeat(16 * 1024 * 1024 - headerBytes));
	await until('the long one', () => rig.counters(long).inFlight === 1);
	b.frame({ kind: FrameKind.declare }, pack({ types: [{ name: 'New', codec: 'json' }] }));
	const isTaken = () => rig.router.typeCount === types.length + 1;
	await until('it', () => isTaken() || rig.faults('b')['protocol'] === 1);
	expect([isTaken(), rig.faults('b')]).toEqual([true, {}]);
	b.resume();
	await until('its id', () => b.types.has('json New'));
	await until('everything', () => b.messages.length === 5);
});

test('a message of 16 MiB arrives whole', async () => {
	await rig.link('a', 'Big', 'b');
	const [a, b] = [await rig.frames('a'), await rig.frames('b')];
	const big = await a.declare('Big', 'raw');
	const payload = Buffer.alloc(16 * 1024 * 1024 - 32, 'orch');
	a.send(big, payload, 'and the next');
	await until('both', () => b.of(FrameKind.data).length === 2);
	expect(b.of(FrameKind.data)[0]?.payload.equals(payload)).toBe(true);
});

test('when a process has ended, what it had sent is read, and then what it left connected is closed', async () => {
	const link = await rig.link('a', 'Ping', 'b', { messages: 100_000 });
	const a = await rig.frames('a');
	const ping = await a.declare('Ping');
	a.send(ping, ...Array.from({ length: 5_000 }, (_, index) => `${index}`));
	rig.router.ended(rig.id('a'), 1);
	await until('the end', () => a.closed);
	expect(rig.counters(link).received).toBe(5_000);
});

describe('injection', () => {
	const message = (type: string, body: string, more: object) => ({
		from: null,
		to: null,
		type,
		codec: 'json' as const,
		body: Buffer.from(body),
		...more,
	});

	test('goes straight into a runtime without a link, as @cli, and waits for it', async () => {
		expect(rig.router.send(message('Ping', '1', { to: rig.id('b') }))).toEqual({ accepted: 1, dropped: {} });
		const b = await rig.frames('b');
		await until('the first', () => b.messages.length === 1);
		rig.router.send(message('Ping', '2', { to: rig.id('b') }));
		await until('the second', () => b.messages.length === 2);
		expect(b.messages).toEqual(['1', '2']);
		expect(b.bodies(FrameKind.peer)).toEqual([{ peers: [{ port: expect.any(Number), runtime: '@cli', name: '@cli' }] }]);
	});

	test('goes as if a runtime had sent it, by its links', async () => {
		await rig.link('a', 'Ping', 'b');
		await rig.link('*', 'Ping', 'c');
		const [b, c] = [await rig.frames('b'), await rig.lines('c')];
		c.write('');
		expect(rig.router.send(message('Ping', '1', { from: rig.id('a') }))).toEqual({ accepted: 2, dropped: {} });
		await until('both', () => b.messages.length === 1 && c.lines.length === 1);
		expect(c.values).toEqual([{ type: 'Ping', data: 1, from: 'a' }]);
		expect(rig.router.send(message('Other', '1', { from: rig.id('a') }))).toEqual({ accepted: 0, dropped: {} });
		expect(rig.router.stats().unrouted).toEqual([expect.objectContaining({ from: rig.id('a'), type: 'Other', count: 1 })]);
	});

	test('tells what was dropped at once', async () => {
		await rig.link('a', 'Ping', 'b', { messages: 1 });
		rig.router.send(message('Ping', '1', { from: rig.id('a') }));
		expect(rig.router.send(message('Ping', '2', { from: rig.id('a') }))).toEqual({ accepted: 0, dropped: { receiver_down: 1 } });
	});

	test.each([
		['not JSON', { body: Buffer.from('{') }],
		['a name that is none', { type: '' }],
		['nobody to go to', { to: null }],
		['a runtime that is not known', { to: '01900000-0000-7000-8000-000000009999' }],
		['not MessagePack', { codec: 'msgpack', body: Buffer.from([0x92, 0x01]) }],
	])('of %s is refused in words', (_what, change) => {
		expect(() => rig.router.send({ ...message('Ping', '1', { to: rig.id('b') }), ...change } as never)).toThrow(InvalidMessage);
	});
});

describe('a tap', () => {
	test('shows what passes, without touching it', async () => {
		const link = await rig.link('a', 'Ping', 'b');
		await rig.link('a', 'Pong', 'b');
		const [a, b] = [await rig.frames('a'), await rig.frames('b')];
		const [ping, pong] = [await a.declare('Ping'), await a.declare('Pong')];
		const abort = new AbortController();
		const seen: { body: string; [key: string]: unknown }[] = [];
		const tapping = (async () => {
			for await (const { messages } of rig.router.tap([link], { bodyBytes: 4 }, abort.signal))
				seen.push(...messages.map((one) => ({ ...one, body: Buffer.from(one.body).toString() })));
		})();
		a.send(ping, '"one"', '2');
		a.send(pong, '"unseen"');
		await until('both', () => seen.length === 2 && b.messages.length === 3);
		const common = { at: expect.any(Number), link, from: 'a', to: 'b', type: 'Ping', codec: 'json' };
		expect(seen).toEqual([
			{ ...common, seq: 1, bytes: 5, body: '"one' },
			{ ...common, seq: 2, bytes: 1, body: '2' },
		]);
		abort.abort();
		await tapping;
		a.send(ping, '3');
		await until('the next', () => b.messages.length === 4);
		expect(seen.length).toBe(2);
	});

	test('of a sample shows the first ones, and has not skipped the others', async () => {
		await rig.link('a', 'Ping', 'b');
		const [a, b] = [await rig.frames('a'), await rig.frames('b')];
		const ping = await a.declare('Ping');
		const abort = new AbortController();
		const tap = rig.router.tap([], { bodyBytes: 0, sample: { count: 3, everyMs: 3_600_000 } }, abort.signal);
		const first = tap.next();
		a.send(ping, '1', '2');
		await until('the first two', () => b.messages.length === 2);
		a.send(ping, ...Array.from({ length: 5_000 }, () => '3'));
		await until('all', () => b.messages.length === 5_002);
		const seen = [(await first).value, (await tap.next()).value] as { messages: { seq: number }[]; skipped: number }[];
		expect(seen.flatMap(({ messages }) => messages.map(({ seq }) => seq))).toEqual([1, 2, 3]);
		abort.abort();
		expect((await tap.next()).value).toEqual({ skipped: 0 });
	});

	test('leaves nothing on the links once the last one has gone: what passes then is looked at by nobody', async () => {
		const taps = new Taps(new RouterClock(systemClock), () => 'b');
		const link = (id: string) => [id, { tap: undefined } as Link] as const;
		const links = new Map([link('one'), link('other')]);
		const tapsOf = () => [...links.values()].map(({ tap }) => tap !== undefined);
		taps.attach(links);
		expect(tapsOf()).toEqual([false, false]);
		const [first, second] = [new AbortController(), new AbortController()];
		const readers = [
			taps.read(['one'], { bodyBytes: 10 }, first.signal, links).next(),
			taps.read([], { bodyBytes: 10 }, second.signal, links).next(),
		] as const;
		expect(tapsOf()).toEqual([true, true]);
		first.abort();
		await readers[0];
		expect(tapsOf()).toEqual([true, true]);
		second.abort();
		await readers[1];
		expect(tapsOf()).toEqual([false, false]);
		// nor on links that come later
		links.set(...link('late'));
		taps.attach(links);
		expect(tapsOf()).toEqual([false, false, false]);
	});

	test('that nobody reads skips, says how many, and holds nothing up', async () => {
		const link = await rig.link('a', 'Ping', 'b', { overflow: 'drop-newest', messages: 10_000 });
		const [a, b] = [await rig.frames('a'), await rig.frames('b')];
		const ping = await a.declare('Ping');
		const abort = new AbortController();
		const tap = rig.router.tap([], { bodyBytes: 100 }, abort.signal);
		const first = tap.next();
		a.send(ping, 'first');
		expect((await first).value).toMatchObject({ skipped: 0, messages: [{ seq: 1 }] });
		a.send(ping, ...Array.from({ length: 9_999 }, (_, index) => `${index}`));
		await until('all', () => b.messages.length === 10_000);
		const second = (await tap.next()).value as { messages: unknown[]; skipped: number };
		expect([second.messages.length + second.skipped, second.skipped > 0]).toEqual([9_999, true]);
		abort.abort();
		expect((await tap.next()).value).toEqual({ skipped: second.skipped });
		expect(rig.counters(link).dropped).toEqual({});
	});
});

describe('events', () => {
	test('begin with how things are, and a newer reader takes the place of the older', async () => {
		const a = await rig.frames('a');
		a.frame({ kind: FrameKind.ready });
		const older: unknown[] = [];
		const first = (async () => {
			for await (const event of rig.router.events(new AbortController().signal)) older.push(event);
		})();
		await until('readiness', () => older.length >= 2);
		const connected = { kind: 'connected', runtime: rig.id('a'), generation: 1, codec: 'binary' };
		const ready = { kind: 'ready', runtime: rig.id('a'), generation: 1 };
		expect(older.slice(-2)).toEqual([connected, ready]);
		const newer: unknown[] = [];
		const abort = new AbortController();
		const second = (async () => {
			for await (const event of rig.router.events(abort.signal)) newer.push(event);
		})();
		await first;
		a.destroy();
		await until('the end', () => newer.length === 3);
		expect(newer).toEqual([connected, ready, { kind: 'disconnected', runtime: rig.id('a'), generation: 1 }]);
		abort.abort();
		await second;
	});

	test('fail what was asked of an orchd that another one replaces, and ask the new one', async () => {
		await rig.privileged('a');
		const a = await rig.frames('a');
		const first = rig.router.events(new AbortController().signal);
		await first.next();
		const abort = new AbortController();
		a.frame({ kind: FrameKind.control }, pack([0, 11, 'runtime.list', {}]));
		expect((await first.next()).value).toMatchObject({ kind: 'control' });
		const second = rig.router.events(abort.signal);
		await second.next();
		await until('the failure', () => a.of(FrameKind.control).length === 1);
		expect(unpack(a.of(FrameKind.control)[0]?.payload as Buffer)).toEqual([
			2,
			11,
			expect.objectContaining({ code: 'disconnected' }),
		]);
		a.frame({ kind: FrameKind.control }, pack([0, 12, 'runtime.list', {}]));
		const { value } = await second.next();
		rig.router.answer((value as { request: number }).request, { ok: 'by the new one' });
		await until('the answer', () => a.of(FrameKind.control).length === 2);
		expect(unpack(a.of(FrameKind.control)[1]?.payload as Buffer)).toEqual([1, 12, 'by the new one']);
		abort.abort();
	});

	test('carry the control requests of binary clients, whose answers fail when orchd goes', async () => {
		await rig.privileged('a');
		const [a, b] = [await rig.frames('a'), await rig.frames('b')];
		const abort = new AbortController();
		const seen: { kind: string; request?: number }[] = [];
		const reading = (async () => {
			for await (const event of rig.router.events(abort.signal)) seen.push(event);
		})();
		for (const client of [a, b]) client.frame({ kind: FrameKind.control }, pack([0, 11, 'runtime.list', { all: true }]));
		a.frame({ kind: FrameKind.control }, pack([0, 12, 'runtime.list', {}]));
		const control = await until('both requests', () =>
			seen.filter(({ kind }) => kind === 'control').length === 2 ? seen.filter(({ kind }) => kind === 'control') : undefined,
		);
		expect(control[0]).toMatchObject({ runtime: rig.id('a'), operation: 'runtime.list', params: { all: true } });
		rig.router.answer(control[0]?.request as number, { ok: { items: [] } });
		await until('the answer', () => a.of(FrameKind.control).length === 1 && b.of(FrameKind.control).length === 1);
		abort.abort();
		await reading;
		await until('the failure', () => a.of(FrameKind.control).length === 2);
		expect(a.of(FrameKind.control).map(({ payload }) => unpack(payload))).toEqual([
			[1, 11, { items: [] }],
			[2, 12, expect.objectContaining({ code: 'disconnected' })],
		]);
		expect(b.of(FrameKind.control).map(({ payload }) => unpack(payload))).toEqual([
			[2, 11, { code: 'access.denied', message: 'no control privileges' }],
		]);
	});
});

test('statistics give rates, latencies and when the last message came', async () => {
	const link = await rig.link('a', 'Ping', 'b');
	const [a, b] = [await rig.frames('a'), await rig.frames('b')];
	const ping = await a.declare('Ping');
	expect(rig.report(link)).toMatchObject({ messagesPerSecond: 0, latencyP50Ms: null, lastAt: null });
	a.send(ping, ...Array.from({ length: 100 }, () => 'x'));
	await until('all', () => b.messages.length === 100);
	const report = rig.report(link);
	expect(report.messagesPerSecond).toBeGreaterThan(50);
	expect(report.latencyP99Ms).toBeLessThan(1_000);
	expect(Math.abs((report.lastAt as number) - Date.now())).toBeLessThan(1_000);
});

test('the second connection of a process that has lost its first takes its place', async () => {
	const a = await rig.frames('a');
	const again = await rig.frames('a', { resume: { port: a.port, sent: [], seen: [] } });
	expect(again.port).toBe(a.port);
	await until('the end of the first', () => a.closed);
	expect(again.closed).toBe(false);
});

test('closing says goodbye', async () => {
	const a = await rig.frames('a');
	await rig.router.close();
	await until('the end', () => a.closed);
	expect(a.of(FrameKind.bye).length).toBe(1);
});
