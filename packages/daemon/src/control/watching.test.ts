import { Publisher, silentLogger } from '@orch/base';
import { ManualClock, settle } from '@orch/base/testing';
import { type DaemonEvent, OrchError } from '@orch/protocol';
import { describe, expect, it } from 'vitest';
import { emptyEvent, EventLog, mostEvents, type NewEvent } from './event-log.ts';
import type { RuntimeInfo, Runtimes } from './handlers/runtime.ts';
import { watchHandlers } from './handlers/watching.ts';

const idOf = (name: string) => `01900000-0000-7000-8000-00000000000${name.length}`;

function watching() {
	const clock = new ManualClock();
	const events = new EventLog({ log: silentLogger });
	const infos = new Map<string, RuntimeInfo>();
	type Listener = Parameters<Runtimes['watch']>[0];
	const listeners = new Publisher<(listener: Listener) => void>(() => {});
	const looks = { count: 0 };
	const handlers = watchHandlers({
		clock,
		events,
		runtimes: {
			get: (id) => infos.get(id),
			group: () => [],
			groups: () => [],
			byName: (name) => [...infos.values()].find((info) => info.name === name),
			list: () => [...infos.values()],
			describe: (id) => infos.get(id) as RuntimeInfo,
			async look() {
				looks.count++;
			},
			watch: (listener) => listeners.subscribe((tell) => tell(listener)),
		},
	});
	const end = new AbortController();
	const call = {
		signal: end.signal,
		fail: (code: never, data: never): never => {
			throw new OrchError(code, data);
		},
	};
	const put = (name: string, over: Partial<RuntimeInfo> = {}) => {
		infos.set(idOf(name), { ...(infos.get(idOf(name)) ?? ({ id: idOf(name), name, usage: null } as RuntimeInfo)), ...over });
		listeners.publish(({ changed }) => changed(idOf(name)));
	};
	const remove = (name: string) => {
		infos.delete(idOf(name));
		listeners.publish(({ removed }) => removed(idOf(name)));
	};
	const look = () => listeners.publish(({ looked }) => looked());
	const append = (name: string, more: Partial<NewEvent> = {}) =>
		events.append({
			...emptyEvent,
			at: new Date(clock.now()).toISOString(),
			kind: 'changed',
			runtime: { id: idOf(name), name },
			...more,
		});
	return { clock, events, handlers, call, end, put, remove, look, append, listeners, looks };
}

const brief = (item: unknown) => {
	const event = item as DaemonEvent & { missed?: number };
	return event.missed === undefined ? `${event.seq} ${event.runtime?.name} ${event.kind}` : `missed ${event.missed}`;
};

async function all<Item>(stream: AsyncGenerator<Item, unknown>): Promise<Item[]> {
	const items: Item[] = [];
	for await (const item of stream) items.push(item);
	return items;
}

describe('the stream of events', () => {
	it('tells what there is, and ends there unless it follows', async () => {
		const { handlers, call, append } = watching();
		append('a');
		append('bb', { kind: 'ready' });
		expect((await all(handlers['daemon.events']({ follow: false }, call))).map(brief)).toEqual(['1 a changed', '2 bb ready']);
		expect((await all(handlers['daemon.events']({ follow: false, since: 1 }, call))).map(brief)).toEqual(['2 bb ready']);
		expect((await all(handlers['daemon.events']({ follow: false, kinds: ['ready'] }, call))).map(brief)).toEqual(['2 bb ready']);
	});

	it('follows from now on, or from so long ago', async () => {
		const { handlers, call, append, clock } = watching();
		append('a');
		await clock.advance(60_000);
		append('a');
		const now = handlers['daemon.events']({ follow: true }, call);
		const minute = handlers['daemon.events']({ follow: true, sinceMs: 30_000 }, call);
		expect(brief((await minute.next()).value)).toBe('2 a changed');
		const next = now.next();
		await settle();
		append('bb');
		expect([brief((await next).value), brief((await minute.next()).value)]).toEqual(['3 bb changed', '3 bb changed']);
	});

	it('is of the runtimes that are asked for, and says where there is none of a name', async () => {
		const { handlers, call, append, put } = watching();
		put('a');
		append('a');
		append('bb');
		expect((await all(handlers['daemon.events']({ follow: false, runtimes: ['a'] }, call))).map(brief)).toEqual(['1 a changed']);
		await expect(handlers['daemon.events']({ follow: false, runtimes: ['nope'] }, call).next()).rejects.toMatchObject({
			code: 'runtime.not_found',
		});
	});

	it('says how many are no longer kept, to who asks late and to who reads slowly', async () => {
		const { handlers, call, append } = watching();
		append('a');
		const slow = handlers['daemon.events']({ follow: true, since: 0 }, call);
		expect(brief((await slow.next()).value)).toBe('1 a changed');
		for (let at = 0; at < mostEvents + 10; at++) append('bb');
		expect(brief((await slow.next()).value)).toBe('missed 10');
		expect(brief((await slow.next()).value)).toBe('12 bb changed');
		const late = handlers['daemon.events']({ follow: false, since: 2 }, call);
		expect(brief((await late.next()).value)).toBe('missed 9');
		const stranger = handlers['daemon.events']({ follow: false, since: 10 ** 9 }, call);
		expect(brief((await stranger.next()).value)).toBe('missed 1');
		expect(brief((await stranger.next()).value)).toBe('12 bb changed');
	});

	it('ends with its reader, and leaves no listener behind', async () => {
		const { handlers, call, end, events } = watching();
		const items = handlers['daemon.events']({ follow: true }, call);
		const next = items.next();
		await settle();
		expect(events.appended.size).toBe(1);
		end.abort();
		expect(await next).toEqual({ done: true, value: { seq: 0 } });
		expect(events.appended.size).toBe(0);
	});
});

describe('the watch on runtimes', () => {
	const usage = (memoryBytes: number) => ({ cpuPercent: 1, memoryBytes, processes: 1, at: '2026-01-01T00:00:00.000Z' });
	const names = (item: { runtimes: readonly RuntimeInfo[] }) => item.runtimes.map(({ name }) => name);

	it('shows all, then what changes, then what they use', async () => {
		const { handlers, call, put, remove, look, clock } = watching();
		put('a', { usage: usage(10) });
		put('bb', { usage: usage(20) });
		const items = handlers['runtime.watch']({}, call);
		const item = async () => {
			const [{ value }] = await Promise.all([items.next(), clock.advance(100)]);
			return value as { runtimes: RuntimeInfo[]; removed: string[]; figures: object[] };
		};
		expect(names(await item())).toEqual(['a', 'bb']);
		put('bb', { status: 'running' });
		expect(await item()).toMatchObject({ runtimes: [{ name: 'bb' }], removed: [], figures: [] });
		put('a', { usage: usage(11) });
		await item();
		look();
		put('bb', { usage: usage(21) });
		expect(await item()).toMatchObject({ runtimes: [{ name: 'bb' }], figures: [] });
		// nobody told of this change but the look itself
		const next = item();
		look();
		await clock.advance(1_000);
		remove('a');
		expect(await next).toMatchObject({ runtimes: [], removed: [idOf('a')], figures: [] });
	});

	it('tells a slow reader once what has changed meanwhile, as it is by then', async () => {
		const { handlers, call, put, clock, remove } = watching();
		put('a');
		const items = handlers['runtime.watch']({}, call);
		await items.next();
		for (let turn = 0; turn < 1000; turn++) put('a', { restarts: turn });
		put('bb');
		put('ccc');
		remove('ccc');
		const [{ value }] = await Promise.all([items.next(), clock.advance(100)]);
		expect(value).toMatchObject({ runtimes: [{ name: 'a', restarts: 999 }, { name: 'bb' }], removed: [idOf('ccc')] });
	});

	it('looks once a second only while it is read, and ends with its reader', async () => {
		const { handlers, call, end, listeners, looks } = watching();
		const items = handlers['runtime.watch']({}, call);
		expect(listeners.size).toBe(0);
		await items.next();
		expect([listeners.size, looks.count]).toEqual([1, 1]);
		const next = items.next();
		await settle();
		end.abort();
		expect(await next).toEqual({ done: true, value: {} });
		expect(listeners.size).toBe(0);
	});
});
