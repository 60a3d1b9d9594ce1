/** What a runtime has written before it goes, in whatever way it goes: all of it is routed, or counted with the reason and told. */
import { spawnSync } from 'node:child_process';
import type { Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { until } from '@orch/base/testing';
import { FrameKind, makeFrame } from '@orch/protocol/data';
import { type Rig, startRig } from './testing/rig.ts';

let rig: Rig;
beforeEach(async () => {
	rig = await startRig();
	await rig.add('a', 'b');
});
afterEach(() => rig.close());

const count = 1_000;
const isConnected = (name: string) =>
	rig.router.stats().ports.find(({ runtime }) => runtime === rig.id(name))?.connected === true;
const gone = (name: string) => until(`${name} is gone`, () => !isConnected(name));

/** Everything that the link was given: where it is, or why it is not. */
function accounted(link: string): number {
	const { delivered, queued, inFlight, dropped } = rig.counters(link);
	return delivered + queued + inFlight + Object.values(dropped).reduce((sum, reason) => sum + reason, 0);
}

/** All of it is with the system when this returns: whatever happens to the client now, it has been written. */
function write(socket: Socket, bytes: Uint8Array | string): void {
	socket.write(bytes);
	expect(socket.writableLength).toBe(0);
}

interface Speaker {
	readonly socket: Socket;
	/** `count` messages, each behind something that the router answers: it finds out by its answers that nobody reads them. */
	readonly words: readonly Buffer[];
}

const speakers: Record<string, () => Promise<Speaker>> = {
	async binary() {
		const a = await rig.frames('a');
		const ping = await a.declare('Ping');
		const ask = makeFrame({ kind: FrameKind.ping }, Buffer.from('are you there'));
		const word = (index: number) => Buffer.concat([ask, a.message(ping, `"${index} ${'x'.repeat(30)}"`)]);
		return { socket: a.socket, words: Array.from({ length: count }, (_, index) => word(index)) };
	},
	async 'JSON Lines'() {
		const a = await rig.lines('a');
		a.write('');
		await until('a is connected', () => isConnected('a'));
		const word = (index: number) => Buffer.from(`{"re":"1.1"}\nno JSON\n{"type":"Ping","data":"${index} ${'x'.repeat(60)}"}\n`);
		return { socket: a.socket, words: Array.from({ length: count }, (_, index) => word(index)) };
	},
	async 'Veecle’s dialect'() {
		const a = await rig.veecle('a');
		await until('a is connected', () => isConnected('a'));
		const ask = '{"ControlRequest":{"StopRuntime":{"id":"01900000-0000-7000-8000-00000000abcd"}}}';
		const word = (index: number) => Buffer.from(`${ask}\n{"Storable":{"type_name":"Ping","value":"${index}"}}\n`);
		return { socket: a.socket, words: Array.from({ length: count }, (_, index) => word(index)) };
	},
};

const ways: Record<string, (speaker: Speaker, link: string) => Promise<void>> = {
	async 'ends its side'({ socket, words }) {
		write(socket, Buffer.concat(words));
		socket.end();
	},
	// to the system the same as SIGKILL
	async closes({ socket, words }) {
		write(socket, Buffer.concat(words));
		socket.destroy();
	},
	async 'closes with an answer unread, which resets the connection,'({ socket, words: [first, ...others] }, link) {
		// pausing alone would go on reading, only not tell
		(socket as unknown as { _handle: { readStop(): void } })._handle.readStop();
		write(socket, first as Buffer);
		await until('the first message', () => rig.counters(link).received === 1);
		write(socket, Buffer.concat(others));
		socket.destroy();
	},
};

const receivers: Record<string, () => Promise<{ got: () => number } | undefined>> = {
	async 'takes everything at once'() {
		const b = await rig.frames('b');
		return { got: () => b.messages.length };
	},
	async 'does not read'() {
		const b = await rig.frames('b', { reports: false });
		b.pause();
		return undefined;
	},
	'is not there': async () => undefined,
};

describe.each(Object.keys(speakers))('a sender that speaks %s', (codec) => {
	const speak = speakers[codec] as (typeof speakers)[string];
	describe.each(Object.keys(ways))('and %s right after its last message', (way) => {
		const go = ways[way] as (typeof ways)[string];
		test.each(Object.keys(receivers))('is heard to the end where the receiver %s', async (how) => {
			const link = await rig.link('a', 'Ping', 'b', { overflow: 'drop-newest', messages: 600, bytes: 1_000_000 });
			const receiver = await receivers[how]?.();
			await go(await speak(), link);
			await gone('a');
			expect([rig.counters(link).received, accounted(link)]).toEqual([count, count]);
			if (receiver) await until('all messages', () => receiver.got() === count);
		});
	});
});

describe('under block, with the mailbox full when the sender goes', () => {
	const whileDown = 'block';

	test('what was sent under credit waits for the receiver, what was not is counted', async () => {
		const link = await rig.link('a', 'Ping', 'b', { messages: 10, whileDown });
		const a = await rig.frames('a');
		const ping = await a.declare('Ping');
		write(a.socket, Buffer.concat(Array.from({ length: 15 }, (_, index) => a.message(ping, `${index}`))));
		a.destroy();
		await gone('a');
		expect(rig.counters(link)).toMatchObject({ received: 15, queued: 10, dropped: { credit_exceeded: 5 } });
		const b = await rig.frames('b');
		await until('what waits', () => b.messages.length === 10);
		expect(b.messages.map(Number)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
	});

	test('what a sender without credits wrote waits as far as there is room, the rest is counted', async () => {
		const link = await rig.link('a', 'Ping', 'b', { messages: 10, whileDown });
		const a = await rig.lines('a');
		write(a.socket, Array.from({ length: 15 }, (_, index) => `{"type":"Ping","data":${index}}\n`).join(''));
		a.destroy();
		await until('all of it', () => rig.counters(link).received === 15);
		expect(rig.counters(link)).toMatchObject({ queued: 10, dropped: { no_credit_sender: 5 } });
	});
});

describe('after a fault that ends the connection', () => {
	test('what was before it is routed, what is behind it is counted by its bytes, and the client can read why', async () => {
		const link = await rig.link('a', 'Ping', 'b', { messages: 10_000 });
		const a = await rig.frames('a');
		const ping = await a.declare('Ping');
		const before = Array.from({ length: 10 }, (_, index) => a.message(ping, `${index}`));
		const behind = Array.from({ length: 20_000 }, () => a.message(ping, 'x'.repeat(100)));
		const broken = Buffer.from('no frame at all');
		// far more than the connection holds, so that it is being written when the fault is found
		a.socket.write(Buffer.concat([...before, broken, ...behind]));
		await until('the end', () => a.closed);
		await gone('a');
		expect(a.errors).toEqual([
			expect.objectContaining({ code: 'protocol', fatal: true, message: expect.stringContaining('from there on nothing') }),
		]);
		const bytes = broken.length + behind.reduce((sum, { length }) => sum + length, 0);
		expect([rig.counters(link).received, rig.faults('a')]).toEqual([10, { protocol: 1, discarded_bytes: bytes }]);
	});

	test('a client that comes back is told of the messages behind it, and so is their receiver', async () => {
		const link = await rig.link('a', 'Ping', 'b');
		const [a, b] = [await rig.frames('a'), await rig.frames('b')];
		const ping = await a.declare('Ping');
		const frames = ['1', '2', '3', '4', '5'].map((text) => a.message(ping, text));
		write(a.socket, Buffer.concat([...frames.slice(0, 2), Buffer.alloc(8), ...frames.slice(2)]));
		await until('the end', () => a.closed);
		const again = await rig.frames('a', { resume: { port: a.port, sent: [[ping, 5]], seen: [] } });
		expect([again.welcome?.lost, rig.counters(link).dropped]).toEqual([[{ type: 'Ping', count: 3 }], { router_lost: 3 }]);
		await again.declare('Ping');
		again.send(ping, '6');
		await until('the next', () => b.messages.length === 3);
		expect(b.drops).toEqual([{ type: 'Ping', from: 'a', reason: 'router_lost', count: 3, firstSeq: 3, lastSeq: 5 }]);
	});

	test('the next connection does not wait until the client has closed', async () => {
		const a = await rig.frames('a');
		a.socket.allowHalfOpen = true;
		a.socket.write('no frame at all');
		await until('the reason', () => a.errors.length === 1);
		const next = await rig.frames('a');
		expect([next.closed, next.errors, rig.faults('a')['already_connected']]).toEqual([false, [], undefined]);
	});
});

test.each([
	['with nothing behind it counts nothing', 0, {}],
	['with messages behind it leaves them unread, and counts their bytes', 3, { discarded_bytes: 3 * 33 }],
])('a bye %s', async (_what, behind, faults) => {
	const link = await rig.link('a', 'Ping', 'b');
	const a = await rig.frames('a');
	const ping = await a.declare('Ping');
	const messages = (length: number) => Array.from({ length }, () => a.message(ping, 'x'));
	write(a.socket, Buffer.concat([...messages(4), makeFrame({ kind: FrameKind.bye }, Buffer.alloc(0)), ...messages(behind)]));
	await gone('a');
	expect([rig.counters(link).received, rig.faults('a')]).toEqual([4, faults]);
});

describe('what is not whole at the end is told to a client that still reads, and counted', () => {
	test('a frame', async () => {
		const a = await rig.frames('a');
		const frame = a.message(await a.declare('Ping'), 'never');
		a.socket.end(frame.subarray(0, 35));
		await until('the end', () => a.closed);
		expect([a.errors, rig.faults('a')]).toEqual([[expect.objectContaining({ code: 'protocol', fatal: true })], { truncated: 1 }]);
	});

	test.each([
		['the first line', '', { protocol: 1 }],
		['a later line', '\n', { truncated: 1 }],
	])('%s', async (_what, before, faults) => {
		const a = await rig.lines('a');
		a.socket.end(`${before}{"type":"Ping","data":1}`);
		await until('the end', () => a.closed);
		expect([a.values, rig.faults('a')]).toEqual([[{ error: { code: 'protocol', message: expect.any(String) } }], faults]);
	});
});

/**
 * A program that connects, writes and closes, for each of the texts, and ends. The router, which lives in this process, looks at
 * nothing before that.
 */
function programRuns(path: string, texts: readonly string[]): void {
	const program = `
		const [path, ...texts] = process.argv.slice(1);
		const say = () => {
			const text = texts.shift();
			if (text === undefined) process.exit();
			const socket = require('node:net').connect(path, () => socket.write(text, () => socket.destroy()));
			socket.on('close', say);
		};
		say();`;
	const { status, stderr } = spawnSync(process.execPath, ['-e', program, path, ...texts], { encoding: 'utf8' });
	expect([status, stderr]).toEqual([0, '']);
}

describe('a program that connects once for each message, without waiting for anything,', () => {
	test.each([
		['JSON Lines', 'socket', (index: number) => `{"type":"Ping","data":${index}}\n`],
		['Veecle’s dialect', 'veecleSocket', (index: number) => `{"Storable":{"type_name":"Ping","value":"${index}"}}\n`],
	] as const)('is heard each time (%s), and its place is free for the next', async (_codec, socket, line) => {
		const link = await rig.link('a', 'Ping', 'b');
		const b = await rig.frames('b');
		programRuns(
			rig.port('a')[socket],
			Array.from({ length: 20 }, (_, index) => line(index)),
		);
		await until('all messages', () => b.messages.length === 20);
		expect(b.messages.map(Number)).toEqual(Array.from({ length: 20 }, (_, index) => index));
		await gone('a');
		expect([rig.counters(link).received, rig.faults('a')]).toEqual([20, {}]);
		expect((await rig.frames('a')).closed).toBe(false);
	});
});

describe('when a process has ended', () => {
	test('before anybody looked at its connection, what it wrote is routed', async () => {
		const link = await rig.link('a', 'Ping', 'b', { messages: 2_000 });
		const lines = Array.from({ length: count }, (_, index) => `{"type":"Ping","data":${index}}\n`);
		programRuns(rig.port('a').socket, [lines.join('')]);
		rig.router.ended(rig.id('a'), 1);
		await until('all messages', () => rig.counters(link).received === count);
		await gone('a');
		expect(rig.faults('a')).toEqual({});
	});

	test.each([
		[
			'to a connection that it had',
			async () => {
				const b = await rig.frames('b');
				b.send(await b.declare('Last'), 'words');
			},
		],
		['to one that is accepted after it', async () => programRuns(rig.port('b').socket, ['{"type":"Last"}\n'])],
	])('messages do not go %s any more: they are for the next process', async (_what, connect) => {
		const link = await rig.link('a', 'Ping', 'b');
		const a = await rig.frames('a');
		const ping = await a.declare('Ping');
		await connect();
		a.send(ping, '1', '2', '3');
		rig.router.ended(rig.id('b'), 1);
		await until('all messages', () => rig.counters(link).received === 3);
		await until('its last words', () => rig.router.stats().unrouted.some(({ type }) => type === 'Last'));
		await gone('b');
		expect(rig.counters(link)).toMatchObject({ queued: 3, dropped: {} });
		await rig.restart('b');
		const next = await rig.frames('b');
		await until('all messages', () => next.messages.length === 3);
	});

	test('a descendant that connects later is refused, counted once', async () => {
		rig.router.ended(rig.id('a'), 1);
		await until('nothing more is accepted', async () => {
			const late = await rig.lines('a');
			late.write({ type: 'Ping' });
			await until('an answer or the end', () => late.closed);
			return late.lines.length > 0;
		});
		expect(rig.faults('a')).toEqual({ denied: 1 });
	});
});
