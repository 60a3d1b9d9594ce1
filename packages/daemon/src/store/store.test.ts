/** One suite for every store: what the port promises, the memory store and each driver of SQLite must keep. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger, systemClock } from '@orch/base';
import { afterEach, describe, expect, it } from 'vitest';
import { createMemoryStore, defaultLimits, openStore, type Store, StoreError, type StoreLimits } from './index.ts';
import { type Driver, loadableDrivers } from './sqlite/driver.ts';
import { dump, numberedLimits, numberedVerb } from './testing/numbered-verbs.ts';

interface Opened {
	readonly store: Store;
	/** Closes it and opens what it left. The memory store leaves nothing, so it goes on. */
	again(): Promise<Opened>;
	end(): Promise<void>;
}

interface Kind {
	readonly name: string;
	open(limits?: StoreLimits): Opened;
}

const memory: Kind = {
	name: 'memory',
	open(limits) {
		const store = createMemoryStore(limits);
		const opened: Opened = { store, again: async () => opened, end: () => store.close() };
		return opened;
	},
};

const sqlite = (driver: Driver): Kind => ({
	name: driver.name,
	open(limits = defaultLimits) {
		const directory = mkdtempSync(join(tmpdir(), 'orch-store-'));
		const open = (): Opened => {
			const options = { path: join(directory, 'orch.db'), clock: systemClock, log: silentLogger, limits, driver };
			const { store, notices } = openStore(options);
			expect(notices).toEqual([]);
			return {
				store,
				again: () => store.close().then(open),
				end: () => store.close().then(() => rmSync(directory, { recursive: true, force: true })),
			};
		};
		return open();
	},
});

const drivers = loadableDrivers();
const kinds = [memory, ...drivers.map(sqlite)];

it('has a driver of SQLite here', () => {
	expect(drivers.map(({ name }) => name)).not.toEqual([]);
});

const runtime = (id: string, more: object = {}) => ({
	...{ id, name: `name-${id}`, spec: { program: '/bin/true', args: ['ä', '\u0000', '💥'] } },
	...{ memory: null, addedAt: 1_700_000_000_000, project: null },
	...more,
});
const life = (runtimeId: string, generation: number, more: object = {}) => ({
	...{ processId: `${runtimeId}-${generation}`, runtimeId, generation, pid: 4_000_000 + generation },
	...{ startTicks: 2 ** 40 + generation, bootId: 'a-boot', startedAt: 1_700_000_000_000 + generation },
	...more,
});
const event = (kind: string, more: object = {}) => ({ at: 1_700_000_000_000, kind, runtimeId: null, body: { kind }, ...more });
const ids = (rows: readonly { readonly id: string }[]) => rows.map(({ id }) => id);

for (const kind of kinds) {
	describe(`the store (${kind.name})`, () => {
		const open: Opened[] = [];
		const start = (limits?: StoreLimits) => {
			const opened = kind.open(limits);
			open.push(opened);
			return opened;
		};
		const again = async (opened: Opened) => {
			const next = await opened.again();
			open.push(next);
			return next.store;
		};
		afterEach(async () => {
			for (const one of open.splice(0)) await one.end();
		});

		it('gives back what was put, and gives it back again after a restart', async () => {
			const opened = start();
			const { store } = opened;
			const wanted = runtime('a', { memory: { desired: 'running', nested: [1, 2.5, null, true, ''] }, project: 'shop' });
			store.runtimes.put(wanted);
			store.links.put({ id: 'l', body: { from: 'a', to: 'b' } });
			store.projects.put({ name: 'shop', body: ['x'] });
			store.settings.set('secret', 'abc');
			const check = (one: Store) => {
				expect(one.runtimes.list()).toEqual([{ ...wanted, position: 1 }]);
				expect(one.links.list()).toEqual([{ id: 'l', position: 1, body: { from: 'a', to: 'b' } }]);
				expect(one.projects.list()).toEqual([{ name: 'shop', body: ['x'] }]);
				expect(one.settings.get('secret')).toBe('abc');
			};
			check(store);
			check(await again(opened));
		});

		it('stores a copy: neither what was put nor what was given back is bound to it', () => {
			const { store } = start();
			const memory = { restarts: 1 };
			store.runtimes.put(runtime('a', { memory }));
			memory.restarts = 2;
			const [first] = store.runtimes.list();
			(first?.memory as { restarts: number }).restarts = 3;
			expect(store.runtimes.list()[0]?.memory).toEqual({ restarts: 1 });
		});

		it('refuses a body that JSON cannot tell, and nothing has happened', () => {
			const { store } = start();
			expect(() => store.runtimes.put(runtime('a', { spec: undefined }))).toThrow(TypeError);
			expect(() => store.settings.set('k', () => {})).toThrow(TypeError);
			expect(() => store.events.append(event('e', { body: { big: 1n } }))).toThrow(TypeError);
			expect(store.runtimes.list()).toEqual([]);
			expect(store.settings.get('k')).toBeUndefined();
			expect(store.events.lastSeq).toBe(0);
		});

		it('lists runtimes by position: new ones last, known ones where they were, others where they are put', () => {
			const { store } = start();
			for (const id of ['c', 'a', 'b']) store.runtimes.put(runtime(id));
			store.runtimes.put(runtime('c', { name: 'again' }));
			expect(ids(store.runtimes.list())).toEqual(['c', 'a', 'b']);
			store.runtimes.put(runtime('b', { position: 0.5 }));
			store.runtimes.put(runtime('d', { position: 2 }));
			store.runtimes.put(runtime('e'));
			expect(store.runtimes.list().map(({ id, position }) => [id, position])).toEqual([
				['b', 0.5],
				['c', 1],
				['a', 2],
				['d', 2],
				['e', 3],
			]);
		});

		it('changes the spec, the memory or the name alone', () => {
			const { store } = start();
			store.runtimes.put(runtime('a'));
			store.runtimes.put(runtime('b'));
			expect(store.runtimes.putSpec('a', { program: '/bin/false' })).toBe(true);
			expect(store.runtimes.putMemory('a', 7)).toBe(true);
			expect(store.runtimes.rename('a', 'other')).toBe(true);
			const changed = { name: 'other', spec: { program: '/bin/false' }, memory: 7 };
			expect(store.runtimes.list()).toEqual([
				{ ...runtime('a'), ...changed, position: 1 },
				{ ...runtime('b'), position: 2 },
			]);
		});

		it('says so where there is no such row, and makes none', () => {
			const { store } = start();
			expect(store.runtimes.putSpec('x', {})).toBe(false);
			expect(store.runtimes.putMemory('x', {})).toBe(false);
			expect(store.runtimes.rename('x', 'y')).toBe(false);
			expect(store.runtimes.remove('x')).toBe(false);
			expect(store.links.remove('x')).toBe(false);
			expect(store.projects.remove('x')).toBe(false);
			expect(store.settings.delete('x')).toBe(false);
			expect(store.processes.begun(life('x', 1))).toBe(false);
			expect(store.processes.ended('x-1', 1, {})).toBe(false);
			expect(store.runtimes.list()).toEqual([]);
			expect(store.processes.unended()).toEqual([]);
		});

		it('removes a runtime with its history, and nothing else', () => {
			const { store } = start();
			for (const id of ['a', 'b']) {
				store.runtimes.put(runtime(id));
				store.processes.begun(life(id, 1));
				store.events.append(event('started', { runtimeId: id }));
			}
			expect(store.runtimes.remove('a')).toBe(true);
			expect(ids(store.runtimes.list())).toEqual(['b']);
			expect(store.processes.historyOf('a', 10)).toEqual([]);
			expect(store.processes.historyOf('b', 10)).toHaveLength(1);
			expect(store.events.since(0, 10).map(({ runtimeId }) => runtimeId)).toEqual(['a', 'b']);
			store.runtimes.put(runtime('a'));
			expect(store.runtimes.list().map(({ id, memory }) => [id, memory])).toEqual([
				['b', null],
				['a', null],
			]);
			expect(store.processes.historyOf('a', 10)).toEqual([]);
		});

		it('tells the lives of a runtime, newest first, and those without an end, oldest first', () => {
			const { store } = start();
			store.runtimes.put(runtime('a'));
			store.runtimes.put(runtime('b'));
			for (const [id, generation] of [
				['a', 1],
				['b', 1],
				['a', 2],
				['b', 2],
			] as const)
				store.processes.begun(life(id, generation));
			expect(store.processes.ended('a-1', 1_800_000_000_000, { code: 42 })).toBe(true);
			expect(store.processes.historyOf('a', 10)).toEqual([
				{ ...life('a', 2), endedAt: null, exit: null },
				{ ...life('a', 1), endedAt: 1_800_000_000_000, exit: { code: 42 } },
			]);
			expect(store.processes.historyOf('a', 1).map(({ processId }) => processId)).toEqual(['a-2']);
			expect(store.processes.unended().map(({ processId }) => processId)).toEqual(['b-1', 'a-2', 'b-2']);
		});

		it('learns more of a life that has begun, without making another of it', () => {
			const { store } = start();
			store.runtimes.put(runtime('a'));
			store.processes.begun(life('a', 1));
			store.processes.begun(life('a', 2));
			store.processes.begun(life('a', 1, { pid: 77 }));
			expect(store.processes.historyOf('a', 10).map(({ processId, pid }) => [processId, pid])).toEqual([
				['a-2', 4_000_002],
				['a-1', 77],
			]);
		});

		it('keeps the last lives of each runtime and no more', () => {
			const { store } = start({ ...defaultLimits, processesPerRuntime: 3 });
			store.runtimes.put(runtime('a'));
			store.runtimes.put(runtime('b'));
			store.processes.begun(life('b', 1));
			for (let generation = 1; generation <= 10; generation++) store.processes.begun(life('a', generation));
			expect(store.processes.historyOf('a', 100).map(({ generation }) => generation)).toEqual([10, 9, 8]);
			expect(store.processes.historyOf('b', 100)).toHaveLength(1);
			expect(store.processes.ended('a-1', 1, {})).toBe(false);
		});

		it('numbers events without gaps, and goes on after a restart', async () => {
			const opened = start();
			const { store } = opened;
			expect([store.events.firstSeq, store.events.lastSeq]).toEqual([1, 0]);
			expect(store.events.since(0, 10)).toEqual([]);
			expect([1, 2, 3].map((n) => store.events.append(event(`e${n}`)))).toEqual([1, 2, 3]);
			expect(store.events.since(1, 10)).toEqual([
				{ seq: 2, ...event('e2') },
				{ seq: 3, ...event('e3') },
			]);
			expect(store.events.since(0, 2).map(({ seq }) => seq)).toEqual([1, 2]);
			expect(store.events.since(3, 10)).toEqual([]);
			expect(store.events.since(99, 10)).toEqual([]);
			const later = await again(opened);
			expect(later.events.append(event('e4'))).toBe(4);
			expect([later.events.firstSeq, later.events.lastSeq]).toEqual([1, 4]);
		});

		it('keeps the last events and never gives a number twice, not even across a restart', async () => {
			const limits = { ...defaultLimits, events: 4 };
			const opened = start(limits);
			for (let n = 1; n <= 10; n++) opened.store.events.append(event(`e${n}`));
			expect([opened.store.events.firstSeq, opened.store.events.lastSeq]).toEqual([7, 10]);
			const later = await again(opened);
			expect([later.events.firstSeq, later.events.lastSeq]).toEqual([7, 10]);
			expect(later.events.append(event('e11'))).toBe(11);
			expect(later.events.since(0, 100).map(({ seq, kind }) => [seq, kind])).toEqual([
				[8, 'e8'],
				[9, 'e9'],
				[10, 'e10'],
				[11, 'e11'],
			]);
		});

		it('takes back all of a transaction that throws, the numbers of its events too', () => {
			const { store } = start({ processesPerRuntime: 2, events: 2 });
			store.runtimes.put(runtime('a'));
			store.processes.begun(life('a', 1));
			store.links.put({ id: 'l', body: 1 });
			store.settings.set('k', 'v');
			store.events.append(event('before'));
			const before = dump(store);
			const failure = new Error('no');
			expect(() =>
				store.transaction(() => {
					store.runtimes.put(runtime('b'));
					store.runtimes.putMemory('a', 1);
					store.processes.begun(life('a', 2));
					store.processes.begun(life('a', 3));
					store.runtimes.remove('a');
					store.links.remove('l');
					store.settings.set('k', 'w');
					store.projects.put({ name: 'p', body: 1 });
					for (const kind of ['x', 'y', 'z']) store.events.append(event(kind));
					throw failure;
				}),
			).toThrow(failure);
			expect(dump(store)).toEqual(before);
			expect(store.events.append(event('after'))).toBe(2);
		});

		it('gives what the work gives, and keeps it after a restart', async () => {
			const opened = start();
			expect(
				opened.store.transaction(() => {
					opened.store.runtimes.put(runtime('a'));
					return opened.store.events.append(event('added'));
				}),
			).toBe(1);
			const later = await again(opened);
			expect(ids(later.runtimes.list())).toEqual(['a']);
			expect(later.events.lastSeq).toBe(1);
		});

		it('throws an inner transaction away alone, and an inner one with its outer', () => {
			const { store } = start();
			store.transaction(() => {
				store.settings.set('outer', 1);
				expect(() =>
					store.transaction(() => {
						store.settings.set('inner', 1);
						store.events.append(event('inner'));
						throw new Error('inner');
					}),
				).toThrow('inner');
				store.events.append(event('outer'));
			});
			expect([store.settings.get('outer'), store.settings.get('inner')]).toEqual([1, undefined]);
			expect(store.events.since(0, 10).map(({ seq, kind }) => [seq, kind])).toEqual([[1, 'outer']]);
			expect(() =>
				store.transaction(() => {
					store.transaction(() => store.settings.set('inner', 2));
					throw new Error('outer');
				}),
			).toThrow('outer');
			expect(store.settings.get('inner')).toBeUndefined();
		});

		it('refuses asynchronous work: its later part would be outside', () => {
			const { store } = start();
			expect(() => store.transaction(async () => store.settings.set('k', 1))).toThrow(TypeError);
			expect(store.settings.get('k')).toBeUndefined();
		});

		it('lists projects by name, as often as one is put', () => {
			const { store } = start();
			for (const name of ['b', 'ä', 'a', 'Z', 'b']) store.projects.put({ name, body: name });
			expect(store.projects.list().map(({ name }) => name)).toEqual(['Z', 'a', 'b', 'ä']);
			expect(store.projects.remove('b')).toBe(true);
			expect(store.projects.list().map(({ name }) => name)).toEqual(['Z', 'a', 'ä']);
		});

		it('remembers settings until they are deleted', () => {
			const { store } = start();
			expect(store.settings.get('k')).toBeUndefined();
			store.settings.set('k', null);
			expect(store.settings.get('k')).toBeNull();
			store.settings.set('k', { version: 3 });
			expect(store.settings.get('k')).toEqual({ version: 3 });
			expect(store.settings.delete('k')).toBe(true);
			expect(store.settings.get('k')).toBeUndefined();
		});

		it('tells after each of 600 verbs what the memory store tells, however often it is opened again', async () => {
			const model = createMemoryStore(numberedLimits);
			let opened = start(numberedLimits);
			for (let n = 1; n <= 600; n++) {
				numberedVerb(model, n);
				numberedVerb(opened.store, n);
				expect(dump(opened.store)).toEqual(dump(model));
				if (n % 100 === 0) {
					opened = await opened.again();
					open.push(opened);
					expect(dump(opened.store)).toEqual(dump(model));
				}
			}
		});

		it('settles, and closes twice; every verb says that it is closed then', async () => {
			const { store } = start();
			store.settings.set('k', 1);
			await store.settled();
			await store.settled();
			await store.close();
			await store.close();
			const verbs = [
				() => store.runtimes.put(runtime('a')),
				() => store.runtimes.list(),
				() => store.processes.begun(life('a', 1)),
				() => store.processes.unended(),
				() => store.events.append(event('e')),
				() => store.events.since(0, 1),
				() => store.events.lastSeq,
				() => store.links.list(),
				() => store.settings.get('k'),
				() => store.projects.list(),
				() => store.transaction(() => 1),
			];
			for (const verb of verbs) expect(verb).toThrow(expect.objectContaining({ name: 'StoreError', fault: 'closed' }));
			await expect(store.settled()).rejects.toBeInstanceOf(StoreError);
		});
	});
}
