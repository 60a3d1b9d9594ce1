import { type Clock, systemClock } from '@orch/base';
import { ManualClock, until } from '@orch/base/testing';
import { type Call, OrchError } from '@orch/protocol';
import { describe, expect, it, vi } from 'vitest';
import type { Link, Links } from '../../links/index.ts';
import type { Directory } from './directory.ts';
import { linkHandlers } from './link.ts';

const link = (at: number) =>
	({
		id: `01900000-0000-7000-8000-0000cafe000${at}`,
		from: '*',
		type: `T${at}`,
		to: 'pong',
		overflow: 'latest',
		addedAt: 0,
	}) as Link;

const counters = {
	received: 12,
	delivered: 0,
	deliveredBytes: 0,
	dropped: { link_removed: 12 },
	queued: 0,
	queuedBytes: 0,
	inFlight: 0,
};

const call = {
	signal: new AbortController().signal,
	fail: (code: never, data: never): never => {
		throw new OrchError(code, data);
	},
} as unknown as Call<never>;

describe('a link that is named by a prefix', () => {
	const removed: string[] = [];
	const handlers = linkHandlers({
		links: {
			list: () => [link(1), link(2)],
			meant: () => [],
			remove: (id: string) => {
				removed.push(id);
				return { link: link(2), counted: Promise.resolve(id === link(2).id ? counters : undefined) };
			},
		} as unknown as Links,
		directory: { get: () => undefined } as unknown as Directory,
		clock: systemClock,
		whileOpen: () => {},
	});

	it('is refused with all that it may mean', async () => {
		const matches = [1, 2].map((at) => ({ shortId: link(at).id.slice(-12, -4), from: '*', type: `T${at}`, to: 'pong' }));
		const refused = expect.objectContaining({ code: 'link.ambiguous', data: { ref: '0000cafe', matches } });
		await expect(handlers['link.remove']({ link: '0000cafe' }, call)).rejects.toEqual(refused);
		await expect(handlers['link.tap']({ link: '0000cafe', bodyBytes: 0 }, call).next()).rejects.toEqual(refused);
		await expect(handlers['link.remove']({ link: 'beef' }, call)).rejects.toMatchObject({ code: 'link.not_found' });
		expect(removed).toEqual([]);
	});

	it('is meant where only one has it', async () => {
		expect(await handlers['link.remove']({ link: link(2).id.slice(-12) }, call)).toMatchObject({ id: link(2).id, counters });
		expect(removed).toEqual([link(2).id]);
		// where the router tells nothing, nothing is made up
		expect((await handlers['link.remove']({ link: link(1).id }, call)).counters).toBeNull();
	});
});

it('whoever leaves a tap while messages pass leaves nothing open', async () => {
	let open = 0;
	const handlers = linkHandlers({
		links: {
			list: () => [link(1)],
			meant: () => [],
			async *tap() {
				open++;
				try {
					for (;;) yield { messages: [], skipped: 1 };
				} finally {
					open--;
				}
			},
		} as unknown as Links,
		directory: { get: () => undefined } as unknown as Directory,
		clock: systemClock,
		whileOpen: () => {},
	});
	const tap = handlers['link.tap']({ bodyBytes: 0 }, call);
	expect((await tap.next()).value).toEqual({ messages: [], skipped: 1 });
	expect(open).toBe(1);
	await tap.return({ skipped: 0 });
	expect(open).toBe(0);
});

describe('a request by hand', () => {
	const params = { type: 'Add', to: 'pong', codec: 'json', body: Buffer.from('1'), timeoutMs: 2000 } as const;
	const entry = { id: '01900000-0000-7000-8000-000000000001', name: 'pong' };
	const asking = (request: Links['request'], clock: Clock = systemClock) =>
		linkHandlers({
			links: { list: () => [], meant: () => [], routed: async () => {}, request } as unknown as Links,
			directory: { get: () => undefined, byName: () => entry } as unknown as Directory,
			clock,
			whileOpen: () => {},
		})['link.request'](params, call);

	it('goes to one runtime, and gives its reply', async () => {
		const reply = { from: 'pong', codec: 'json', body: Buffer.from('2') };
		const request = vi.fn(async () => reply);
		expect(await asking(request)).toEqual(reply);
		const { timeoutMs: _timeoutMs, ...message } = params;
		expect(request).toHaveBeenCalledExactlyOnceWith({ ...message, from: null, to: entry.id }, expect.any(AbortSignal));
	});

	it('is waited for no longer than was said', async () => {
		const clock = new ManualClock(0);
		let waiting: AbortSignal | undefined;
		const asked = asking((_message, signal) => {
			waiting = signal;
			return new Promise(() => {});
		}, clock);
		asked.catch(() => {});
		await until('the request', () => waiting !== undefined);
		await clock.advance(2000);
		await expect(asked).rejects.toMatchObject({ code: 'reply.late', data: { type: 'Add', ms: 2000 } });
		expect(waiting?.aborted).toBe(true);
	});

	it('of a router that is too old says so', async () => {
		const unknown = new OrchError('operation.unknown', { operation: 'router.request', candidates: [] });
		await expect(asking(() => Promise.reject(unknown))).rejects.toMatchObject({
			code: 'router.unavailable',
			data: { reason: expect.stringContaining('older than orchd') },
		});
	});
});
