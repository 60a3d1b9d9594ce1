/** Figures and limits in a whole supervisor, on processes that exist only here. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '@orch/base';
import { ManualClock, seededRandom, settle } from '@orch/base/testing';
import { afterEach, expect, test } from 'vitest';
import { createMemoryJournal } from '../testing/memory-journal.ts';
import { OutputStore } from '../output/output-store.ts';
import type { ProcessSet } from '../process-set.ts';
import type { SupervisorEvent } from '../snapshot.ts';
import { defaultRestart, defaultStop, type RuntimeSpec } from '../spec.ts';
import { superviseBy } from '../supervisor.ts';
import { FakeProcesses, statusesOf } from '../testing/fake-launcher.ts';
import { glanceMs, liveMs } from './figures.ts';

const cleanups: (() => void)[] = [];
afterEach(() => {
	for (const clean of cleanups.splice(0)) clean();
});

const MiB = 2 ** 20;
const idOf = (at: number) => `01900000-0000-7000-8000-${String(at).padStart(12, '0')}`;

function supervise(specs: readonly Partial<RuntimeSpec>[]) {
	const stateDirectory = mkdtempSync(join(tmpdir(), 'orch-figures-'));
	const clock = new ManualClock();
	const random = seededRandom(1);
	const processes = new FakeProcesses();
	let memoryBytes = 100 * MiB;
	let looks = 0;
	const supervisor = superviseBy({
		clock,
		random,
		log: silentLogger,
		stateDirectory,
		prepare: () => ({ env: {}, ready: Promise.resolve() }),
		ended: () => {},
		journal: createMemoryJournal(),
		launcher: processes,
		table: processes,
		adoption: processes,
		outputs: new OutputStore({ clock: new ManualClock(), random, log: silentLogger, stateDirectory }),
		census: {
			sizes: () => new Map(),
			async look(_sets: ReadonlySet<ProcessSet>, summed: ReadonlySet<ProcessSet>) {
				looks++;
				return new Map([...summed].map((set) => [set, { ticks: 0, memoryBytes, processes: 1 }]));
			},
		},
	});
	const events: SupervisorEvent[] = [];
	supervisor.events.subscribe((event) => events.push(event));
	for (const [at, spec] of specs.entries()) {
		supervisor.add({
			id: idOf(at),
			name: `r${at}`,
			program: '/bin/x',
			args: [],
			cwd: '/',
			env: {},
			priority: 'normal',
			privileged: false,
			restart: { ...defaultRestart },
			stop: defaultStop,
			...spec,
		});
	}
	cleanups.push(() => {
		void supervisor.close();
		rmSync(stateDirectory, { recursive: true, force: true });
	});
	return {
		supervisor,
		clock,
		processes,
		events,
		looks: () => looks,
		use: (bytes: number) => {
			memoryBytes = bytes;
		},
	};
}

test('a runtime above its memory limit is ended and restarted by policy, with the reason, and a leak cannot spin', async () => {
	const { supervisor, clock, processes, events, use } = supervise([{ limits: { memoryBytes: 512 * MiB } }]);
	const id = idOf(0);
	await supervisor.start(id);
	await clock.advance(liveMs);
	expect(supervisor.snapshot(id).usage).toMatchObject({ memoryBytes: 100 * MiB, processes: 1 });
	use(611.5 * MiB);
	await clock.advance(2 * liveMs);
	const reason = 'used 612 MiB, limit 512 MiB';
	expect(processes.launches[0]?.program.received).toContain('SIGTERM');
	expect(supervisor.snapshot(id)).toMatchObject({ status: 'running', restarts: 1, lastExit: { by: 'stop', reason } });
	expect(events.filter((event) => event.kind === 'changed' && event.reason === reason)).toMatchObject([{ to: 'stopping' }]);
	// it goes on to leak: the waits grow, and then it is given up
	const launchedAt: number[] = [];
	processes.onLaunch = () => launchedAt.push(clock.monotonicMs());
	await clock.advance(60_000);
	expect(supervisor.snapshot(id)).toMatchObject({
		status: 'failed',
		desired: 'running',
		reason: `gave up after 5 failures in 60s; last: ${reason}`,
		usage: undefined,
	});
	const waits = launchedAt.slice(1).map((at, index) => at - (launchedAt[index] ?? 0));
	expect(waits).toEqual([...waits].sort((one, other) => one - other));
	expect(processes.launches.length).toBe(5);
	expect(statusesOf(events).at(-1)).toBe('failed');
	expect(processes.living).toEqual([]);
});

test('what a runtime used before is not told of its next process, nor of none', async () => {
	const { supervisor, clock, use } = supervise([{}]);
	const id = idOf(0);
	await supervisor.start(id);
	await supervisor.figures.glance();
	expect(supervisor.snapshot(id).usage).toMatchObject({ memoryBytes: 100 * MiB });
	use(7 * MiB);
	await supervisor.restart(id);
	expect(supervisor.snapshot(id).usage).toBeUndefined();
	await clock.advance(liveMs);
	await supervisor.figures.glance();
	expect(supervisor.snapshot(id).usage).toMatchObject({ memoryBytes: 7 * MiB });
	await supervisor.stop(id);
	expect(supervisor.snapshot(id).usage).toBeUndefined();
});

test('scenario 42: in a storm of 100 crashing runtimes a status is an answer at once, of one look a second at most', async () => {
	const restart = { ...defaultRestart, failures: 0, firstMs: 400, capMs: 400 };
	const { supervisor, clock, processes, looks } = supervise(Array.from({ length: 100 }, () => ({ restart })));
	processes.onLaunch = ({ program }) => queueMicrotask(() => program.end({ kind: 'code', code: 1 }));
	await Promise.all(Array.from({ length: 100 }, (_, at) => supervisor.start(idOf(at))));
	const before = looks();
	const seconds = 3;
	let asked = 0;
	for (let at = 0; at < seconds * 20; at++) {
		await clock.advance(liveMs / 20);
		await supervisor.figures.glance();
		expect(supervisor.list().length).toBe(100);
		asked++;
	}
	expect(asked).toBe(60);
	expect(processes.launches.length).toBeGreaterThan(100 * seconds);
	expect(looks() - before).toBeLessThanOrEqual(seconds + 2);
	for (let at = 0; at < 100; at++) void supervisor.stop(idOf(at), { graceMs: 0 });
	await settle();
	await clock.advance(glanceMs + 60_000);
	expect(supervisor.list().every(({ status }) => status === 'stopped')).toBe(true);
	// nothing runs: nothing is looked at, and no timer waits
	const after = looks();
	await clock.advance(60_000);
	expect([looks() - after, clock.pending]).toEqual([0, 0]);
});
