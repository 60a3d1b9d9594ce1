/** Requests from outside of any runtime: each ends, by the reply, by an error, or with the patience of whoever asks. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { until } from '@orch/base/testing';
import { FrameFlag, FrameKind, makeFrame } from '@orch/protocol/data';
import { pack } from '@orch/protocol/wire';
import { InvalidMessage, MessageRefused } from './injection.ts';
import { NoReply } from './outside.ts';
import type { FrameClient, Received } from './testing/frame-client.ts';
import { type Rig, startRig } from './testing/rig.ts';

let rig: Rig;
beforeEach(async () => {
	rig = await startRig();
	await rig.add('a', 'b', 'c');
});
afterEach(() => rig.close());

const message = (more: object) => ({
	from: null,
	to: null,
	type: 'Add',
	codec: 'json' as 'json' | 'msgpack' | 'raw',
	body: Buffer.from('[1,2]') as Uint8Array,
	...more,
});
const ask = (more: object, signal = new AbortController().signal) => {
	const asked = rig.router.request(message(more), signal);
	// looked at later
	asked.catch(() => {});
	return asked;
};
async function requestOf(client: FrameClient): Promise<Received> {
	await until('the request', () => client.of(FrameKind.request).length > 0);
	return client.of(FrameKind.request).at(-1) as Received;
}

describe('a request straight into a runtime', () => {
	test('is answered by its reply, without a link', async () => {
		const b = await rig.frames('b');
		const asked = ask({ to: rig.id('b') });
		const request = await requestOf(b);
		expect(request.payload.toString()).toBe('[1,2]');
		b.reply(request, '3');
		expect(await asked).toEqual({ from: 'b', codec: 'json', body: Buffer.from('3') });
		expect(b.bodies(FrameKind.peer)).toEqual([{ peers: [{ port: request.header.src, runtime: '@cli', name: '@cli' }] }]);
	});

	test('each gets its own reply, in whatever order they come', async () => {
		const b = await rig.frames('b');
		const asked = [1, 2, 3].map((number) => ask({ to: rig.id('b'), body: Buffer.from(`${number}`) }));
		await until('all', () => b.of(FrameKind.request).length === 3);
		for (const request of b.of(FrameKind.request).reverse()) b.reply(request, `"of ${request.payload.toString()}"`);
		expect((await Promise.all(asked)).map(({ body }) => Buffer.from(body).toString())).toEqual(['"of 1"', '"of 2"', '"of 3"']);
	});

	test('is answered by a client of JSON Lines, in the codec of the request', async () => {
		const c = await rig.lines('c');
		c.write({ hello: {} });
		await until('the hello', () => rig.router.connections === 1);
		const asked = ask({ to: rig.id('c'), codec: 'msgpack', body: pack({ n: 1 }) });
		await until('the request', () => c.lines.length === 1);
		expect(c.values[0]).toEqual({ type: 'Add', data: { n: 1 }, from: '@cli', id: expect.any(String) });
		c.write({ type: 'Add', data: { sum: 2 }, re: (c.values[0] as { id: string }).id });
		expect(await asked).toEqual({ from: 'c', codec: 'msgpack', body: Buffer.from(pack({ sum: 2 })) });
	});

	test('is answered by the error of whoever replies', async () => {
		const [b, c] = [await rig.frames('b'), await rig.lines('c')];
		c.write({ hello: {} });
		await until('the hello', () => rig.router.connections === 2);
		const [ofB, ofC] = [ask({ to: rig.id('b') }), ask({ to: rig.id('c') })];
		const { header } = await requestOf(b);
		b.socket.write(
			makeFrame(
				{ kind: FrameKind.reply, flags: FrameFlag.error, typeId: header.typeId, src: b.port, corr: header.corr, dst: header.src },
				pack({ code: 'overflow', message: 'too large a sum' }),
			),
		);
		await expect(ofB).rejects.toMatchObject({
			name: 'NoReply',
			type: 'Add',
			from: 'b',
			code: 'overflow',
			message: 'too large a sum',
		});
		await until('the request', () => c.lines.length === 1);
		c.write({ re: (c.values[0] as { id: string }).id, error: { code: 'no', message: 'not today' } });
		await expect(ofC).rejects.toMatchObject({ from: 'c', code: 'no', message: 'not today' });
	});

	test('fails at once where nobody is there who could answer', async () => {
		await expect(ask({ to: rig.id('b') })).rejects.toMatchObject({ name: 'NoReply', code: 'target_down', from: undefined });
		const c = await rig.veecle('c');
		c.write({ ControlRequest: { id: 1 } });
		await until('the connection', () => rig.router.connections === 1);
		await expect(ask({ to: rig.id('c') })).rejects.toMatchObject({ code: 'no_route' });
		expect((await rig.router.stats()).unrouted).toEqual([]);
	});

	test('fails when whoever should answer ends', async () => {
		const b = await rig.frames('b');
		const asked = ask({ to: rig.id('b') });
		await requestOf(b);
		b.destroy();
		await expect(asked).rejects.toMatchObject({ name: 'NoReply', code: 'target_restarted' });
	});

	test('is not waited for longer than its asker wants, and a reply after that is late', async () => {
		const b = await rig.frames('b');
		const abort = new AbortController();
		const asked = ask({ to: rig.id('b') }, abort.signal);
		const request = await requestOf(b);
		abort.abort(new Error('enough'));
		await expect(asked).rejects.toThrow('enough');
		b.reply(request, '3');
		await until('the late reply', () => rig.faults('b')['late_reply'] === 1);
		await expect(ask({ to: rig.id('b') }, abort.signal)).rejects.toThrow('enough');
		expect(b.of(FrameKind.request)).toHaveLength(1);
	});

	test('that cannot be sent, or does not fit its schema, goes nowhere', async () => {
		await rig.project('shop', 'b');
		await rig.declare('shop', 'Add', { type: 'object' });
		const b = await rig.frames('b');
		await expect(ask({ to: rig.id('b') })).rejects.toBeInstanceOf(MessageRefused);
		await expect(ask({ to: rig.id('b'), body: Buffer.from('{') })).rejects.toBeInstanceOf(InvalidMessage);
		await expect(ask({})).rejects.toBeInstanceOf(InvalidMessage);
		expect(b.of(FrameKind.request)).toEqual([]);
	});
});

describe('a request as if from a runtime', () => {
	test('goes by one of its links, to the first that answers', async () => {
		await rig.link('a', 'Add', 'b');
		await rig.link('a', 'Add', 'c');
		const c = await rig.frames('c');
		const asked = ask({ from: rig.id('a') });
		const request = await requestOf(c);
		expect(c.bodies(FrameKind.peer)).toEqual([{ peers: [{ port: request.header.src, runtime: rig.id('a'), name: 'a' }] }]);
		c.reply(request, '3');
		expect(await asked).toMatchObject({ from: 'c' });
	});

	test('is told apart from those that the runtime itself asks at the same time', async () => {
		await rig.link('a', 'Add', 'b');
		const [a, b] = [await rig.frames('a'), await rig.frames('b')];
		const add = await a.declare('Add');
		a.request(add, 1, '"own"');
		const asked = ask({ from: rig.id('a'), body: Buffer.from('"by hand"') });
		await until('both', () => b.of(FrameKind.request).length === 2);
		for (const request of b.of(FrameKind.request)) b.reply(request, request.payload.toString());
		expect(Buffer.from((await asked).body).toString()).toBe('"by hand"');
		await until('its own', () => a.of(FrameKind.reply).length === 1);
		expect(a.of(FrameKind.reply)[0]?.payload.toString()).toBe('"own"');
	});

	test('fails where no link leads to anybody, or the link is removed', async () => {
		await expect(ask({ from: rig.id('a') })).rejects.toBeInstanceOf(NoReply);
		const link = await rig.link('a', 'Add', 'b', { messages: 1, overflow: 'drop-newest' });
		await expect(ask({ from: rig.id('a') })).rejects.toMatchObject({ code: 'target_down' });
		const b = await rig.frames('b', { reports: false });
		b.pause();
		const asked = ask({ from: rig.id('a') });
		await rig.unlink(link);
		b.destroy();
		await expect(asked).rejects.toMatchObject({ name: 'NoReply' });
	});
});
