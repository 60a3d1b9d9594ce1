/** A supervisor that comes after another one: what it knows again, whom it adopts, and what it makes of those who ended meanwhile. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '@orch/base';
import { ManualClock, seededRandom, settle } from '@orch/base/testing';
import { afterEach, describe, expect, test } from 'vitest';
import { killMs } from './ending.ts';
import type { SupervisorEvent } from './snapshot.ts';
import { defaultRestart, defaultStop, type RuntimeSpec } from './spec.ts';
import { freshMemory } from './memory.ts';
import { OutputStore } from './output/index.ts';
import { FakeCheckers } from './probes/testing/fake-checker.ts';
import { superviseBy } from './supervisor.ts';
import { FakeProcesses } from './testing/fake-launcher.ts';
import { createMemoryJournal } from './testing/memory-journal.ts';

const cleanups: (() => void)[] = [];
afterEach(() => {
	for (const clean of cleanups.splice(0)) clean();
});

const id = '01900000-0000-7000-8000-000000000001';

/** A machine: its processes, its clock and a journal, on which one supervisor comes after the other. */
function machine(wish: Partial<RuntimeSpec> = {}) {
	const stateDirectory = mkdtempSync(join(tmpdir(), 'orch-restore-'));
	cleanups.push(() => rmSync(stateDirectory, { recursive: true, force: true }));
	const processes = new FakeProcesses();
	const journal = createMemoryJournal();
	const random = seededRandom(1);
	// each daemon counts its own time from 0; the wall clock goes on
	let wallMs = 1_750_000_000_000;
	const daemon = () => {
		const clock = new ManualClock(wallMs);
		const events: SupervisorEvent[] = [];
		const endings: [string, number][] = [];
		const checkers = new FakeCheckers();
		const supervisor = superviseBy({
			clock,
			random,
			log: silentLogger,
			stateDirectory,
			journal,
			prepare: () => ({ env: {}, ready: Promise.resolve() }),
			ended: (runtime, generation) => endings.push([runtime, generation]),
			launcher: processes,
			table: processes,
			adoption: processes,
			checkerOf: checkers.of,
			// its timers are none of these tests' affairs
			outputs: new OutputStore({ clock: new ManualClock(), random, log: silentLogger, stateDirectory }),
		});
		supervisor.events.subscribe((event) => events.push(event));
		return {
			supervisor,
			clock,
			checkers,
			events,
			endings,
			/** As kill -9 would: nothing is stopped, nothing more is written, and time passes. */
			async die(awayMs = 0) {
				await settle();
				await supervisor.close();
				wallMs = clock.now() + awayMs;
			},
			async restored() {
				const restored = await supervisor.restore();
				supervisor.resume();
				await settle();
				return restored;
			},
		};
	};
	const first = daemon();
	first.supervisor.add({
		id,
		name: 'ping',
		program: '/bin/ping',
		args: [],
		cwd: '/',
		env: {},
		priority: 'normal',
		privileged: false,
		restart: defaultRestart,
		stop: defaultStop,
		...wish,
	});
	return { processes, journal, first, daemon };
}

test('an end that nobody saw and nothing tells of is known to lie between the last word of its shim and its finding', async () => {
	const { processes, journal, first, daemon } = machine({ restart: { ...defaultRestart, when: 'no' } });
	await first.supervisor.start(id);
	const beganAt = first.clock.now();
	const { last } = processes;
	for (const launch of processes.launches) launch.launchedAt = beganAt;
	await first.clock.advance(5_000);
	await first.die(35_000);
	last.end({ kind: 'unknown', reason: '' });
	// its record is as it was left at the launch
	last.endedAt = beganAt + 600;
	const next = daemon();
	await next.restored();
	const exit = { code: undefined, signal: undefined, at: beganAt + 40_000, notBefore: beganAt + 600, by: 'itself' };
	expect(next.supervisor.snapshot(id).lastExit).toMatchObject(exit);
	expect(journal.lives[0]).toMatchObject({ end: { at: exit.at, exit: { at: exit.at, notBefore: exit.notBefore } } });
	await next.die();
	const third = daemon();
	await third.restored();
	expect(third.supervisor.snapshot(id).lastExit).toMatchObject(exit);
});

describe('what runs', () => {
	test('supervision 3.1.23: is adopted with its pid, its uptime and its counts, and its end is heard of', async () => {
		const { processes, first, daemon } = machine();
		await first.supervisor.start(id);
		processes.last.end({ kind: 'code', code: 1 });
		await settle();
		const before = first.supervisor.snapshot(id);
		for (const launch of processes.launches) launch.launchedAt = first.clock.now();
		await first.clock.advance(5_000);
		await first.die(7_000);
		const next = daemon();
		expect(await next.restored()).toMatchObject([{ spec: { name: 'ping' }, generation: 2, became: 'adopted' }]);
		const after = next.supervisor.snapshot(id);
		expect(after).toMatchObject({ status: 'running', pid: before.pid, restarts: 1, generation: 2, desired: 'running' });
		expect(after.uptimeMs).toBe(12_000);
		expect(processes.launches).toHaveLength(2);
		expect(next.events).toMatchObject([{ kind: 'adopted', pid: before.pid }]);
		processes.last.end({ kind: 'code', code: 3 });
		await settle();
		// the second failure of its account: the first restart was at once, this one waits
		expect(next.supervisor.snapshot(id)).toMatchObject({ status: 'backoff', lastExit: { code: 3, by: 'itself' } });
		expect(next.endings).toEqual([[id, 2]]);
	});

	test('is known to be ready where it was', async () => {
		const { first, daemon } = machine();
		await first.supervisor.start(id);
		first.supervisor.markReady(id, 1);
		await first.die();
		const next = daemon();
		await next.restored();
		expect(next.supervisor.snapshot(id).ready).toBe(true);
	});

	test('is taken up, whatever is wrong with another one', async () => {
		const { processes, journal, first, daemon } = machine();
		const other = '01900000-0000-7000-8000-000000000002';
		const { spec } = first.supervisor.snapshot(id);
		first.supervisor.add({ ...spec, id: other, name: 'pong' });
		await first.supervisor.start(id);
		await first.supervisor.start(other);
		await first.die();
		const { restart: _restart, ...broken } = spec;
		journal.respecified(id, broken as RuntimeSpec);
		const next = daemon();
		await next.restored();
		expect(next.supervisor.snapshot(other)).toMatchObject({ status: 'running', generation: 1 });
		expect(processes.living).toHaveLength(2);
	});

	test('is stopped, where a stop was under way', async () => {
		const { processes, first, daemon } = machine();
		await first.supervisor.start(id);
		processes.last.answer = () => 'ignore';
		void first.supervisor.stop(id).catch(() => {});
		await first.die();
		expect(processes.last.alive).toBe(true);
		processes.last.answer = () => 'end';
		const next = daemon();
		await next.restored();
		expect(next.supervisor.snapshot(id)).toMatchObject({ status: 'stopped', desired: 'stopped', lastExit: { by: 'stop' } });
		expect(processes.launches).toHaveLength(1);
	});

	test('is started anew, where a restart was under way', async () => {
		const { processes, first, daemon } = machine();
		await first.supervisor.start(id);
		processes.last.answer = () => 'ignore';
		void first.supervisor.restart(id, {}).catch(() => {});
		await first.die();
		processes.last.answer = () => 'end';
		const next = daemon();
		await next.restored();
		expect(next.supervisor.snapshot(id)).toMatchObject({ status: 'running', generation: 2 });
		expect(processes.living).toHaveLength(1);
	});
});

describe('what ended while no daemon was there', () => {
	test.each([
		[{ kind: 'code', code: 42 } as const, { code: 42, signal: undefined }],
		[{ kind: 'signal', signal: 'SIGSEGV', coreDumped: true } as const, { code: undefined, signal: 'SIGSEGV', coreDumped: true }],
	])('supervision 3.1.24: is told as it was (%o), and the restart policy applies once', async (status, lastExit) => {
		const { processes, journal, first, daemon } = machine();
		await first.supervisor.start(id);
		await first.die(60_000);
		processes.last.endedAt = first.clock.now() + 2_000;
		processes.last.end(status);
		const next = daemon();
		await next.restored();
		expect(next.supervisor.snapshot(id)).toMatchObject({ status: 'running', generation: 2, restarts: 1, lastExit });
		expect(processes.launches).toHaveLength(2);
		expect(journal.lives[0]?.end?.at).toBe(first.clock.now() + 2_000);
		await next.die();
		const third = daemon();
		await third.restored();
		expect(third.supervisor.snapshot(id)).toMatchObject({ status: 'running', generation: 2, restarts: 1 });
		expect(processes.launches).toHaveLength(2);
	});

	test('is left alone where it ended well', async () => {
		const { processes, first, daemon } = machine();
		await first.supervisor.start(id);
		await first.die(1_000);
		processes.last.end({ kind: 'code', code: 0 });
		const next = daemon();
		await next.restored();
		expect(next.supervisor.snapshot(id)).toMatchObject({ status: 'exited', lastExit: { code: 0 } });
		await next.die();
		const third = daemon();
		await third.restored();
		expect(third.supervisor.snapshot(id)).toMatchObject({ status: 'exited', desired: 'running', lastExit: { code: 0 } });
		expect(processes.launches).toHaveLength(1);
	});

	test('what it left behind is ended before the next one is launched', async () => {
		const { processes, first, daemon } = machine();
		await first.supervisor.start(id);
		const child = processes.fork(processes.last, { inGroup: false });
		await first.die();
		processes.last.end({ kind: 'code', code: 1 });
		const atLaunch: boolean[] = [];
		processes.onLaunch = () => void atLaunch.push(child.alive);
		const next = daemon();
		await next.restored();
		// the next look finds it gone
		await next.clock.advance(1_000);
		expect(atLaunch).toEqual([false]);
		expect(next.supervisor.snapshot(id).status).toBe('running');
	});

	test('one that was being stopped stays stopped, and counts as stopped by us', async () => {
		const { processes, first, daemon } = machine();
		await first.supervisor.start(id);
		processes.last.answer = () => 'ignore';
		void first.supervisor.stop(id).catch(() => {});
		await first.die();
		processes.last.end({ kind: 'signal', signal: 'SIGTERM', coreDumped: false });
		const next = daemon();
		await next.restored();
		expect(next.supervisor.snapshot(id)).toMatchObject({ status: 'stopped', lastExit: { signal: 'SIGTERM', by: 'stop' } });
	});
});

describe('what was between two processes', () => {
	test('a back-off goes on for what is left of it, with the same count', async () => {
		const { processes, first, daemon } = machine();
		await first.supervisor.start(id);
		for (let count = 0; count < 3; count++) {
			processes.last.end({ kind: 'code', code: 1 });
			await settle();
			await first.clock.advance(first.supervisor.snapshot(id).backoff?.nextInMs ?? 0);
		}
		processes.last.end({ kind: 'code', code: 1 });
		await settle();
		const before = first.supervisor.snapshot(id);
		expect(before).toMatchObject({ status: 'backoff', backoff: { failures: 4 } });
		await first.die(500);
		const next = daemon();
		await next.restored();
		const after = next.supervisor.snapshot(id);
		expect(after).toMatchObject({ status: 'backoff', backoff: { failures: 4 }, reason: 'exit code 1' });
		expect(after.backoff?.nextInMs).toBeCloseTo((before.backoff?.nextInMs ?? 0) - 500, -1);
		await next.clock.advance(after.backoff?.nextInMs ?? 0);
		expect(next.supervisor.snapshot(id).status).toBe('running');
		processes.last.end({ kind: 'code', code: 1 });
		await settle();
		expect(next.supervisor.snapshot(id)).toMatchObject({ status: 'failed' });
	});

	test.each([-86_400_000, 86_400_000])(
		'a back-off never lasts longer than one can, though the clock was set by %d ms',
		async (setBy) => {
			const { processes, first, daemon } = machine();
			await first.supervisor.start(id);
			for (let count = 0; count < 2; count++) {
				processes.last.end({ kind: 'code', code: 1 });
				await settle();
			}
			expect(first.supervisor.snapshot(id)).toMatchObject({ status: 'backoff' });
			await first.die(setBy);
			const next = daemon();
			await next.restored();
			await next.clock.advance(1.2 * defaultRestart.capMs);
			expect(next.supervisor.snapshot(id)).toMatchObject({ status: 'running' });
			expect(processes.living).toHaveLength(1);
		},
	);

	test('one that has given up stays so, with its reason', async () => {
		const { processes, first, daemon } = machine({ restart: { ...defaultRestart, failures: 1 } });
		await first.supervisor.start(id);
		processes.last.end({ kind: 'code', code: 1 });
		await first.die();
		const next = daemon();
		await next.restored();
		expect(next.supervisor.snapshot(id)).toMatchObject({ status: 'failed', reason: expect.stringContaining('gave up') });
		await next.clock.advance(3_600_000);
		expect(processes.launches).toHaveLength(1);
	});

	test('supervision 3.1.25: a launch that was never let go is done once, and counts as no restart', async () => {
		const { processes, first, daemon } = machine();
		await first.supervisor.start(id);
		processes.last.end({ kind: 'code', code: 1 });
		await first.die();
		const [, second] = processes.launches;
		if (!second) throw new Error('There was no second launch');
		second.isLetGo = false;
		second.program.end({ kind: 'not_launched', reason: '' });
		const next = daemon();
		await next.restored();
		expect(next.supervisor.snapshot(id)).toMatchObject({ status: 'running', generation: 3, restarts: 1 });
		expect(processes.living).toHaveLength(1);
	});

	test('a daemon that ended in order starts again what was wanted to run, unless autostart says no', async () => {
		for (const autostart of [true, false]) {
			const { processes, first, daemon } = machine({ autostart });
			await first.supervisor.start(id);
			await first.supervisor.stopAll();
			expect(first.supervisor.snapshot(id)).toMatchObject({ status: 'stopped', desired: 'running' });
			await first.die();
			const next = daemon();
			await next.restored();
			expect(next.supervisor.snapshot(id).status).toBe(autostart ? 'running' : 'stopped');
			expect(processes.launches).toHaveLength(autostart ? 2 : 1);
		}
	});

	test('what a schedule starts is started by nothing but its schedule, and restarts by a schedule go on', async () => {
		for (const action of ['start', 'restart'] as const) {
			const { processes, first, daemon } = machine({ schedule: { cron: '0 3 * * *', timeZone: 'UTC', action } });
			await first.supervisor.start(id);
			await first.supervisor.stopAll();
			await first.die();
			const next = daemon();
			await next.restored();
			expect(processes.launches).toHaveLength(action === 'start' ? 1 : 2);
			expect(next.supervisor.snapshot(id).triggers?.schedule?.nextAt).toBeGreaterThan(0);
		}
	});

	test('supervision 3.1.28: after a reboot nobody is signalled, and what was wanted to run is started', async () => {
		const { processes, journal, first, daemon } = machine();
		await first.supervisor.start(id);
		await first.die();
		const [old] = processes.launches;
		if (!old) throw new Error('Nothing was launched');
		// the pid and the start are somebody else's now
		old.isThisBoot = false;
		const [kept] = journal.load();
		if (!kept) throw new Error('Nothing was kept');
		journal.remembered(id, { ...kept.memory, bootId: 'an earlier one' });
		const next = daemon();
		await next.restored();
		expect(old.program.received).toEqual([]);
		expect(processes.forgotten).toContain(old.request.processId);
		expect(next.supervisor.snapshot(id)).toMatchObject({ status: 'running', generation: 2, restarts: 0 });
	});

	test('what was removed does not come back', async () => {
		const { first, daemon } = machine();
		await first.supervisor.remove(id);
		await first.die();
		expect(await daemon().restored()).toEqual([]);
	});

	test('what was removed does not come back, though no stop could end it', async () => {
		const { processes, first, daemon } = machine();
		await first.supervisor.start(id);
		processes.last.answer = () => 'ignore';
		for (let count = 0; count < 2; count++) {
			void first.supervisor.remove(id, { force: true, leaveEscaped: true }).catch(() => {});
			await first.clock.advance(defaultStop.graceMs + killMs);
		}
		expect(first.supervisor.list()).toEqual([]);
		await first.die();
		expect(processes.last.alive).toBe(true);
		const next = daemon();
		expect(await next.restored()).toEqual([]);
		expect(next.supervisor.list()).toEqual([]);
	});
});

describe('the daemon dies at a write of the journal', () => {
	const restart = { ...defaultRestart, when: 'always', failures: 0, firstMs: 100 } as const;

	/** What a day brings, step by step; gives how many writes there were, or stops at the one at which the daemon dies. */
	async function day({ first, processes, journal }: ReturnType<typeof machine>, deathAt: number): Promise<number> {
		const written = journal.writes;
		let isDead = false;
		for (const verb of ['remembered', 'removed', 'respecified', 'began', 'ended'] as const) {
			const write = journal[verb] as (...args: unknown[]) => void;
			(journal[verb] as unknown) = (...args: unknown[]) => {
				if (isDead) return;
				write(...args);
				if (journal.writes - written < deathAt) return;
				// nothing that this daemon still does reaches anybody
				isDead = true;
				void first.supervisor.close();
			};
		}
		const { supervisor, clock } = first;
		const steps: (() => unknown)[] = [
			() => supervisor.start(id),
			() => supervisor.markReady(id, 1),
			() => processes.last.end({ kind: 'code', code: 1 }),
			() => processes.last.end({ kind: 'code', code: 0 }),
			() => clock.advance(200),
			() => supervisor.restart(id),
			() => supervisor.start(id, { priority: 'low' }),
			() => supervisor.stop(id),
			() => supervisor.start(id),
			() => processes.fork(processes.last, { inGroup: false }),
			() => processes.last.end({ kind: 'signal', signal: 'SIGSEGV', coreDumped: false }),
			() => clock.advance(1_000),
			() => supervisor.stop(id),
		];
		for (const run of steps) {
			if (isDead) break;
			// not awaited: what a stop waits for comes with the time
			void Promise.resolve(run()).catch(() => {});
			await clock.advance(20);
		}
		return journal.writes - written;
	}

	test('whichever it is: nothing runs twice, nothing unknown runs, and what is wanted comes true', async () => {
		const whole = machine({ restart });
		const writes = await day(whole, Number.POSITIVE_INFINITY);
		expect(writes).toBeGreaterThan(10);
		for (const [deathAt, endsMeanwhile] of Array.from(
			{ length: 2 * writes },
			(_, at) => [(at >> 1) + 1, at % 2 === 1] as const,
		)) {
			const broken = machine({ restart });
			await day(broken, deathAt);
			await broken.first.die(10);
			if (endsMeanwhile) broken.processes.launches.at(-1)?.program.end({ kind: 'code', code: 1 });
			const next = broken.daemon();
			await next.restored();
			await next.clock.advance(2_000);
			const { status, desired, pid } = next.supervisor.snapshot(id);
			const living = broken.processes.living.map(({ identity }) => identity.pid);
			expect({ deathAt, endsMeanwhile, status, living }).toEqual({
				deathAt,
				endsMeanwhile,
				status: desired === 'running' ? 'running' : 'stopped',
				living: desired === 'running' ? [pid] : [],
			});
			void next.supervisor.stop(id);
			await next.clock.advance(1_000);
			expect(broken.processes.living).toEqual([]);
		}
	});
});

test('one that was about to try again, and waited for what its last process had left, is started by the next daemon', async () => {
	const { processes, first, daemon } = machine({ restart: { ...defaultRestart, failures: 1, retryEveryMs: 5_000 } });
	await first.supervisor.start(id);
	const leftover = processes.fork(processes.last, { inGroup: true });
	leftover.answer = (signal) => (signal === 'SIGKILL' ? 'end' : 'ignore');
	processes.last.end({ kind: 'code', code: 1 });
	await settle();
	await first.clock.advance(5_000);
	expect(first.supervisor.snapshot(id).status).toBe('failed');
	await first.die();
	const next = daemon();
	await next.restored();
	await next.clock.advance(defaultStop.graceMs + 1_000);
	expect(next.supervisor.snapshot(id)).toMatchObject({ status: 'running', generation: 2 });
});

describe('what a process has left that had ended under the daemon before, and was being ended', () => {
	type Machine = ReturnType<typeof machine>;

	/** A worker in the group of the program, which takes the whole grace; `before` ends the program, and then the daemon dies. */
	async function withWorker(wish: Partial<RuntimeSpec>, before: (made: Machine) => void, crashes = 0) {
		const made = machine(wish);
		const { processes, first, daemon } = made;
		await first.supervisor.start(id);
		for (let count = 0; count < crashes; count++) {
			crash(made);
			await settle();
		}
		const worker = processes.fork(processes.last, { inGroup: true });
		worker.answer = (signal) => (signal === 'SIGKILL' ? 'end' : 'ignore');
		before(made);
		await first.die();
		expect(processes.living).toEqual([worker]);
		const livedAtLaunch: boolean[] = [];
		processes.onLaunch = () => void livedAtLaunch.push(worker.alive);
		const next = daemon();
		return { ...made, worker, next, livedAtLaunch, look: () => next.supervisor.snapshot(id) };
	}
	const crash = ({ processes }: Machine) => processes.last.end({ kind: 'code', code: 1 });
	const succeed = ({ processes }: Machine) => processes.last.end({ kind: 'code', code: 0 });
	const stop = ({ first }: Machine) => void first.supervisor.stop(id).catch(() => {});
	const restart = ({ first }: Machine) => void first.supervisor.restart(id).catch(() => {});
	const givesUp = { ...defaultRestart, failures: 1 };

	test.each([
		['was being restarted', defaultRestart, restart, 0, 'stopping'],
		['was to be launched again at once', defaultRestart, crash, 0, 'backoff'],
		['was to be launched again in a moment', defaultRestart, crash, 1, 'backoff'],
		['has given up, and tries again now and then', { ...givesUp, retryEveryMs: 5_000 }, crash, 0, 'failed'],
	] as const)('is ended before another one is launched: of one that %s', async (_what, policy, before, crashes, status) => {
		const { processes, next, livedAtLaunch, look } = await withWorker({ restart: policy }, before, crashes);
		await next.restored();
		expect(look()).toMatchObject({ status, desired: 'running' });
		await next.clock.advance(defaultStop.graceMs - 1);
		expect(livedAtLaunch).toEqual([]);
		await next.clock.advance(1_000);
		expect(livedAtLaunch).toEqual([false]);
		expect(look()).toMatchObject({ status: 'running', generation: crashes + 2 });
		expect(processes.living).toHaveLength(1);
	});

	test.each([
		['was being stopped', defaultRestart, stop, 'stopping'],
		['has come to its end', defaultRestart, succeed, 'exited'],
		['has given up', givesUp, crash, 'failed'],
	] as const)('is ended before a start that comes meanwhile: of one that %s', async (_what, policy, before, status) => {
		const { processes, next, livedAtLaunch, look } = await withWorker({ restart: policy }, before);
		await next.restored();
		expect(look().status).toBe(status);
		const started = next.supervisor.start(id);
		await next.clock.advance(defaultStop.graceMs - 1);
		expect(livedAtLaunch).toEqual([]);
		await next.clock.advance(1_000);
		expect(await started).toMatchObject({ status: 'running', generation: 2 });
		expect(livedAtLaunch).toEqual([false]);
		expect(processes.living).toHaveLength(1);
	});

	test.each([
		['was being stopped', stop, 'stopped'],
		['has come to its end', succeed, 'exited'],
	] as const)('is ended, and nothing follows: of one that %s', async (_what, before, status) => {
		const { processes, next, look } = await withWorker({}, before);
		await next.restored();
		await next.clock.advance(defaultStop.graceMs + 1_000);
		expect(look().status).toBe(status);
		expect(processes.living).toEqual([]);
		expect(processes.launches).toHaveLength(1);
	});

	test('and cannot be ended, keeps the next from being launched, as it would have under the daemon before', async () => {
		const { processes, next, worker, look } = await withWorker({ restart: { ...defaultRestart, when: 'no' } }, restart);
		worker.answer = () => 'ignore';
		await next.restored();
		await next.clock.advance(defaultStop.graceMs + killMs);
		expect(look()).toMatchObject({ status: 'failed', reason: expect.stringContaining('cannot be ended') });
		expect(processes.launches).toHaveLength(1);
		worker.end({ kind: 'code', code: 0 });
		const started = next.supervisor.start(id);
		await next.clock.advance(1_000);
		expect(await started).toMatchObject({ status: 'running' });
	});

	test('and is gone by then, holds nothing up, and nobody is signalled', async () => {
		const { next, worker, look } = await withWorker({}, restart);
		worker.end({ kind: 'code', code: 0 });
		const { length } = worker.received;
		await next.restored();
		expect(look()).toMatchObject({ status: 'running', generation: 2 });
		expect(next.clock.monotonicMs()).toBe(0);
		expect(worker.received).toHaveLength(length);
	});

	test('one that no daemon is to start is not started by one that dies while that is being ended', async () => {
		const { processes, first, daemon } = machine({ autostart: false });
		await first.supervisor.start(id);
		const worker = processes.fork(processes.last, { inGroup: false });
		worker.answer = () => 'ignore';
		const stopped = first.supervisor.stopAll();
		await first.clock.advance(defaultStop.graceMs + killMs);
		expect(await stopped).toMatchObject([{ escaped: [{ pid: worker.identity.pid }] }]);
		await first.die();
		for (let count = 0; count < 2; count++) {
			const next = daemon();
			await next.restored();
			await next.die();
		}
		const last = daemon();
		await last.restored();
		worker.end({ kind: 'code', code: 0 });
		await last.clock.advance(1_000);
		expect(last.supervisor.snapshot(id)).toMatchObject({ status: 'stopped', desired: 'running' });
		expect(processes.launches).toHaveLength(1);
	});
});

describe('the daemon ends while it ends a process', () => {
	type Machine = ReturnType<typeof machine>;
	const byHttp = { check: { kind: 'http', url: 'http://localhost/health' }, everyMs: 1_000, failures: 1 } as const;
	const reason = 'live probe failed: http http://localhost/health: status 503';
	const no = { ...defaultRestart, when: 'no' } as const;

	/** What its process is when the next daemon comes: it lives still, has ended meanwhile, or had ended before and left something. */
	const whatIsLeft: readonly (readonly [string, (made: Machine) => Promise<void>])[] = [
		['lives on', ({ first }) => first.die()],
		[
			'ends while no daemon is there',
			async ({ first, processes }) => {
				await first.die();
				processes.last.end({ kind: 'signal', signal: 'SIGTERM', coreDumped: false });
			},
		],
		[
			'has ended and has left a child',
			async ({ first, processes }) => {
				processes.fork(processes.last, { inGroup: true }).answer = (signal) => (signal === 'SIGKILL' ? 'end' : 'ignore');
				processes.last.end({ kind: 'signal', signal: 'SIGTERM', coreDumped: false });
				await first.die();
			},
		],
	];

	async function dying(wish: Partial<RuntimeSpec>, give: (made: Machine) => unknown, death: (made: Machine) => Promise<void>) {
		const made = machine(wish);
		await made.first.supervisor.start(id);
		made.processes.last.answer = (signal) => (signal === 'SIGKILL' ? 'end' : 'ignore');
		await made.first.clock.advance(0);
		await give(made);
		await settle();
		expect(made.first.supervisor.snapshot(id)).toMatchObject({ status: 'stopping', desired: 'running' });
		await death(made);
		const next = made.daemon();
		await next.restored();
		const look = () => next.supervisor.snapshot(id);
		// no further: what follows is looked at as well, and nobody here answers that
		for (let ms = 0; look().status === 'stopping' && ms < defaultStop.graceMs + 1_000; ms += 100) await next.clock.advance(100);
		return { ...made, look };
	}
	const condemn = ({ first }: Machine) => first.checkers.last('http').answer(false);
	const endAll = ({ first }: Machine) => void first.supervisor.stopAll();

	describe.each(whatIsLeft)('which %s', (_what, death) => {
		test('one that failed its probe and is never restarted has failed', async () => {
			const { look, processes } = await dying({ restart: no, probes: { live: byHttp } }, condemn, death);
			expect(look()).toMatchObject({ status: 'failed', desired: 'running', reason, lastExit: { reason } });
			expect(processes.launches).toHaveLength(1);
		});

		test.each([true, false])(
			'one that failed its probe is followed by policy, and that counts (autostart %s)',
			async (autostart) => {
				const { look } = await dying({ autostart, probes: { live: byHttp } }, condemn, death);
				expect(look()).toMatchObject({ status: 'running', generation: 2, restarts: 1, backoff: { failures: 1 } });
				const strict = { ...defaultRestart, failures: 1 };
				const parked = await dying({ autostart, restart: strict, probes: { live: byHttp } }, condemn, death);
				expect(parked.look()).toMatchObject({ status: 'failed', reason: expect.stringContaining(reason) });
			},
		);

		test('because it ends itself, starts it anew, unless autostart says no', async () => {
			const again = await dying({}, endAll, death);
			expect(again.look()).toMatchObject({ status: 'running', generation: 2, desired: 'running' });
			const { look, processes } = await dying({ autostart: false }, endAll, death);
			expect(look()).toMatchObject({ status: 'stopped', desired: 'running' });
			expect([processes.launches.length, processes.living]).toEqual([1, []]);
		});

		test('because it is restarted, starts it anew, also without autostart', async () => {
			const give = ({ first }: Machine) => void first.supervisor.restart(id).catch(() => {});
			const { look } = await dying({ autostart: false }, give, death);
			expect(look()).toMatchObject({ status: 'running', generation: 2 });
		});

		test('that is condemned, and is stopped then: stays stopped', async () => {
			const give = (made: Machine) => {
				condemn(made);
				return settle();
			};
			const stopThenDie = async (made: Machine) => {
				void made.first.supervisor.stop(id).catch(() => {});
				await death(made);
			};
			const { look, processes } = await dying({ probes: { live: byHttp } }, give, stopThenDie);
			expect(look()).toMatchObject({ status: 'stopped', desired: 'stopped' });
			expect(processes.launches).toHaveLength(1);
		});
	});

	test.each([true, false])(
		'and has given up on it: it is tried again, and started anew where it is to be (autostart %s)',
		async (autostart) => {
			const { processes, first, daemon } = machine({ autostart });
			await first.supervisor.start(id);
			processes.last.answer = () => 'ignore';
			const stopped = first.supervisor.stopAll();
			await first.clock.advance(defaultStop.graceMs + killMs);
			await stopped;
			await first.die();
			processes.last.answer = () => 'end';
			const next = daemon();
			await next.restored();
			expect(processes.launches[0]?.program.alive).toBe(false);
			expect(next.supervisor.snapshot(id)).toMatchObject({ status: autostart ? 'running' : 'stopped', desired: 'running' });
		},
	);

	test.each([
		['has come to its end', defaultRestart, 0, 'exited'],
		['is never restarted', no, 1, 'exited'],
		['has given up', { ...defaultRestart, failures: 1 }, 1, 'failed'],
	] as const)(
		'that %s, and of which something is left, in order: it is not started again',
		async (_what, restart, code, status) => {
			const { processes, first, daemon } = machine({ restart });
			await first.supervisor.start(id);
			const child = processes.fork(processes.last, { inGroup: true });
			child.answer = (signal) => (signal === 'SIGKILL' ? 'end' : 'ignore');
			processes.last.end({ kind: 'code', code });
			await settle();
			const stopped = first.supervisor.stopAll({ graceMs: 100 });
			await first.clock.advance(1_000);
			expect(await stopped).toEqual([]);
			expect(child.alive).toBe(false);
			await first.die();
			const next = daemon();
			await next.restored();
			expect(next.supervisor.snapshot(id)).toMatchObject({ status, desired: 'running' });
			expect(processes.launches).toHaveLength(1);
		},
	);

	test('that failed its probe and is never restarted, in order: it has failed', async () => {
		const { processes, first, daemon } = machine({ restart: no, probes: { live: byHttp } });
		await first.supervisor.start(id);
		processes.last.answer = (signal) => (signal === 'SIGKILL' ? 'end' : 'ignore');
		await first.clock.advance(0);
		first.checkers.last('http').answer(false);
		await settle();
		const stopped = first.supervisor.stopAll();
		await first.clock.advance(defaultStop.graceMs);
		await stopped;
		await first.die();
		const next = daemon();
		await next.restored();
		expect(next.supervisor.snapshot(id)).toMatchObject({ status: 'failed', desired: 'running', reason });
	});

	test('what an older journal says of an earlier process is not meant for the one that lives', async () => {
		const { processes, journal, first, daemon } = machine({ autostart: false });
		await first.supervisor.start(id);
		const [before] = journal.load();
		if (!before) throw new Error('Nothing was kept');
		await first.supervisor.restart(id);
		await first.die();
		journal.remembered(id, { ...before.memory, settled: 1, state: { kind: 'stopped' } });
		const next = daemon();
		await next.restored();
		expect(next.supervisor.snapshot(id)).toMatchObject({ status: 'running', generation: 2 });
		expect(processes.last.received).toEqual([]);
	});
});

describe('a journal that has lost something', () => {
	test('a runtime that lives and is not in it is taken back by the record of its process: same pid, same spec, and kept from now on', async () => {
		const { processes, journal, first, daemon } = machine({ args: ['-v'], labels: { team: 'a' } });
		await first.supervisor.start(id);
		const before = first.supervisor.snapshot(id);
		await first.die();
		journal.removed(id);
		const next = daemon();
		expect(await next.restored()).toMatchObject([{ spec: before.spec, generation: 1, became: 'adopted', wasLost: true }]);
		expect(next.supervisor.snapshot(id)).toMatchObject({ status: 'running', pid: before.pid, desired: 'running', generation: 1 });
		expect(processes.launches).toHaveLength(1);
		expect(processes.last.received).toEqual([]);
		await next.die();
		// it is as any other one by now
		const third = daemon();
		expect(await third.restored()).toMatchObject([{ spec: before.spec, became: 'adopted', wasLost: false }]);
		processes.last.end({ kind: 'code', code: 1 });
		await settle();
		expect(third.supervisor.snapshot(id)).toMatchObject({ status: 'running', generation: 2 });
		await third.supervisor.stop(id);
		expect(processes.living).toEqual([]);
	});

	test('one whose name another has in an older state gets the next free one; one that has ended, or has no spec in its record, is not taken back', async () => {
		const { processes, journal, first, daemon } = machine();
		const spec = first.supervisor.snapshot(id).spec;
		const [older, ended, bare] = [2, 3, 4].map((digit) => `${id.slice(0, -1)}${digit}`) as [string, string, string];
		for (const [one, name] of [
			[ended, 'ended'],
			[bare, 'bare'],
		] as const)
			first.supervisor.add({ ...spec, id: one, name });
		for (const one of [id, ended, bare]) await first.supervisor.start(one);
		await first.die();
		processes.launches[1]?.program.end({ kind: 'code', code: 0 });
		// as an older daemon wrote it
		const [launch] = processes.launches.splice(2, 1);
		if (launch) processes.launches.push({ ...launch, request: { ...launch.request, spec: undefined as never } });
		for (const one of [id, ended, bare]) journal.removed(one);
		journal.added({ spec: { ...spec, id: older }, addedAt: 0, memory: freshMemory('') });
		const next = daemon();
		await next.restored();
		expect(next.supervisor.list().map(({ spec: { id: one, name }, status }) => [one, name, status])).toEqual([
			[older, 'ping', 'stopped'],
			[id, 'ping-2', 'running'],
		]);
	});
});
