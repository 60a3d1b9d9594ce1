/** Whoever asks is answered, whatever else it has not read yet; and whoever reads nothing is not answered without end. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { until } from '@orch/base/testing';
import { FrameKind } from '@orch/protocol/data';
import { pack, unpack } from '@orch/protocol/wire';
import { maxUnreadRefusalBytes } from './limits.ts';
import type { FrameClient } from './testing/frame-client.ts';
import { type Rig, startRig } from './testing/rig.ts';

let rig: Rig;
beforeEach(async () => {
	rig = await startRig();
	await rig.add('a', 'b');
	await rig.link('a', 'Add', 'b');
	await rig.link('b', 'Long', 'a');
});
afterEach(() => rig.close());

const mib = 1024 * 1024;

/** Has something of `bytes` on its way to `a`, which does not read it. */
async function unread(b: FrameClient, bytes: number): Promise<void> {
	const long = await b.declare('Long', 'json');
	b.send(long, JSON.stringify('x'.repeat(bytes)));
	await until('it to be on its way', () => rig.router.stats().links.some(({ counters }) => counters.inFlight === 1));
}

describe('while a message of 4 MiB is being written to it, a client learns', () => {
	test('that its requests, declarations and operations are refused', async () => {
		const [a, b] = [await rig.frames('a'), await rig.frames('b')];
		const nowhere = await a.declare('Nowhere');
		a.pause();
		await unread(b, 4 * mib);
		a.request(nowhere, 7, '1');
		a.request(4_711, 8, '1');
		a.frame({ kind: FrameKind.declare }, pack({ types: [{ name: 'bad\n', codec: 'json' }] }));
		a.frame({ kind: FrameKind.control }, pack([0, 9, 'runtime.list', {}]));
		await until('all of it', () => rig.faults('a')['invalid_type'] === 1);
		a.resume();
		await until('the answers', () => a.errors.length === 3 && a.of(FrameKind.control).length === 1);
		expect(a.errors.map(({ code, corr }) => [code, corr])).toEqual([
			['no_route', 7],
			['unknown_type', 8],
			['invalid_type', undefined],
		]);
	});

	test('that its request has failed', async () => {
		const [a, b] = [await rig.frames('a'), await rig.frames('b')];
		const add = await a.declare('Add');
		a.request(add, 7, '1');
		await until('the request', () => b.of(FrameKind.request).length === 1);
		a.pause();
		await unread(b, 4 * mib);
		b.destroy();
		await until('the end', () => rig.router.connections === 1);
		a.resume();
		await until('the answer', () => a.errors.length === 1);
		expect(a.errors).toEqual([expect.objectContaining({ code: 'target_restarted', corr: 7 })]);
	});

	test('what orchd answers', async () => {
		await rig.privileged('a');
		const [a, b] = [await rig.frames('a'), await rig.frames('b')];
		const abort = new AbortController();
		const reading = (async () => {
			for await (const event of rig.router.events(abort.signal))
				if (event.kind === 'control') {
					a.pause();
					await unread(b, 4 * mib);
					rig.router.answer(event.request, { ok: 'done' });
					a.resume();
				}
		})();
		a.frame({ kind: FrameKind.control }, pack([0, 9, 'runtime.list', {}]));
		await until('the answer', () => a.of(FrameKind.control).length === 1);
		expect(unpack(a.of(FrameKind.control)[0]?.payload as Buffer)).toEqual([1, 9, 'done']);
		abort.abort();
		await reading;
	});

	test('in lines that its request is refused, and its operation', async () => {
		const [a, b] = [await rig.lines('a'), await rig.frames('b')];
		a.write({ hello: {} });
		await until('a', () => rig.router.connections === 2);
		a.pause();
		await unread(b, 4 * mib);
		a.write({ type: 'Nowhere', data: 1, id: 7 }, { ctl: { id: 8, op: 'runtime.list' } }, { nonsense: 1 });
		await until('all of it', () => rig.faults('a')['protocol'] === 1);
		a.resume();
		await until('the answers', () => a.lines.length === 3);
		expect(a.values.slice(1)).toEqual([
			{ error: { code: 'no_route', message: expect.any(String) }, re: 7 },
			{ ctl: { id: 8, error: { code: 'access.denied', message: 'no control privileges' } } },
		]);
	});
});

test('whoever has too much unread for a reply is told so in its place', async () => {
	const [a, b] = [await rig.frames('a'), await rig.frames('b')];
	const add = await a.declare('Add');
	for (const corr of [1, 2, 3, 4]) a.request(add, corr, '1');
	await until('the requests', () => b.of(FrameKind.request).length === 4);
	a.pause();
	const [first, ...others] = b.of(FrameKind.request);
	for (const request of others) b.reply(request, JSON.stringify('x'.repeat(9 * mib)));
	if (first !== undefined) b.reply(first, '2');
	await until('the last reply', () => rig.faults('a')['reply_overflow'] !== undefined);
	a.resume();
	await until('an answer to each', () => a.of(FrameKind.reply).length + a.errors.length === 4);
	expect(a.errors.length).toBeGreaterThan(0);
	for (const error of a.errors) expect(error).toMatchObject({ code: 'busy', message: expect.stringContaining('no room') });
});

test.each(['frames', 'lines'] as const)('one that asks in %s and never reads is told only so much', async (kind) => {
	const b = await rig.frames('b');
	const refusals = 150_000;
	const name = 'n'.repeat(255);
	if (kind === 'frames') {
		const a = await rig.frames('a');
		const nowhere = await a.declare(name);
		a.pause();
		await unread(b, 15 * mib);
		for (let corr = 1; corr <= refusals; corr++) a.request(nowhere, corr, '1');
	} else {
		const a = await rig.lines('a');
		a.write({ hello: {} });
		await until('a', () => rig.router.connections === 2);
		a.pause();
		await unread(b, 15 * mib);
		for (let id = 1; id <= refusals; id++) a.write({ type: name, data: 1, id });
	}
	// a refusal has more than a hundred bytes: together they are more than may be left unread
	expect(refusals * 120 + 15 * mib).toBeGreaterThan(maxUnreadRefusalBytes);
	await until('the end of its patience', () => (rig.faults('a')['reply_overflow'] ?? 0) > 100);
});
