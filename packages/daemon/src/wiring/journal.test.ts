/** The journal of the supervisor on a store that refuses for a while, or that holds what another version has written. */
import { silentLogger } from '@orch/base';
import { ManualClock } from '@orch/base/testing';
import { expect, test } from 'vitest';
import { createMemoryStore, type Store, StoreError } from '../store/index.ts';
import { defaultRestart, defaultStop, type KeptRuntime, type RuntimeMemory, type RuntimeSpec } from '../supervisor/index.ts';
import { createJournal } from './journal.ts';

const spec: RuntimeSpec = {
	id: '01900000-0000-7000-8000-000000000001',
	name: 'ping',
	program: '/bin/ping',
	args: [],
	cwd: '/',
	env: {},
	priority: 'normal',
	privileged: false,
	restart: defaultRestart,
	stop: defaultStop,
};
const memory: RuntimeMemory = {
	version: 1,
	bootId: 'boot',
	desired: 'running',
	generation: 3,
	settled: 2,
	readyGeneration: 3,
	startedUpGeneration: 3,
	restarts: 1,
	state: { kind: 'active', account: { failures: [1_000], tries: 1, gaveUp: false } },
	lastExit: { code: 1, signal: null, coreDumped: false, at: 1_000, by: 'itself', reason: null },
};
const kept: KeptRuntime = { spec, memory, addedAt: 5 };

/** A store whose disk is full for as long as the test says. */
function journal() {
	const store = createMemoryStore();
	let room = Number.POSITIVE_INFINITY;
	const guarded = new Proxy(store.runtimes, {
		get(target, verb: keyof Store['runtimes']) {
			return (...args: unknown[]) => {
				if (verb !== 'list' && room-- <= 0) throw new StoreError('full', 'Cannot write: no space is left');
				return (target[verb] as (...args: unknown[]) => unknown).apply(target, args);
			};
		},
	});
	const clock = new ManualClock();
	const opened = createJournal({ store: { ...store, runtimes: guarded }, clock, log: silentLogger });
	return {
		store,
		clock,
		journal: opened,
		fill(value: boolean) {
			room = value ? 0 : Number.POSITIVE_INFINITY;
		},
		/** There is room for so many writes more. */
		fillAfter(writes: number) {
			room = writes;
		},
	};
}

test('what was kept comes back as it was', () => {
	const { journal: one } = journal();
	const full: KeptRuntime = { ...kept, spec: { ...spec, autostart: false, needs: [{ runtime: 'db', condition: 'ready' }] } };
	one.added(full);
	expect(one.load()).toEqual([full]);
	for (const state of [
		{ kind: 'stopped' },
		{ kind: 'exited' },
		{ kind: 'stopping', thenStart: true },
		{
			kind: 'stopping',
			thenStart: false,
			condemned: {
				account: { failures: [3], tries: 1, gaveUp: false },
				end: { what: 'too much', livedMs: 5, at: 7, chance: 0.5 },
			},
		},
		{ kind: 'backoff', account: { failures: [], tries: 2, gaveUp: false }, reason: 'exit code 1', nextAt: 7 },
		{ kind: 'failed', account: { failures: [], tries: 0, gaveUp: true }, reason: 'gave up', nextAt: null },
	] as const) {
		one.remembered(spec.id, { ...memory, state });
		expect(one.load()[0]?.memory.state).toEqual(state);
	}
});

test('of several that are added all are kept, or none where the disk has no room for all', () => {
	const { journal: one, fillAfter } = journal();
	const several = [1, 2, 3].map((at) => ({ ...kept, spec: { ...spec, id: `${spec.id.slice(0, -1)}${at}`, name: `ping-${at}` } }));
	fillAfter(2);
	expect(() => one.added(...several)).toThrow(expect.objectContaining({ code: 'state.refused' }));
	expect(one.load()).toEqual([]);
	fillAfter(3);
	one.added(...several);
	expect(one.load()).toEqual(several);
});

test('a spec and a memory that a full disk refused are written once it takes them', async () => {
	const { journal: one, clock, fill } = journal();
	one.added(kept);
	fill(true);
	one.respecified(spec.id, { ...spec, priority: 'low' });
	one.remembered(spec.id, { ...memory, generation: 4 });
	one.remembered(spec.id, { ...memory, generation: 5 });
	await clock.advance(3_000);
	expect(one.load()).toEqual([kept]);
	fill(false);
	await clock.advance(1_000);
	expect(one.load()).toMatchObject([{ spec: { priority: 'low' }, memory: { generation: 5 } }]);
});

test('a removal that a full disk refuses has removed nothing: it is told, and what was owed is still written', async () => {
	const { journal: one, clock, fill } = journal();
	one.added(kept);
	fill(true);
	one.respecified(spec.id, { ...spec, priority: 'low' });
	one.remembered(spec.id, { ...memory, desired: 'stopped' });
	expect(() => one.removed(spec.id)).toThrow(expect.objectContaining({ code: 'state.refused' }));
	fill(false);
	await clock.advance(1_000);
	expect(one.load()).toMatchObject([{ spec: { priority: 'low' }, memory: { desired: 'stopped' } }]);
	one.removed(spec.id);
	expect(one.load()).toEqual([]);
});

test('what was owed of a runtime that is removed is not written of the next one under its id', async () => {
	const { journal: one, clock, fill } = journal();
	one.added(kept);
	fill(true);
	one.respecified(spec.id, { ...spec, priority: 'low' });
	one.remembered(spec.id, { ...memory, generation: 9 });
	fill(false);
	one.removed(spec.id);
	one.added({ ...kept, addedAt: 6 });
	await clock.advance(5_000);
	expect(one.load()).toEqual([{ ...kept, addedAt: 6 }]);
});

test('what another version wrote is made whole: what is missing is as in a new one, and what is unknown stays', () => {
	const { store, journal: one } = journal();
	const row = { id: spec.id, name: 'ping', addedAt: 5, project: null };
	const { restart: _restart, args: _args, ...older } = spec;
	store.runtimes.put({
		...row,
		spec: { ...older, stop: { signal: 'SIGINT' }, novelty: { of: 'later' } },
		memory: { version: 2, desired: 'stopped', state: { kind: 'paused' } },
	});
	expect(one.load()).toEqual([
		{
			spec: { ...spec, stop: { ...defaultStop, signal: 'SIGINT' }, novelty: { of: 'later' } },
			memory: {
				...memory,
				bootId: '',
				desired: 'stopped',
				generation: 0,
				settled: 0,
				readyGeneration: 0,
				startedUpGeneration: 0,
				restarts: 0,
				state: { kind: 'stopped' },
				lastExit: null,
			},
			addedAt: 5,
		},
	]);
	// nothing at all is known: it is still there, and what runs is not stopped
	store.runtimes.put({ ...row, spec: 'garbage', memory: null });
	expect(one.load()).toMatchObject([{ spec: { id: spec.id, name: 'ping', program: '' }, memory: { desired: 'running' } }]);
});
