/** Whoever asks is answered, whatever else it has not read yet; and whoever reads nothing is not answered without end. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { until } from '@orch/base/testing';
import { FrameKind } from '@orch/protocol/data';
import { pack, unpack } from '@orch/protocol/wire';
import { maxUnreadRefusalBytes } from './limits.ts';
import type { FrameClient, Received } from './testing/frame-client.ts';
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

describe('an answer that is too long', () => {
	test('for the frames that its asker takes is an error to that asker', async () => {
		await rig.privileged('a');
		await rig.add('c');
		await rig.link('a', 'Line', 'c');
		const [a, b, c] = [await rig.frames('a', { maxFrame: 4096 }), await rig.frames('b'), await rig.lines('c')];
		c.write({ hello: {} });
		const [add, line] = [await a.declare('Add'), await a.declare('Line')];
		for (const corr of [1, 2]) a.request(add, corr, '1');
		a.request(line, 3, '1');
		await until('the requests', () => b.of(FrameKind.request).length === 2 && c.lines.length === 1);
		const [first, second] = b.of(FrameKind.request);
		const fits = JSON.stringify('x'.repeat(4096 - 36 - 2));
		b.reply(first as Received, JSON.stringify('x'.repeat(4096 - 36 - 1)));
		c.write({ type: 'Line', data: 'x'.repeat(5_000), re: c.values[0]?.['id'] });
		b.reply(second as Received, fits);
		await until('all answers', () => a.errors.length === 2 && a.of(FrameKind.reply).length === 1);
		expect(a.of(FrameKind.reply).map(({ header, payload }) => [header.corr, payload.toString()])).toEqual([[2, fits]]);
		const message = 'the reply takes 4097 bytes, this connection at most 4096';
		expect(a.errors).toContainEqual({ code: 'too_large', message, fatal: false, corr: 1, type: 'Add' });
		expect(a.errors).toContainEqual(expect.objectContaining({ code: 'too_large', corr: 3, type: 'Line' }));

		const abort = new AbortController();
		const reading = (async () => {
			for await (const event of rig.router.events(abort.signal))
				if (event.kind === 'control') rig.router.answer(event.request, { ok: 'x'.repeat(5_000) });
		})();
		a.frame({ kind: FrameKind.control }, pack([0, 9, 'runtime.list', {}]));
		await until('the answer', () => a.of(FrameKind.control).length === 1);
		expect(unpack(a.of(FrameKind.control)[0]?.payload as Buffer)).toEqual([2, 9, expect.objectContaining({ code: 'too_large' })]);
		abort.abort();
		await reading;
	});

	test('for a line is an error to its asker, and so is a request that is too long for a frame', async () => {
		const [a, b] = [await rig.lines('a'), await rig.frames('b')];
		a.write({ type: 'Add', b64: 'aGk=', id: 1 });
		await until('the request', () => b.of(FrameKind.request).length === 1);
		const { typeId, corr, src } = (b.of(FrameKind.request)[0] as Received).header;
		// in base64 it is longer
		b.frame({ kind: FrameKind.reply, typeId, src: b.port, corr, dst: src }, Buffer.alloc(15 * mib));
		await until('the answer', () => a.lines.length === 1);
		expect(a.values).toEqual([{ error: { code: 'too_large', message: expect.stringContaining('16 MiB') }, re: 1 }]);
		// the line may have 16 MiB, and so has the frame: with a header of 32 bytes
		a.raw(`{"t":"A","id":2,"v":"${'x'.repeat(16 * mib - 25)}"}\n`);
		await until('the refusal', () => a.lines.length === 2);
		expect(a.values[1]).toEqual({ error: { code: 'too_large', message: expect.stringContaining('16 MiB') }, re: 2 });
	});

	test('for a line is an error to the one who has asked orchd', async () => {
		await rig.privileged('a');
		const a = await rig.lines('a');
		const abort = new AbortController();
		const reading = (async () => {
			for await (const event of rig.router.events(abort.signal))
				if (event.kind === 'control') rig.router.answer(event.request, { ok: 'x'.repeat(16 * mib) });
		})();
		a.write({ ctl: { id: 'i'.repeat(127), op: 'runtime.list' } }, { ctl: { id: 9, op: 'runtime.list' } });
		await until('the answers', () => a.lines.length === 2);
		const message = expect.stringContaining('16 MiB');
		expect(a.values).toEqual([
			{ error: { code: 'protocol', message: expect.stringContaining('128 bytes') } },
			{ ctl: { id: 9, error: { code: 'too_large', message } } },
		]);
		abort.abort();
		await reading;
	});
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
