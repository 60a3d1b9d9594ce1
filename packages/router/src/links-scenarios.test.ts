/** The failure scenarios of links, by their numbers, as far as the router alone can show them. */
import { readdirSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ManualClock, until } from '@orch/base/testing';
import { FrameKind, makeFrame } from '@orch/protocol/data';
import { pack } from '@orch/protocol/wire';
import { freshBytes, maxPendingRequests, staleRequestMs, windowBytes } from './limits.ts';
import { type Rig, startRig } from './testing/rig.ts';

let rig: Rig;
beforeEach(async () => {
	rig = await startRig();
	await rig.add('a', 'b', 'c', 'd');
});
afterEach(() => rig.close());

const number = (text: string) => Number(text);

test('links 5.1: a header of which only a part came before the disconnection delivers nothing and is counted as truncated', async () => {
	await rig.link('a', 'Ping', 'b');
	const b = await rig.frames('b');
	for (let bytes = 1; bytes < 32; bytes += 6) {
		const a = await rig.frames('a');
		const ping = await a.declare('Ping');
		a.socket.write(a.message(ping, 'never').subarray(0, bytes));
		a.socket.end();
		await until('the end', () => a.closed);
	}
	await until('the counts', () => rig.faults('a')['truncated'] === 6);
	const a = await rig.frames('a');
	a.send(await a.declare('Ping'), 'whole');
	await until('the message', () => b.messages.length > 0);
	expect(b.messages).toEqual(['whole']);
});

test('links 5.2: of a frame whose sender dies in the middle the receiver sees no byte, and the next one of another sender is intact', async () => {
	await rig.link('*', 'Ping', 'b');
	const [a, b, c] = [await rig.frames('a'), await rig.frames('b'), await rig.frames('c')];
	const ping = await a.declare('Ping');
	await c.declare('Ping');
	const frame = a.message(ping, Buffer.alloc(400_000, 'x'));
	a.socket.write(frame.subarray(0, 200_000));
	await until('the half', () => rig.router.stats().ports.find(({ runtime }) => runtime === rig.id('a'))?.connected);
	a.destroy();
	await until('the count', () => rig.faults('a')['truncated'] === 1);
	c.send(ping, 'intact');
	await until('the message', () => b.messages.length === 1);
	expect(b.messages).toEqual(['intact']);
});

test('links 5.3: a length of 4 GiB is refused before anything is buffered for it', async () => {
	const a = await rig.frames('a');
	const ping = await a.declare('Ping');
	const before = process.memoryUsage().rss;
	const frame = a.message(ping, 'x');
	frame.writeUInt32LE(0xffffffff, 4);
	a.socket.write(frame);
	await until('the end', () => a.closed);
	expect(a.errors).toEqual([expect.objectContaining({ code: 'too_large', fatal: true })]);
	expect(process.memoryUsage().rss - before).toBeLessThan(64 * 1024 * 1024);
});

test.each([
	['shorter than its header', (frame: Buffer) => frame.writeUInt32LE(16, 4)],
	['with no header words', (frame: Buffer) => frame.writeUInt8(0, 3)],
	['with 255 header words', (frame: Buffer) => frame.writeUInt8(255, 3)],
	['without the magic', (frame: Buffer) => frame.writeUInt8(0x7b, 0)],
])('links 5.4: a frame %s is a protocol error and ends the connection', async (_what, change) => {
	const a = await rig.frames('a');
	const frame = a.message(await a.declare('Ping'), 'x');
	change(frame);
	a.socket.write(frame);
	await until('the end', () => a.closed);
	expect(a.errors).toEqual([expect.objectContaining({ code: 'protocol', fatal: true })]);
	expect(rig.faults('a')).toMatchObject({ protocol: 1 });
});

test('links 5.5: a type that was never declared is an error, its frame is dropped and counted, the connection stays', async () => {
	const link = await rig.link('a', 'Ping', 'b');
	const [a, b] = [await rig.frames('a'), await rig.frames('b')];
	const ping = await a.declare('Ping');
	a.send(4_711, 'no', 'no');
	a.send(ping, 'yes');
	await until('the message', () => b.messages.length === 1);
	expect(a.errors).toEqual([expect.objectContaining({ code: 'unknown_type', fatal: false })]);
	expect([rig.faults('a')['unknown_type'], rig.counters(link).received, a.closed]).toEqual([2, 1, false]);
});

test('links 5.6: a frame in the name of another port ends the connection, and orchd is told', async () => {
	const [a, b] = [await rig.frames('a'), await rig.frames('b')];
	const ping = await a.declare('Ping');
	const abort = new AbortController();
	const seen: unknown[] = [];
	const reading = (async () => {
		for await (const event of rig.router.events(abort.signal)) seen.push(event);
	})();
	const frame = a.message(ping, 'x');
	frame.writeUInt32LE(b.port, 12);
	a.socket.write(frame);
	await until('the end', () => a.closed);
	expect(a.errors).toEqual([expect.objectContaining({ code: 'spoof', fatal: true })]);
	await until('the disconnection', () => seen.some((event) => (event as { kind: string }).kind === 'disconnected'));
	abort.abort();
	await reading;
	expect(seen).toContainEqual({ kind: 'spoof', runtime: rig.id('a'), claimed: b.port });
});

test('links 5.7: a second process with a valid token is refused with a message at once', async () => {
	const first = await rig.frames('a');
	const second = await rig.frames('a');
	await until('the end', () => second.closed);
	expect(second.errors).toEqual([expect.objectContaining({ code: 'already_connected', fatal: true })]);
	const third = await rig.lines('a');
	third.write({ type: 'Ping' });
	await until('the end', () => third.closed);
	expect(third.values).toEqual([{ error: { code: 'already_connected', message: expect.any(String) } }]);
	const fourth = await rig.veecle('a');
	await until('the end', () => fourth.closed);
	expect(fourth.values).toEqual([{ ControlResponse: { Error: expect.any(String) } }]);
	expect([first.closed, rig.faults('a')['already_connected']]).toEqual([false, 3]);
});

test('links 5.8: the token of an earlier process is refused, and its late frames are not credited to the new one', async () => {
	const link = await rig.link('a', 'Ping', 'b');
	const [old, b] = [await rig.frames('a'), await rig.frames('b')];
	const ping = await old.declare('Ping');
	old.send(ping, 'old');
	await rig.restart('a');
	await until('the end', () => old.closed);
	const young = await rig.frames('a');
	expect(young.port).not.toBe(old.port);
	const late = await rig.frames('a', { token: 'token of a 1' });
	await until('the refusal', () => late.closed);
	expect(late.errors).toEqual([expect.objectContaining({ code: 'bad_token', fatal: true })]);
	await young.declare('Ping');
	young.send(ping, 'young');
	await until('the messages', () => b.messages.length === 2);
	expect(b.of(FrameKind.data).map(({ header, payload }) => [header.src, payload.toString()])).toEqual([
		[old.port, 'old'],
		[young.port, 'young'],
	]);
	expect(rig.counters(link).received).toBe(2);
});

describe('links 5.9: a receiver that is stopped while its sender floods', () => {
	const flood = 30_000;
	test.each(['drop-oldest', 'drop-newest', 'latest'] as const)(
		'drops by its policy, exactly, while other receivers get everything (%s)',
		async (overflow) => {
			const slow = await rig.link('a', 'Ping', 'b', { overflow, messages: 100 });
			const fast = await rig.link('a', 'Ping', 'c', { overflow: 'drop-newest', messages: flood });
			const [a, b, c] = [await rig.frames('a'), await rig.frames('b', { reports: false }), await rig.frames('c')];
			const ping = await a.declare('Ping');
			b.pause();
			for (let from = 0; from < flood; from += 1_000)
				a.send(ping, ...Array.from({ length: 1_000 }, (_, index) => `${from + index}`));
			await until('all at the other receiver', () => c.messages.length === flood);
			expect(c.messages.map(number)).toEqual(Array.from({ length: flood }, (_, index) => index));
			const { received, queued, inFlight, dropped } = rig.counters(slow);
			const lost = Object.values(dropped)[0] as number;
			expect([received, queued + inFlight + lost, Object.keys(dropped)]).toEqual([flood, flood, [overflow.replace('-', '_')]]);
			expect(queued).toBeLessThanOrEqual(overflow === 'latest' ? 1 : 100);
			const before = inFlight;
			b.resume();
			b.reports = true;
			b.report();
			await until('what was kept', () => b.messages.length === before + queued);
			// what it is told of comes before the next message of the link
			const order = b.received
				.map(({ header }) => header.kind)
				.filter((kind) => kind === FrameKind.dropped || kind === FrameKind.data);
			expect(order.lastIndexOf(FrameKind.dropped)).toBeLessThan(order.length - queued);
			expect(b.drops.reduce((sum, { count }) => sum + (count as number), 0)).toBe(lost);
			expect(b.drops).toContainEqual(expect.objectContaining({ type: 'Ping', from: 'a', reason: overflow.replace('-', '_') }));
			await until('the reports', () => rig.counters(slow).inFlight === 0);
			expect(rig.counters(slow)).toMatchObject({ delivered: flood - lost, queued: 0 });
			if (overflow !== 'drop-newest') expect(b.messages.at(-1)).toBe(`${flood - 1}`);
			expect(rig.counters(fast).dropped).toEqual({});
		},
	);

	test('has on its way no more than its window, and in its mailbox no more than its limit', async () => {
		const link = await rig.link('a', 'Big', 'b', { overflow: 'drop-oldest', bytes: 2_000_000 });
		const [a, b] = [await rig.frames('a'), await rig.frames('b', { reports: false })];
		const big = await a.declare('Big', 'raw');
		b.pause();
		const payload = Buffer.alloc(50_000);
		for (let count = 0; count < 400; count++) a.send(big, payload);
		await until('everything', () => rig.counters(link).received === 400);
		const { queuedBytes, inFlight } = rig.counters(link);
		expect(queuedBytes).toBeLessThanOrEqual(2_000_000);
		expect(inFlight * 50_032).toBeLessThanOrEqual(freshBytes + 256 * 1024);
	});
});

test('links 5.10: under block a receiver that never reads throttles its sender, and is named', async () => {
	const link = await rig.link('a', 'Ping', 'b', { messages: 50 });
	const other = await rig.link('a', 'Pong', 'c');
	const [a, b, c] = [await rig.frames('a'), await rig.frames('b', { reports: false }), await rig.frames('c')];
	const ping = await a.declare('Ping', 'raw');
	const pong = await a.declare('Pong', 'raw');
	b.pause();
	const payload = Buffer.alloc(10_000);
	let sent = 0;
	let bytes = 0;
	// as a client library does it: as long as there is credit
	await until('no more credit', () => {
		const limit = a.credits.get(ping);
		for (; limit && sent < limit.frames && bytes < limit.bytes; sent++, bytes += 10_032) a.send(ping, payload);
		return rig.report(link).blocking && rig.counters(link).received === sent;
	});
	const { queued, inFlight, dropped } = rig.counters(link);
	expect([queued + inFlight, dropped]).toEqual([sent, {}]);
	expect(queued).toBeLessThanOrEqual(50 + Math.ceil(windowBytes / 10_032));
	expect(rig.report(other).blocking).toBe(false);
	a.send(pong, 'still');
	await until('the other type', () => c.messages.length === 1);
	b.resume();
	b.reports = true;
	await until('all of it', () => {
		b.report();
		return b.messages.length === sent;
	});
	await until('credit again', () => (a.credits.get(ping)?.frames ?? 0) > sent);
});

test('links 5.11: two that both block and both flood each other do not deadlock', async () => {
	await rig.link('a', 'Ping', 'b', { messages: 16 });
	await rig.link('b', 'Pong', 'a', { messages: 16 });
	const [a, b] = [await rig.frames('a'), await rig.frames('b')];
	const [ping, pong] = [await a.declare('Ping'), await b.declare('Pong')];
	const flood = 20_000;
	const sides = [
		{ client: a, type: ping, sent: 0, bytes: 0 },
		{ client: b, type: pong, sent: 0, bytes: 0 },
	];
	await until('both floods', () => {
		for (const side of sides) {
			const limit = side.client.credits.get(side.type);
			const frames: Buffer[] = [];
			while (limit && side.sent < Math.min(flood, limit.frames) && side.bytes < limit.bytes) {
				const frame = side.client.message(side.type, `${side.sent}`);
				frames.push(frame);
				side.sent += 1;
				side.bytes += frame.length;
			}
			if (frames.length > 0) side.client.socket.write(Buffer.concat(frames));
		}
		return a.messages.length === flood && b.messages.length === flood;
	});
	for (const { messages } of [a, b]) expect(messages.map(number)).toEqual(Array.from({ length: flood }, (_, index) => index));
});

test('links 5.12: a link to a runtime that is not there holds what its mailbox holds, then its policy; other links do not notice', async () => {
	const absent = await rig.link('a', 'Ping', 'b', { messages: 10 });
	const present = await rig.link('a', 'Ping', 'c', { messages: 10 });
	const [a, c] = [await rig.frames('a'), await rig.frames('c')];
	const ping = await a.declare('Ping');
	for (let index = 0; index < 100; index++) {
		await until('credit', () => (a.credits.get(ping)?.frames ?? 0) > index);
		a.send(ping, `${index}`);
	}
	await until('all at the present one', () => c.messages.length === 100);
	expect(rig.counters(absent)).toMatchObject({ received: 100, queued: 10, dropped: { receiver_down: 90 } });
	expect(rig.counters(present)).toMatchObject({ delivered: expect.any(Number), dropped: {} });
	const b = await rig.frames('b');
	await until('what was kept', () => b.messages.length === 10);
	expect(b.messages.map(number)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
	expect(b.drops).toEqual([{ type: 'Ping', from: 'a', reason: 'receiver_down', count: 90, firstSeq: 11, lastSeq: 100 }]);
});

test('links 5.12: with block while down, the sender waits for the receiver instead', async () => {
	const link = await rig.link('a', 'Ping', 'b', { messages: 10, whileDown: 'block' });
	const a = await rig.frames('a');
	const ping = await a.declare('Ping');
	expect(a.credits.get(ping)?.frames).toBe(10);
	for (let index = 0; index < 10; index++) a.send(ping, `${index}`);
	await until('all of them', () => rig.counters(link).queued === 10);
	expect([a.credits.get(ping)?.frames, rig.report(link).blocking]).toEqual([10, true]);
	await rig.frames('b');
	await until('credit', () => (a.credits.get(ping)?.frames ?? 0) > 10);
});

describe('links 5.12: a sender that comes again and again, under block,', () => {
	/** One life: sends all that its credit allows, and ends. Gives how many that were. */
	async function live(link: string, name = 'a', bytes = 1_000): Promise<number> {
		const client = await rig.frames(name);
		const ping = await client.declare('Ping', 'raw');
		const { received } = rig.counters(link);
		const limit = client.credits.get(ping) as { frames: number; bytes: number };
		let sent = 0;
		for (let length = 0; sent < limit.frames && length < limit.bytes; sent++, length += bytes + 32)
			client.send(ping, Buffer.alloc(bytes));
		await until('what it sent', () => rig.counters(link).received === received + sent);
		client.destroy();
		await until('its end', () => rig.router.stats().ports.find(({ runtime }) => runtime === rig.id(name))?.connected === false);
		return sent;
	}

	test('finds no room that its earlier lives have taken, until the receiver comes', async () => {
		const link = await rig.link('a', 'Ping', 'b', { messages: 10, whileDown: 'block' });
		const sent: number[] = [];
		for (let life = 0; life < 5; life++) sent.push(await live(link));
		expect([sent, rig.counters(link).queued, rig.counters(link).dropped]).toEqual([[10, 0, 0, 0, 0], 10, {}]);
		const a = await rig.frames('a');
		const ping = await a.declare('Ping', 'raw');
		expect(a.credits.get(ping)?.frames).toBe(0);
		const b = await rig.frames('b');
		await until('what waited', () => b.messages.length === 10);
		await until('credit', () => (a.credits.get(ping)?.frames ?? 0) >= 10);
		a.send(ping, 'after all');
		await until('the last one', () => b.messages.length === 11);
	});

	test('overfills no mailbox of a receiver that stands still, by bytes', async () => {
		const limit = 1024 * 1024;
		const link = await rig.link('a', 'Ping', 'b', { messages: 100_000, bytes: limit });
		const b = await rig.frames('b', { reports: false });
		b.pause();
		let sent = 0;
		for (let life = 0; life < 12; life++) sent += await live(link, 'a', 100_000);
		const { queued, queuedBytes, inFlight, dropped } = rig.counters(link);
		expect([queued + inFlight, dropped]).toEqual([sent, {}]);
		// one may go over the limit, for a frame is never cut
		expect(queuedBytes).toBeLessThan(limit + 100_032);
		b.reports = true;
		b.resume();
		b.report();
		await until('all of it', () => b.messages.length === sent);
		expect(await live(link, 'a', 100_000)).toBeGreaterThan(5);
	});

	test('takes no room from others that it has not filled', async () => {
		const link = await rig.link('*', 'Ping', 'b', { messages: 20, whileDown: 'block' });
		const c = await rig.frames('c');
		expect(await live(link)).toBe(20);
		const ping = await c.declare('Ping', 'raw');
		expect(c.credits.get(ping)?.frames).toBe(0);
		await rig.frames('b');
		await until('credit', () => (c.credits.get(ping)?.frames ?? 0) >= 20);
	});
});

test('links 5.13: what is queued when a receiver dies goes to its next process, in order; what it was handed is not sent again', async () => {
	const link = await rig.link('a', 'Ping', 'b', { messages: 500, overflow: 'drop-newest' });
	const [a, dying] = [await rig.frames('a'), await rig.frames('b', { reports: false })];
	const ping = await a.declare('Ping', 'raw');
	dying.pause();
	// longer than the socket's buffer: the last one that is handed over is written in part
	for (let index = 0; index < 400; index++) {
		const payload = Buffer.alloc(20_000);
		payload.writeUInt32LE(index);
		a.send(ping, payload);
	}
	await until('everything', () => rig.counters(link).received === 400);
	const { inFlight, queued } = rig.counters(link);
	expect(queued + inFlight).toBe(400);
	dying.destroy();
	await until('its end', () => rig.counters(link).dropped['unconfirmed'] === inFlight);
	await rig.restart('b');
	const b = await rig.frames('b');
	await until('what was queued', () => b.messages.length === queued);
	expect(b.of(FrameKind.data).map(({ payload }) => payload.readUInt32LE())).toEqual(
		Array.from({ length: queued }, (_, index) => inFlight + index),
	);
	expect(b.drops).toEqual([expect.objectContaining({ reason: 'unconfirmed', count: inFlight })]);
});

test('links 5.14: a link with 10,000 frames queued can be removed, and so can the runtime that it leads to', async () => {
	const link = await rig.link('a', 'Ping', 'b', { messages: 20_000 });
	await rig.link('a', 'Pong', 'b', { messages: 20_000 });
	const a = await rig.frames('a');
	const [ping, pong] = [await a.declare('Ping'), await a.declare('Pong')];
	a.send(ping, ...Array.from({ length: 10_000 }, (_, index) => `${index}`));
	a.send(pong, ...Array.from({ length: 10_000 }, (_, index) => `${index}`));
	await until('all queued', () => rig.router.stats().links.every(({ counters }) => counters.queued === 10_000));
	const b = await rig.frames('b', { reports: false, silent: true });
	await rig.unlink(link);
	expect(rig.router.stats().links.length).toBe(1);
	await rig.remove('b');
	await until('no connection', () => b.closed);
	a.send(ping, 'to nobody');
	await until('the count', () => rig.router.stats().unrouted.some(({ type, count }) => type === 'Ping' && count === 1));
	expect(a.closed).toBe(false);
});

test('links 5.14: the answer to a change has the final counters of each link that it removes, also of those that go with a runtime', async () => {
	const ping = await rig.link('a', 'Ping', 'b', { overflow: 'drop-newest', messages: 8 });
	const pong = await rig.link('a', 'Pong', 'c');
	const a = await rig.frames('a');
	const [pingId, pongId] = [await a.declare('Ping'), await a.declare('Pong')];
	a.send(pingId, ...Array.from({ length: 10 }, (_, index) => `${index}`));
	a.send(pongId, ...Array.from({ length: 5 }, (_, index) => `${index}`));
	await until('all of them', () => rig.counters(ping).received === 10 && rig.counters(pong).received === 5);
	const nothing = { delivered: 0, deliveredBytes: 0, queued: 0, queuedBytes: 0, inFlight: 0 };
	expect(await rig.unlink(ping)).toEqual([
		{ id: ping, counters: { ...nothing, received: 10, dropped: { drop_newest: 2, link_removed: 8 } } },
	]);
	expect(await rig.remove('c')).toEqual([{ id: pong, counters: { ...nothing, received: 5, dropped: { link_removed: 5 } } }]);
});

test('links 5.14: a receiver is told what was queued for it on a link that is removed', async () => {
	const link = await rig.link('a', 'Ping', 'b', { overflow: 'drop-oldest', messages: 10 });
	const [a, b] = [await rig.frames('a'), await rig.frames('b', { reports: false })];
	const ping = await a.declare('Ping');
	a.send(ping, ...Array.from({ length: 18 }, (_, index) => `${index}`));
	await until('all of them', () => rig.counters(link).received === 18);
	// as many are on their way as the mailbox is long
	expect(rig.counters(link)).toMatchObject({ inFlight: 10, queued: 8, dropped: {} });
	await rig.unlink(link);
	await until('the notice', () => b.drops.length > 0);
	expect(b.drops).toEqual([{ type: 'Ping', from: 'a', reason: 'link_removed', count: 8, firstSeq: 11, lastSeq: 18 }]);
});

test('links 5.15: where an exact link and one for any sender lead to the same receiver, one message arrives, by the exact one', async () => {
	const any = await rig.link('*', 'Ping', 'b');
	const exact = await rig.link('a', 'Ping', 'b');
	const [a, b, c] = [await rig.frames('a'), await rig.frames('b'), await rig.frames('c')];
	const ping = await a.declare('Ping');
	await c.declare('Ping');
	a.send(ping, 'a');
	c.send(ping, 'c');
	await until('both', () => b.messages.length === 2);
	a.send(ping, 'last');
	await until('the last', () => b.messages.includes('last'));
	expect([...b.messages].sort()).toEqual(['a', 'c', 'last']);
	expect([rig.counters(exact).received, rig.counters(any).received]).toEqual([2, 1]);
});

test('links 5.17: 1,000 frames written byte by byte are the same as written at once', async () => {
	await rig.link('a', 'Ping', 'b', { messages: 5_000 });
	const [a, b] = [await rig.frames('a'), await rig.frames('b')];
	const ping = await a.declare('Ping');
	const frames = Array.from({ length: 1_000 }, (_, index) => a.message(ping, `${index}`));
	const bytes = Buffer.concat(frames);
	a.socket.setNoDelay(true);
	for (let at = 0; at < bytes.length; at++) {
		a.socket.write(bytes.subarray(at, at + 1));
		if (at % 2_000 === 0) await new Promise((resolve) => setImmediate(resolve));
	}
	await until('all of them', () => b.messages.length === 1_000);
	expect(b.messages.map(number)).toEqual(Array.from({ length: 1_000 }, (_, index) => index));
});

test('links 5.17: a 64 KiB boundary at every offset inside a header changes nothing', async () => {
	await rig.link('a', 'Ping', 'b', { messages: 5_000 });
	const [a, b] = [await rig.frames('a'), await rig.frames('b')];
	const ping = await a.declare('Ping', 'raw');
	for (let offset = 0; offset <= 32; offset++) {
		// the second frame's header begins `offset` bytes before the boundary
		const first = a.message(ping, Buffer.alloc(65_536 - 32 - offset, offset));
		a.socket.write(Buffer.concat([first, a.message(ping, `after ${offset}`)]));
	}
	await until('all of them', () => b.messages.length === 66);
	expect(b.messages.filter((_, index) => index % 2 === 1)).toEqual(Array.from({ length: 33 }, (_, offset) => `after ${offset}`));
});

test('links 5.18: invalid UTF-8, a line of 20 MiB, \\r\\n and an empty line are answered with lines, and a good line is delivered', async () => {
	await rig.link('a', 'Ping', 'b');
	const [a, b] = [await rig.lines('a'), await rig.lines('b')];
	b.write('');
	a.write({ hello: {} });
	a.raw(Buffer.concat([Buffer.from('{"type":"Ping","data":"'), Buffer.from([0xc3, 0x28]), Buffer.from('"}\n')]));
	a.raw(`{"type":"Ping","data":"${'x'.repeat(20 * 1024 * 1024)}"}\n`);
	a.raw('\r\n\n   \n{"type":"Ping","data":\n');
	a.raw('{"type":"Ping","data":{"good":true}}\r\n');
	await until('the good line', () => b.lines.length === 1);
	expect(b.values).toEqual([{ type: 'Ping', data: { good: true }, from: 'a' }]);
	expect(a.values.map(({ error }) => (error as { code: string }).code)).toEqual(['protocol', 'too_large', 'protocol']);
	expect(a.closed).toBe(false);
});

test.each([
	['an HTTP request', 'GET / HTTP/1.1\r\n\r\n'],
	['a TLS hello', Buffer.from([0x16, 0x03, 0x01, 0x00])],
	['a zero', Buffer.from([0])],
])('links 5.19: %s gets one readable error line and is closed', async (_what, bytes) => {
	const client = await rig.lines('a');
	client.raw(bytes);
	await until('the end', () => client.closed);
	expect(client.values).toEqual([{ error: { code: 'protocol', message: expect.stringContaining('JSON Lines') } }]);
});

test('links 5.20: line breaks in a payload never make two lines', async () => {
	await rig.link('a', 'Raw', 'b');
	await rig.link('a', 'Json', 'b');
	const [a, b] = [await rig.frames('a'), await rig.lines('b')];
	b.write('');
	const [raw, json] = [await a.declare('Raw', 'raw'), await a.declare('Json', 'json')];
	a.send(raw, Buffer.from('one\ntwo\r\n'));
	a.send(json, '{\n  "pretty":\r\n true\n}', 'not JSON\n', '"last"');
	await until('the lines', () => b.lines.length === 4);
	expect(b.values).toEqual([
		{ type: 'Raw', b64: Buffer.from('one\ntwo\r\n').toString('base64'), from: 'a' },
		{ type: 'Json', data: { pretty: true }, from: 'a' },
		{ dropped: { type: 'Json', count: 1, reason: 'codec', from: 'a' } },
		{ type: 'Json', data: 'last', from: 'a' },
	]);
});

describe('links 5.21: a request', () => {
	test('to one that dies before it answers fails at once with target_restarted, and a late reply is dropped and counted', async () => {
		// stands still: what waited for any time would never come
		await rig.close();
		rig = await startRig({ clock: new ManualClock() });
		await rig.add('a', 'b');
		await rig.link('a', 'Ask', 'b');
		const [a, b] = [await rig.frames('a'), await rig.frames('b')];
		const ask = await a.declare('Ask');
		a.request(ask, 1, '"q"');
		await until('the request', () => b.of(FrameKind.request).length === 1);
		b.destroy();
		await until('the failure', () => a.errors.length === 1);
		expect(a.errors).toEqual([{ code: 'target_restarted', message: expect.any(String), fatal: false, corr: 1, type: 'Ask' }]);
		const again = await rig.frames('b');
		const [asked] = b.of(FrameKind.request);
		if (asked) again.reply(asked, '"late"');
		await until('the count', () => rig.faults('b')['late_reply'] === 1);
		expect(a.of(FrameKind.reply)).toEqual([]);
	});

	test('that nobody answers makes room for a new one after a minute, the oldest first, and until then the new one is refused', async () => {
		const clock = new ManualClock();
		await rig.close();
		rig = await startRig({ clock });
		await rig.add('a', 'b', 'c');
		await rig.link('a', 'Ask', 'b');
		await rig.link('c', 'Ask', 'b');
		const [a, b, c] = [await rig.frames('a'), await rig.frames('b'), await rig.frames('c')];
		const ask = await a.declare('Ask');
		const failures = (code: string) => a.errors.filter((error) => error['code'] === code).map(({ corr }) => corr);
		const asked = () => b.of(FrameKind.request).length;
		for (let corr = 1; corr <= maxPendingRequests; corr++) {
			a.request(ask, corr, '"q"');
			// no more under way than the link lets through
			if (corr % 500 === 0) await until('these requests', () => asked() === corr);
		}
		await until('all requests', () => asked() === maxPendingRequests);
		a.request(ask, 10_001, '"one too many"');
		await until('the refusal', () => failures('busy').includes(10_001));
		// it is the table of the one who asks that is full, nobody else's
		c.request(await c.declare('Ask'), 1, '"q"');
		await until('the request of another', () => asked() === maxPendingRequests + 1);

		await clock.advance(staleRequestMs - 1);
		a.request(ask, 10_002, '"still too many"');
		await until('the second refusal', () => failures('busy').includes(10_002));
		await clock.advance(1);
		a.request(ask, 10_003, '"q"');
		a.request(ask, 10_004, '"q"');
		await until('both requests', () => asked() === maxPendingRequests + 3);
		expect(failures('busy')).toEqual([10_001, 10_002, 1, 2]);
		expect(a.errors.at(-1)?.['message']).toBe('no reply came for long, and others wait');
		// what comes for the one that made room comes too late; for all others it is in time
		const [first, , third] = b.of(FrameKind.request);
		for (const request of [first, third]) if (request) b.reply(request, '"answer"');
		await until('the reply', () => a.of(FrameKind.reply).length === 1 && rig.faults('b')['late_reply'] === 1);
		expect(a.of(FrameKind.reply)[0]?.header.corr).toBe(3);
	});

	test('is answered once, by the one who was asked', async () => {
		await rig.link('a', 'Ask', 'b');
		await rig.link('a', 'Ask', 'c');
		const [a, b, c] = [await rig.frames('a'), await rig.frames('b'), await rig.frames('c')];
		const ask = await a.declare('Ask');
		a.request(ask, 9, '"q"');
		const asked = await until(
			'the request',
			() => [b, c].flatMap((client) => client.of(FrameKind.request).map((request) => ({ client, request })))[0],
		);
		const other = asked.client === b ? c : b;
		other.reply(asked.request, '"forged"');
		asked.client.reply(asked.request, '"answer"');
		asked.client.reply(asked.request, '"twice"');
		await until('both counts', () => rig.faults('b')['late_reply'] === 1 && rig.faults('c')['late_reply'] === 1);
		expect(a.of(FrameKind.reply).map(({ header, payload }) => [header.corr, header.src, payload.toString()])).toEqual([
			[9, asked.client.port, '"answer"'],
		]);
		expect(other.of(FrameKind.request)).toEqual([]);
	});

	test('without a link, and with nobody at the other end, fails at once', async () => {
		await rig.link('a', 'Ask', 'b');
		const a = await rig.frames('a');
		a.request(await a.declare('Ask'), 1, '1');
		a.request(await a.declare('Other'), 2, '2');
		await until('both errors', () => a.errors.length === 2);
		expect(a.errors.map(({ code, corr }) => [code, corr])).toEqual([
			['target_down', 1],
			['no_route', 2],
		]);
		expect(rig.router.stats().unrouted).toEqual([expect.objectContaining({ type: 'Other', count: 1 })]);
	});

	test('that waits in a mailbox when its receiver dies fails, and does not go to the next process', async () => {
		const link = await rig.link('a', 'Ask', 'b', { overflow: 'drop-oldest', messages: 2 });
		const [a, b] = [await rig.frames('a'), await rig.frames('b', { reports: false })];
		const ask = await a.declare('Ask');
		for (let corr = 1; corr <= 5; corr++) a.request(ask, corr, `${corr}`);
		await until('all of them', () => rig.counters(link).received === 5);
		// two on their way, two in the mailbox, one pushed out
		await until('the one without room', () => a.errors.length === 1);
		expect(a.errors).toEqual([expect.objectContaining({ code: 'busy', corr: 3 })]);
		b.destroy();
		await until('all failures', () => a.errors.length === 5);
		expect(a.errors.slice(1).map(({ code }) => code)).toEqual(Array(4).fill('target_restarted'));
		const next = await rig.frames('b');
		a.send(await a.declare('Ask'), 'after');
		await until('the message', () => next.messages.length === 1);
		expect(next.of(FrameKind.request)).toEqual([]);
	});
});

test('links 5.22: after the router was killed clients come back with their ports, and what was lost is reported, nothing twice', async () => {
	await rig.link('a', 'Ping', 'b', { overflow: 'drop-newest' });
	const [a, b] = [await rig.frames('a'), await rig.frames('b')];
	const ping = await a.declare('Ping');
	a.send(ping, '1', '2', '3');
	await until('three', () => b.messages.length === 3);
	await rig.reopen();
	// the sender has numbered seven; the receiver has seen three
	const again = await rig.frames('a', { resume: { port: a.port, sent: [[ping, 7]], seen: [] } });
	const receiver = await rig.frames('b', { resume: { port: b.port, sent: [], seen: [[a.port, ping, 3]] } });
	expect([again.port, receiver.port]).toEqual([a.port, b.port]);
	expect(await again.declare('Ping')).toBe(ping);
	const frame = again.message(ping, '8');
	frame.writeUInt32LE(8, 16);
	again.socket.write(frame);
	await until('the eighth', () => receiver.messages.length === 1);
	expect(receiver.messages).toEqual(['8']);
	expect(receiver.drops).toEqual([{ type: 'Ping', from: 'a', reason: 'router_lost', count: 4, firstSeq: 4, lastSeq: 7 }]);
	expect(rig.router.stats().links[0]?.counters.dropped).toEqual({ router_lost: 4 });
});

test('links 5.22: a receiver that has not come back yet holds its sender up rather than lose what it sends', async () => {
	await rig.close();
	const clock = new ManualClock();
	rig = await startRig({ clock });
	await rig.add('a', 'b');
	const link = await rig.link('a', 'Ping', 'b', { messages: 10 });
	const [a, b] = [await rig.frames('a'), await rig.frames('b')];
	const ping = await a.declare('Ping');
	await rig.reopen();
	const again = await rig.frames('a', { resume: { port: a.port, sent: [], seen: [] } });
	await again.declare('Ping');
	expect(again.credits.get(ping)?.frames).toBe(10);
	again.send(ping, ...Array.from({ length: 10 }, (_, index) => `${index}`));
	await until('all queued', () => rig.counters(link).queued === 10);
	expect([again.credits.get(ping)?.frames, rig.report(link).blocking]).toEqual([10, true]);
	const back = await rig.frames('b', { resume: { port: b.port, sent: [], seen: [] } });
	await until('all of them', () => back.messages.length === 10);
	expect([rig.counters(link).dropped, clock.pending]).toEqual([{}, 0]);
});

test('links 5.22: one that does not come back is down after a while', async () => {
	await rig.close();
	const clock = new ManualClock();
	rig = await startRig({ clock });
	await rig.add('a', 'b');
	const link = await rig.link('a', 'Ping', 'b', { messages: 10 });
	const [a, b] = [await rig.frames('a'), await rig.frames('b')];
	await a.declare('Ping');
	b.destroy();
	await rig.reopen();
	const again = await rig.frames('a', { resume: { port: a.port, sent: [], seen: [] } });
	const ping = await again.declare('Ping');
	again.send(ping, ...Array.from({ length: 10 }, (_, index) => `${index}`));
	await until('all queued', () => rig.counters(link).queued === 10);
	await clock.advance(5_000);
	await until('credit', () => (again.credits.get(ping)?.frames ?? 0) > 10);
	again.send(ping, 'beyond');
	await until('the drop', () => rig.counters(link).dropped['receiver_down'] === 1);
});

test('links 5.22: what a broken connection swallowed is told to the sender in the welcome and to the receiver in band', async () => {
	await rig.link('a', 'Ping', 'b');
	const [a, b] = [await rig.frames('a'), await rig.frames('b')];
	const ping = await a.declare('Ping');
	a.send(ping, '1', '2');
	await until('two', () => b.messages.length === 2);
	a.destroy();
	const again = await rig.frames('a', { resume: { port: a.port, sent: [[ping, 5]], seen: [] } });
	expect([again.port, again.welcome?.lost]).toEqual([a.port, [{ type: 'Ping', count: 3 }]]);
	await again.declare('Ping');
	again.send(ping, 'next');
	await until('the next', () => b.messages.length === 3);
	expect(b.drops).toEqual([{ type: 'Ping', from: 'a', reason: 'router_lost', count: 3, firstSeq: 3, lastSeq: 5 }]);
});

test('links 5.26: with 10,000 types and 2,000 links a table under load misroutes nothing: old or new, never neither', async () => {
	await rig.close();
	rig = await startRig();
	const names = Array.from({ length: 20 }, (_, index) => `r${index}`);
	await rig.add('a', 'b', 'c', ...names);
	const ports = ['a', 'b', 'c', ...names].map((name) => rig.port(name));
	const row = (id: number, from: string, type: string, to: string) => ({
		id: `01900000-0000-7000-a000-${id.toString(16).padStart(12, '0')}`,
		from: rig.id(from),
		type,
		to: rig.id(to),
		messages: 100_000,
		bytes: 64 * 1024 * 1024,
		overflow: 'drop-newest' as const,
		whileDown: 'drop' as const,
	});
	const fixed = Array.from({ length: 1_999 }, (_, index) => row(index + 10, 'a', `t${index}`, names[index % 20] as string));
	let version = 1_000;
	const swap = (to: 'b' | 'c') =>
		rig.router.table({ version: ++version, ports, links: [...fixed, row(to === 'b' ? 1 : 2, 'a', 'Ping', to)] });
	await swap('b');
	const [a, b, c] = [await rig.frames('a'), await rig.frames('b'), await rig.frames('c')];
	a.frame(
		{ kind: FrameKind.declare },
		pack({ types: Array.from({ length: 10_000 }, (_, index) => ({ name: `t${index}`, codec: 'json' })) }),
	);
	const ping = await a.declare('Ping');
	expect(rig.router.typeCount).toBe(10_001);
	const total = 20_000;
	let sent = 0;
	for (let round = 0; round < 20; round++) {
		a.send(ping, ...Array.from({ length: total / 20 }, () => `${sent++}`));
		// the table changes before the last thousand is read, in the middle of it, or after
		const at = sent - ([total / 20, total / 40, 0][round % 3] as number);
		await until('part of it', () => b.messages.length + c.messages.length >= at);
		await swap(round % 2 === 0 ? 'c' : 'b');
	}
	await until('every message', () => b.messages.length + c.messages.length === total);
	expect([...b.messages, ...c.messages].map(number).sort((x, y) => x - y)).toEqual(
		Array.from({ length: total }, (_, index) => index),
	);
	for (const { messages } of [b, c]) expect(messages.map(number)).toEqual([...messages].map(number).sort((x, y) => x - y));
	expect(b.messages.length * c.messages.length).toBeGreaterThan(0);
	expect(rig.router.stats().unrouted).toEqual([]);
});

test('links 5.27: a socket path that is too long is a problem of that runtime alone; a stale socket file is taken over', async () => {
	const long = { ...rig.port('a'), socket: `${rig.directory}/${'x'.repeat(120)}.sock` };
	const { problems } = await rig.router.table({ version: 900, ports: [long, rig.port('b')], links: [] });
	expect(problems).toEqual([{ runtime: rig.id('a'), path: long.socket, message: expect.stringContaining('bytes') }]);
	expect((await rig.frames('b')).welcome?.runtime.name).toBe('b');
	// as after power loss: the files are there, nobody listens
	await rig.reopen();
	expect((await rig.frames('a')).welcome?.runtime.name).toBe('a');
});

test('links 5.27: sockets whose directory was deleted are made again by the next table; who is connected stays', async () => {
	await rig.link('a', 'Ping', 'b');
	const [a, b] = [await rig.frames('a'), await rig.frames('b')];
	const ping = await a.declare('Ping');
	for (const name of readdirSync(rig.directory)) if (name.endsWith('.sock')) rmSync(join(rig.directory, name));
	await expect(rig.lines('c')).rejects.toMatchObject({ code: 'ENOENT' });
	await rig.link('a', 'Pong', 'b');
	const c = await rig.lines('c');
	c.write({ type: 7 });
	a.send(ping, 'on');
	await until('both', () => c.lines.length === 1 && b.messages.length === 1);
});

test('links 5.28: a thousand connections that say nothing are refused beyond the bound, and the rest are closed', async () => {
	await rig.close();
	const clock = new ManualClock();
	rig = await startRig({ clock });
	await rig.add('a', 'b');
	// beyond its backlog the system itself refuses
	let refused = 0;
	const sockets = Array.from({ length: 1_000 }, () => {
		const socket = connect(rig.port('a').socket);
		socket.on('error', ({ code }: NodeJS.ErrnoException) => {
			if (code === 'EAGAIN') refused += 1;
		});
		socket.resume();
		return socket;
	});
	await until('all but the bound closed', () => sockets.filter(({ destroyed }) => destroyed).length >= 984);
	const b = await rig.frames('b');
	expect(b.welcome?.runtime.name).toBe('b');
	expect(sockets.filter(({ destroyed }) => !destroyed).length).toBe(16);
	await clock.advance(2_000);
	await until('all of them closed', () => sockets.every(({ destroyed }) => destroyed));
	const a = await rig.frames('a');
	expect(a.welcome?.runtime.name).toBe('a');
	expect(rig.faults('a')).toMatchObject({ hello_timeout: 16, busy: 984 - refused });
});

test('a frame before the hello, and a hello of another version, are refused in words', async () => {
	const eager = await rig.frames('a', { silent: true });
	eager.socket.write(makeFrame({ kind: 0, typeId: 1, src: 0, seq: 1 }, Buffer.from('x')));
	await until('the end', () => eager.closed);
	expect(eager.errors).toEqual([expect.objectContaining({ code: 'protocol', message: 'the first frame must be a hello' })]);
	const old = await rig.frames('a', { silent: true });
	old.hello({ token: rig.port('a').token, protoMin: 7, protoMax: 9 });
	await until('the end', () => old.closed);
	expect(old.errors).toEqual([expect.objectContaining({ code: 'version', fatal: true })]);
});
