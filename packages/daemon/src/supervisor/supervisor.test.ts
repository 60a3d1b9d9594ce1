/** The supervisor on processes that exist only here, with time that stands still until it is moved. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '@orch/base';
import { ManualClock, seededRandom, settle } from '@orch/base/testing';
import { afterEach, describe, expect, test } from 'vitest';
import { killMs } from './ending.ts';
import type { ExitStatus } from './exit-record.ts';
import type { SupervisorFault } from './faults.ts';
import type { Prepare } from './ports.ts';
import type { SupervisorEvent } from './snapshot.ts';
import { defaultRestart, defaultStop, type RuntimeSpec } from './spec.ts';
import { OutputStore } from './output/index.ts';
import { superviseBy } from './supervisor.ts';
import { FakeProcesses, statusesOf } from './testing/fake-launcher.ts';
import { holdRemoval } from './testing/hold-removal.ts';
import { createMemoryJournal } from './testing/memory-journal.ts';

const cleanups: (() => void)[] = [];
afterEach(() => {
	for (const clean of cleanups.splice(0)) clean();
});

const specOf = (wish: Partial<RuntimeSpec> = {}): RuntimeSpec => ({
	id: '01900000-0000-7000-8000-000000000001',
	name: 'ping',
	program: '/bin/ping',
	args: [],
	cwd: '/',
	env: { HOME: '/' },
	priority: 'normal',
	privileged: false,
	restart: defaultRestart,
	stop: defaultStop,
	...wish,
});

function supervise(
	wish: Partial<RuntimeSpec> = {},
	prepare: Prepare = () => ({ env: { ORCH_IPC_TOKEN: 'x' }, ready: Promise.resolve() }),
) {
	const stateDirectory = mkdtempSync(join(tmpdir(), 'orch-supervisor-'));
	const clock = new ManualClock();
	const processes = new FakeProcesses();
	const random = seededRandom(1);
	const endings: [string, number][] = [];
	const journal = createMemoryJournal();
	const supervisor = superviseBy({
		clock,
		random,
		log: silentLogger,
		stateDirectory,
		prepare,
		ended: (id, generation) => endings.push([id, generation]),
		journal,
		launcher: processes,
		table: processes,
		adoption: processes,
		// its timers are none of these tests' affairs
		outputs: new OutputStore({ clock: new ManualClock(), random, log: silentLogger, stateDirectory }),
	});
	const events: SupervisorEvent[] = [];
	supervisor.events.subscribe((event) => events.push(event));
	const spec = specOf(wish);
	supervisor.add(spec);
	cleanups.push(() => {
		void supervisor.close();
		rmSync(stateDirectory, { recursive: true, force: true });
	});
	const { id } = spec;
	/** Lets the program end by itself, and everything that follows at once. */
	const end = async (status: ExitStatus = { kind: 'code', code: 1 }) => {
		processes.last.end(status);
		await settle();
	};
	return {
		journal,
		supervisor,
		clock,
		processes,
		events,
		endings,
		stateDirectory,
		id,
		spec,
		end,
		snapshot: () => supervisor.snapshot(id),
	};
}

/** The fault that a command was refused with. */
async function faultOf(command: Promise<unknown>): Promise<SupervisorFault> {
	return command.then(
		() => {
			throw new Error('It was not refused');
		},
		(error: { fault: SupervisorFault }) => error.fault,
	);
}

test('a start resolves with the pid once the program runs, and with the same when it runs already', async () => {
	const { supervisor, processes, id, spec, events } = supervise();
	const first = await supervisor.start(id);
	expect(first).toMatchObject({
		status: 'running',
		desired: 'running',
		pid: processes.last.identity.pid,
		generation: 1,
		restarts: 0,
	});
	expect((await supervisor.start(id)).pid).toBe(first.pid);
	expect(processes.launches.map(({ request }) => request)).toEqual([
		{
			processId: first.processId,
			generation: 1,
			runtimeId: id,
			runtimeName: 'ping',
			spec,
			program: spec.program,
			args: [],
			cwd: '/',
			env: { HOME: '/', ORCH_IPC_TOKEN: 'x' },
			mayGo: expect.any(Promise),
			priority: 'normal',
			stop: defaultStop,
			stdoutPath: first.stdoutPath,
			stderrPath: first.stderrPath,
		},
	]);
	expect(events).toMatchObject([
		{ kind: 'added', id, name: 'ping' },
		{ kind: 'changed', from: 'stopped', to: 'starting', generation: 1, pid: undefined },
		{ kind: 'changed', from: 'starting', to: 'running', generation: 1, pid: first.pid },
	]);
});

test('supervision 3.1.22: a wall clock that jumps changes no wait: not a back-off, not a grace, not the time to be healthy', async () => {
	const restart = { ...defaultRestart, firstMs: 10_000, capMs: 10_000, healthyMs: 60_000 };
	const { supervisor, clock, processes, id, end, snapshot } = supervise({ restart, stop: { signal: 'SIGTERM', graceMs: 5_000 } });
	await supervisor.start(id);
	// the first restart is at once, the second waits
	await end();
	await end();
	expect(snapshot().status).toBe('backoff');
	const leftMs = () => snapshot().backoff?.nextInMs ?? 0;
	const waitMs = leftMs();
	expect(waitMs).toBeGreaterThan(7_000);
	for (const jump of [3_600_000, -7_200_000, 86_400_000]) {
		clock.jump(jump);
		await settle();
		expect([snapshot().status, leftMs()]).toEqual(['backoff', waitMs]);
	}
	await clock.advance(waitMs - 1);
	expect(snapshot().status).toBe('backoff');
	await clock.advance(1);
	expect([snapshot().status, processes.launches.length]).toEqual(['running', 3]);
	// a day more on the wall is no day of health: its failures count on
	clock.jump(86_400_000);
	await end();
	expect(snapshot()).toMatchObject({ status: 'backoff', restarts: 2 });
	await clock.advance(leftMs());
	expect(snapshot().status).toBe('running');
	processes.last.answer = (signal) => (signal === 'SIGKILL' ? 'end' : 'ignore');
	const stopped = supervisor.stop(id);
	await settle();
	clock.jump(-3_600_000);
	await clock.advance(4_999);
	expect(snapshot().status).toBe('stopping');
	await clock.advance(1);
	expect(await stopped).toMatchObject({ status: 'stopped', lastExit: { by: 'kill' } });
});

test('a stop resolves when nothing is left, and costs nothing when nothing runs', async () => {
	const { supervisor, clock, processes, id, endings, snapshot } = supervise();
	expect(await supervisor.stop(id)).toMatchObject({ status: 'stopped', desired: 'stopped' });
	await supervisor.start(id);
	const stopped = await supervisor.stop(id);
	expect(stopped).toMatchObject({
		status: 'stopped',
		desired: 'stopped',
		pid: undefined,
		escaped: [],
		lastExit: { signal: 'SIGTERM', by: 'stop', coreDumped: false },
	});
	expect({ living: processes.living, timers: clock.pending, endings, sets: processes.registered.size }).toEqual({
		living: [],
		timers: 0,
		endings: [[id, 1]],
		sets: 0,
	});
	expect(processes.forgotten).toEqual([snapshot().processId]);
});

test('supervision 3.1.1: a program that ignores SIGTERM is killed when its grace is over, and not before', async () => {
	const { supervisor, clock, processes, id, snapshot } = supervise();
	await supervisor.start(id);
	processes.last.answer = (signal) => (signal === 'SIGKILL' ? 'end' : 'ignore');
	const stopped = supervisor.stop(id);
	await clock.advance(defaultStop.graceMs - 1);
	expect(processes.last.received).toEqual(['SIGTERM', 'SIGCONT']);
	expect(snapshot().status).toBe('stopping');
	await clock.advance(1);
	expect((await stopped).lastExit).toMatchObject({ signal: 'SIGKILL', by: 'kill' });
	expect(processes.last.received).toEqual(['SIGTERM', 'SIGCONT', 'SIGKILL']);
	expect(clock.pending).toBe(0);
});

test('supervision 3.1.2: a stop waits for a child that outlives its leader, and kills it when the grace is over', async () => {
	const { supervisor, clock, processes, id, snapshot } = supervise();
	await supervisor.start(id);
	const child = processes.fork(processes.last, { inGroup: true });
	child.answer = (signal) => (signal === 'SIGKILL' ? 'end' : 'ignore');
	const stopped = supervisor.stop(id);
	await clock.advance(defaultStop.graceMs - 1);
	expect({ leader: processes.last.alive, child: child.alive, status: snapshot().status }).toEqual({
		leader: false,
		child: true,
		status: 'stopping',
	});
	await clock.advance(1);
	expect((await stopped).lastExit).toMatchObject({ signal: 'SIGTERM', by: 'stop' });
	expect(child.received).toEqual(['SIGTERM', 'SIGKILL']);
});

test('who has escaped from the group is asked too, once, and continued where it was stopped', async () => {
	const { supervisor, clock, processes, id } = supervise();
	await supervisor.start(id);
	const escapee = processes.fork(processes.last, { inGroup: false });
	escapee.answer = () => 'ignore';
	escapee.stopped = true;
	void supervisor.stop(id);
	await clock.advance(defaultStop.graceMs - 1);
	expect(escapee.received).toEqual(['SIGTERM', 'SIGCONT']);
	escapee.answer = () => 'end';
	await clock.advance(1);
	expect(processes.living).toEqual([]);
});

test('supervision 3.1.5: what cannot be ended is reported as escaped, never silently left', async () => {
	const { supervisor, clock, processes, id, events, snapshot } = supervise();
	await supervisor.start(id);
	const undying = processes.fork(processes.last, { inGroup: false });
	undying.answer = () => 'ignore';
	const refused = faultOf(supervisor.stop(id));
	await clock.advance(defaultStop.graceMs + killMs);
	const escaped = [{ pid: undying.identity.pid, command: 'fake' }];
	expect(await refused).toEqual({ kind: 'stop_incomplete', name: 'ping', escaped });
	expect(snapshot()).toMatchObject({ status: 'stopped', escaped });
	expect(events).toContainEqual(expect.objectContaining({ kind: 'escaped', escaped }));
	expect(clock.pending).toBe(0);
	undying.answer = () => 'end';
	const again = supervisor.stop(id);
	await settle();
	await clock.advance(1_000);
	expect(await again).toMatchObject({ status: 'stopped', escaped: [] });
	expect(undying.alive).toBe(false);
});

test('while nobody can be looked at, the group is ended all the same, and nothing is claimed to be gone', async () => {
	const { supervisor, clock, processes, id } = supervise();
	await supervisor.start(id);
	const root = processes.last;
	root.answer = (signal) => (signal === 'SIGKILL' ? 'end' : 'ignore');
	processes.isBlind = true;
	const refused = faultOf(supervisor.stop(id));
	await settle();
	await clock.advance(defaultStop.graceMs + killMs);
	expect(root.received).toEqual(['SIGTERM', 'SIGCONT', 'SIGKILL']);
	expect(await refused).toMatchObject({
		kind: 'stop_incomplete',
		escaped: [{ pid: root.identity.pid, command: 'what is left of it is unknown' }],
	});
	processes.isBlind = false;
	expect((await supervisor.stop(id)).escaped).toEqual([]);
	expect(clock.pending).toBe(0);
});

test('nothing is launched beside what an earlier stop could not end', async () => {
	const { supervisor, clock, processes, id } = supervise({ restart: { ...defaultRestart, when: 'no' } });
	await supervisor.start(id);
	const undying = processes.last;
	undying.answer = () => 'ignore';
	void supervisor.stop(id).catch(() => {});
	await clock.advance(defaultStop.graceMs + killMs);
	const refused = faultOf(supervisor.start(id));
	await clock.advance(defaultStop.graceMs + killMs);
	expect(await refused).toMatchObject({
		kind: 'start_failed',
		fault: { kind: 'still_there', left: [{ pid: undying.identity.pid }] },
	});
	expect(processes.launches).toHaveLength(1);
	undying.end({ kind: 'code', code: 0 });
	await clock.advance(1_000);
	expect(await supervisor.start(id)).toMatchObject({ status: 'running', generation: 3, escaped: [] });
});

test.each(['start', 'restart'] as const)('a %s first tries again to end what an earlier stop could not', async (command) => {
	const { supervisor, clock, processes, id } = supervise();
	await supervisor.start(id);
	const undying = processes.last;
	undying.answer = () => 'ignore';
	void supervisor.stop(id).catch(() => {});
	await clock.advance(defaultStop.graceMs + killMs);
	undying.answer = () => 'end';
	const atLaunch: boolean[] = [];
	processes.onLaunch = () => void atLaunch.push(undying.alive);
	expect(await supervisor[command](id)).toMatchObject({ status: 'running', generation: 2, restarts: 0, escaped: [] });
	expect(atLaunch).toEqual([false]);
});

describe('supervision 3.1.9: a stop is defined in every state', () => {
	test('while what precedes the launch is under way: nothing is launched', async () => {
		const { supervisor, processes, id, endings } = supervise({}, (_id, _process, signal) => ({
			env: {},
			ready: new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
		}));
		const started = faultOf(supervisor.start(id));
		const stopped = await supervisor.stop(id);
		expect(stopped.status).toBe('stopped');
		expect(await started).toEqual({ kind: 'superseded', name: 'ping', by: 'stop' });
		expect({ launches: processes.launches, endings }).toEqual({ launches: [], endings: [[id, 1]] });
	});

	test('while the launch is under way: what comes of it is ended', async () => {
		const { supervisor, clock, processes, id } = supervise();
		processes.onLaunch = () => void supervisor.stop(id).catch(() => {});
		const started = faultOf(supervisor.start(id));
		expect(await started).toEqual({ kind: 'superseded', name: 'ping', by: 'stop' });
		await clock.advance(0);
		expect(supervisor.snapshot(id).status).toBe('stopped');
		expect(processes.last.received).toEqual(['SIGTERM']);
	});

	test('while it waits for its next try', async () => {
		const { supervisor, clock, id, end, snapshot } = supervise();
		await supervisor.start(id);
		await end();
		await end();
		expect(snapshot().status).toBe('backoff');
		expect((await supervisor.stop(id)).status).toBe('stopped');
		// and no time had to pass for it
		expect({ pending: clock.pending, passedMs: clock.monotonicMs() }).toEqual({ pending: 0, passedMs: 0 });
	});

	test('while it is being stopped: both stops resolve, and a shorter grace holds for both', async () => {
		const { supervisor, clock, processes, id } = supervise();
		await supervisor.start(id);
		processes.last.answer = (signal) => (signal === 'SIGKILL' ? 'end' : 'ignore');
		const first = supervisor.stop(id);
		await clock.advance(1_000);
		const second = supervisor.stop(id, { graceMs: 500 });
		const third = supervisor.stop(id, { graceMs: 60_000 });
		await clock.advance(500);
		expect((await Promise.all([first, second, third])).map(({ status }) => status)).toEqual(['stopped', 'stopped', 'stopped']);
		expect(processes.last.received).toEqual(['SIGTERM', 'SIGCONT', 'SIGKILL']);
		expect(clock.pending).toBe(0);
	});

	test('after it has exited, failed or given up', async () => {
		const { supervisor, clock, id, end, snapshot } = supervise();
		await supervisor.start(id);
		await end({ kind: 'code', code: 0 });
		expect(snapshot().status).toBe('exited');
		expect((await supervisor.stop(id)).status).toBe('stopped');
		expect(clock.monotonicMs()).toBe(0);
		const failing = supervise({ restart: { ...defaultRestart, failures: 1 } });
		await failing.supervisor.start(failing.id);
		await failing.end();
		expect(failing.snapshot().status).toBe('failed');
		expect((await failing.supervisor.stop(failing.id)).status).toBe('stopped');
		expect(failing.clock.monotonicMs()).toBe(0);
	});

	test('with no grace at all: SIGKILL at once', async () => {
		const { supervisor, processes, id } = supervise();
		await supervisor.start(id);
		expect(await supervisor.stop(id, { graceMs: 0 })).toMatchObject({ lastExit: { by: 'kill' } });
		expect(processes.last.received).toEqual(['SIGKILL']);
	});
});

test('supervision 3.1.6: a program that has ended counts as exited before any time has passed, though a child of it ignores SIGTERM', async () => {
	const { supervisor, clock, processes, id, end, snapshot } = supervise();
	await supervisor.start(id);
	const child = processes.fork(processes.last, { inGroup: false });
	child.answer = (signal) => (signal === 'SIGKILL' ? 'end' : 'ignore');
	await end({ kind: 'code', code: 0 });
	expect(snapshot()).toMatchObject({ status: 'exited', pid: undefined, lastExit: { code: 0, by: 'itself' } });
	expect({ child: child.alive, passedMs: clock.monotonicMs() }).toEqual({ child: true, passedMs: 0 });
	await clock.advance(defaultStop.graceMs);
	expect({ child: child.alive, status: snapshot().status }).toEqual({ child: false, status: 'exited' });
});

test('supervision 3.1.12: fifty that ignore SIGTERM are stopped within one grace', async () => {
	const { supervisor, clock, processes } = supervise();
	const ids = Array.from({ length: 50 }, (_, index) => `01900000-0000-7000-8000-0000000001${String(index).padStart(2, '0')}`);
	for (const id of ids) {
		supervisor.add(specOf({ id, name: id.slice(-3) }));
		await supervisor.start(id);
		processes.last.answer = (signal) => (signal === 'SIGKILL' ? 'end' : 'ignore');
	}
	const stopped = supervisor.stopAll();
	await clock.advance(defaultStop.graceMs - 1);
	expect(processes.living).toHaveLength(50);
	await clock.advance(1);
	expect(await stopped).toEqual([]);
	expect({ living: processes.living, timers: clock.pending }).toEqual({ living: [], timers: 0 });
});

test('supervision 3.1.14: crashes are followed at once, then after growing waits, and then it parks and says why', async () => {
	const { supervisor, clock, events, id, end, snapshot } = supervise();
	await supervisor.start(id);
	await end();
	expect(snapshot()).toMatchObject({
		status: 'running',
		generation: 2,
		restarts: 1,
		backoff: { failures: 1, of: 5, nextAt: undefined },
	});
	for (const [wait, failures] of [
		[500, 2],
		[1_000, 3],
		[2_000, 4],
	] as const) {
		await end();
		const { status, reason, backoff } = snapshot();
		expect({ status, reason, failures: backoff?.failures }).toEqual({ status: 'backoff', reason: 'exit code 1', failures });
		expect(backoff?.nextInMs).toBeGreaterThanOrEqual(wait * 0.8);
		expect(backoff?.nextInMs).toBeLessThanOrEqual(wait * 1.2);
		await clock.advance((backoff?.nextInMs ?? 0) - 1);
		expect(snapshot().status).toBe('backoff');
		await clock.advance(1);
		expect(snapshot().status).toBe('running');
	}
	await end();
	expect(snapshot()).toMatchObject({
		status: 'failed',
		desired: 'running',
		reason: 'gave up after 5 failures in 60s; last: exit code 1',
		restarts: 4,
		backoff: { failures: 5, of: 5 },
		lastExit: { code: 1, signal: undefined, by: 'itself' },
	});
	await clock.advance(3_600_000);
	expect({ status: snapshot().status, backoff: snapshot().backoff, timers: clock.pending }).toEqual({
		status: 'failed',
		backoff: undefined,
		timers: 0,
	});
	expect(events.at(-1)).toMatchObject({ kind: 'changed', to: 'failed', exit: { code: 1 } });
	expect(await supervisor.start(id)).toMatchObject({ status: 'running', restarts: 0, backoff: undefined });
});

test('supervision 3.1.14: a healthy time resets the count', async () => {
	const { supervisor, clock, id, end, snapshot } = supervise();
	await supervisor.start(id);
	await end();
	await clock.advance(defaultRestart.healthyMs);
	expect(snapshot().backoff).toBeUndefined();
	await end();
	expect(snapshot()).toMatchObject({ status: 'running', backoff: { failures: 1 } });
});

test('supervision 3.1.14: one that retries after giving up tries again every so often', async () => {
	const { supervisor, clock, id, end, snapshot } = supervise({
		restart: { ...defaultRestart, failures: 1, retryEveryMs: 300_000 },
	});
	await supervisor.start(id);
	await end();
	expect(snapshot()).toMatchObject({ status: 'failed', backoff: { nextInMs: 300_000 } });
	await clock.advance(300_000);
	expect(snapshot()).toMatchObject({ status: 'running', restarts: 1 });
	await end();
	expect(snapshot()).toMatchObject({ status: 'failed', backoff: { nextInMs: 300_000 } });
});

describe('supervision 3.1.18: what comes after an end', () => {
	const ends = {
		success: { kind: 'code', code: 0 },
		failure: { kind: 'code', code: 3 },
		crash: { kind: 'signal', signal: 'SIGSEGV', coreDumped: true },
	} as const;
	test.each([
		['no', 'success', 'exited'],
		['no', 'failure', 'exited'],
		['no', 'crash', 'exited'],
		['on-failure', 'success', 'exited'],
		['on-failure', 'failure', 'running'],
		['on-failure', 'crash', 'running'],
		['always', 'success', 'running'],
		['always', 'failure', 'running'],
		['always', 'crash', 'running'],
	] as const)('under `%s` a %s leads to %s', async (when, how, status) => {
		const { supervisor, clock, id, end, snapshot } = supervise({ restart: { ...defaultRestart, when } });
		await supervisor.start(id);
		await end(ends[how]);
		await clock.advance(1_000);
		expect(snapshot()).toMatchObject({ status, desired: 'running', generation: status === 'running' ? 2 : 1 });
	});
});

test('supervision 3.1.16: a crash is told as its signal, with its core dump', async () => {
	const { supervisor, id, end, snapshot } = supervise({ restart: { ...defaultRestart, failures: 1 } });
	await supervisor.start(id);
	await end({ kind: 'signal', signal: 'SIGSEGV', coreDumped: true });
	expect(snapshot()).toMatchObject({
		lastExit: { code: undefined, signal: 'SIGSEGV', coreDumped: true, by: 'itself' },
		reason: 'gave up after 1 failure in 60s; last: SIGSEGV (core dumped)',
	});
});

test('supervision 3.1.17: a launch that fails rejects the start with its reason, counts as a failure and is tried again', async () => {
	const { supervisor, clock, processes, id, endings, snapshot } = supervise();
	processes.faults.push({ kind: 'no_processes' }, { kind: 'no_memory' });
	expect(await faultOf(supervisor.start(id))).toEqual({
		kind: 'start_failed',
		name: 'ping',
		fault: { kind: 'no_processes' },
		reason: 'the system allows no more processes (see ulimit -u)',
	});
	await settle();
	expect(snapshot()).toMatchObject({ status: 'backoff', reason: 'the system is out of memory', backoff: { failures: 2 } });
	await clock.advance(1_000);
	expect(snapshot()).toMatchObject({ status: 'running', generation: 3 });
	expect(endings).toEqual([
		[id, 1],
		[id, 2],
	]);
});

test('supervision 3.1.17: one that is never restarted is failed when it cannot be launched', async () => {
	const { supervisor, processes, id, snapshot } = supervise({ restart: { ...defaultRestart, when: 'no' } });
	processes.faults.push({ kind: 'too_big' });
	await faultOf(supervisor.start(id));
	expect(snapshot()).toMatchObject({
		status: 'failed',
		reason: 'its arguments and environment are larger than the system takes',
	});
});

test('what precedes a launch may fail or hang: the launch fails, within its deadline', async () => {
	const failing = supervise({ restart: { ...defaultRestart, when: 'no' } }, () => ({
		env: {},
		ready: Promise.reject(new Error('no socket for it')),
	}));
	expect(await faultOf(failing.supervisor.start(failing.id))).toMatchObject({
		fault: { kind: 'unprepared', reason: 'no socket for it' },
	});
	const hanging = supervise({ restart: { ...defaultRestart, when: 'no' } }, () => ({
		env: {},
		ready: new Promise(() => {}),
	}));
	const refused = faultOf(hanging.supervisor.start(hanging.id));
	await hanging.clock.advance(10_000);
	expect(await refused).toMatchObject({ fault: { kind: 'unprepared', reason: expect.stringContaining('10000 ms') } });
	expect(hanging.clock.pending).toBe(0);
});

test('a launch that fails before it comes to wait for what precedes it leaves nobody with the failure of that', async () => {
	const { supervisor, id, stateDirectory } = supervise(
		{ user: String(process.getuid?.()), restart: { ...defaultRestart, when: 'no' } },
		() => {
			// its files cannot be given to its user
			rmSync(join(stateDirectory, 'logs'), { recursive: true });
			return { env: {}, ready: Promise.reject(new Error('no socket for it')) };
		},
	);
	expect((await faultOf(supervisor.start(id))).kind).toBe('start_failed');
});

test('after a crash the group must be empty before anything is launched: its leftovers are ended first', async () => {
	const { supervisor, clock, processes, events, id, end, snapshot } = supervise();
	await supervisor.start(id);
	const leftover = processes.fork(processes.last, { inGroup: true });
	leftover.answer = (signal) => (signal === 'SIGKILL' ? 'end' : 'ignore');
	await end();
	expect(snapshot()).toMatchObject({ status: 'backoff', backoff: { nextAt: undefined } });
	await clock.advance(defaultStop.graceMs - 1);
	expect(processes.launches).toHaveLength(1);
	await clock.advance(1);
	await clock.advance(1_000);
	expect(leftover.received).toEqual(['SIGTERM', 'SIGCONT', 'SIGKILL']);
	expect(snapshot()).toMatchObject({ status: 'running', generation: 2 });
	expect(statusesOf(events)).toEqual(['starting', 'running', 'backoff', 'starting', 'running']);
});

test('after a crash an escapee does not delay the next start; it is looked for and ended after it', async () => {
	const { supervisor, clock, processes, id, end, snapshot } = supervise();
	await supervisor.start(id);
	const escapee = processes.fork(processes.last, { inGroup: false });
	await end();
	expect(snapshot()).toMatchObject({ status: 'running', generation: 2 });
	expect(escapee.alive).toBe(true);
	await clock.advance(1_000);
	expect({ escapee: escapee.received, program: processes.last.received }).toEqual({ escapee: ['SIGTERM'], program: [] });
	expect({ sets: processes.registered.size, timers: clock.pending }).toEqual({ sets: 1, timers: 0 });
});

test('a stop waits for what is still being ended of an earlier process', async () => {
	const { supervisor, clock, processes, id, end } = supervise();
	await supervisor.start(id);
	const escapee = processes.fork(processes.last, { inGroup: false });
	escapee.answer = (signal) => (signal === 'SIGKILL' ? 'end' : 'ignore');
	await end();
	await clock.advance(1_000);
	let isStopped = false;
	const stopped = supervisor.stop(id, { graceMs: 2_000 }).then(() => {
		isStopped = true;
	});
	await clock.advance(1_999);
	expect({ isStopped, escapee: escapee.received }).toEqual({ isStopped: false, escapee: ['SIGTERM', 'SIGCONT'] });
	await clock.advance(1);
	await stopped;
	expect(processes.living).toEqual([]);
});

test('when a program has ended by itself for good, what it left is ended', async () => {
	const { supervisor, clock, processes, id, end, snapshot } = supervise();
	await supervisor.start(id);
	const left = [processes.fork(processes.last, { inGroup: true }), processes.fork(processes.last, { inGroup: false })];
	await end({ kind: 'code', code: 0 });
	expect(snapshot().status).toBe('exited');
	await clock.advance(1_000);
	expect(left.map(({ alive }) => alive)).toEqual([false, false]);
	expect(clock.pending).toBe(0);
});

test('a start that comes while leftovers are being ended waits for that', async () => {
	const { supervisor, clock, processes, events, id, end } = supervise();
	await supervisor.start(id);
	const left = processes.fork(processes.last, { inGroup: true });
	left.answer = (signal) => (signal === 'SIGKILL' ? 'end' : 'ignore');
	await end({ kind: 'code', code: 0 });
	const started = supervisor.start(id);
	await clock.advance(defaultStop.graceMs);
	await clock.advance(1_000);
	expect((await started).generation).toBe(2);
	expect(statusesOf(events)).toEqual(['starting', 'running', 'exited', 'stopping', 'starting', 'running']);
});

test('a restart ends what runs and starts anew; a start during a stop follows it', async () => {
	const { supervisor, clock, processes, id } = supervise();
	await supervisor.start(id);
	const first = processes.last;
	expect(await supervisor.restart(id)).toMatchObject({ status: 'running', generation: 2, restarts: 0 });
	expect(first.received).toEqual(['SIGTERM']);
	processes.last.answer = () => 'ignore';
	const stopped = supervisor.stop(id);
	const started = supervisor.start(id);
	await clock.advance(defaultStop.graceMs - 1);
	processes.last.answer = () => 'end';
	await clock.advance(1);
	expect(await stopped).toMatchObject({ desired: 'running' });
	expect(await started).toMatchObject({ status: 'running', generation: 3 });
});

test('a later stop overtakes a restart, and a remove overtakes both', async () => {
	const { supervisor, clock, processes, id } = supervise();
	await supervisor.start(id);
	processes.last.answer = (signal) => (signal === 'SIGKILL' ? 'end' : 'ignore');
	const restarted = faultOf(supervisor.restart(id));
	const stopped = supervisor.stop(id);
	expect(await restarted).toEqual({ kind: 'superseded', name: 'ping', by: 'stop' });
	const started = faultOf(supervisor.start(id));
	const removed = supervisor.remove(id, { force: true });
	expect(await started).toEqual({ kind: 'superseded', name: 'ping', by: 'remove' });
	expect(await faultOf(supervisor.start(id))).toEqual({ kind: 'superseded', name: 'ping', by: 'remove' });
	await clock.advance(defaultStop.graceMs);
	expect((await stopped).status).toBe('stopped');
	await removed;
	expect(supervisor.list()).toEqual([]);
});

test('a caller that goes away stops waiting; its command holds', async () => {
	const { supervisor, clock, processes, id, snapshot } = supervise();
	await supervisor.start(id);
	processes.last.answer = (signal) => (signal === 'SIGKILL' ? 'end' : 'ignore');
	const caller = new AbortController();
	const stopped = supervisor.stop(id, { signal: caller.signal });
	caller.abort(new Error('gone'));
	await expect(stopped).rejects.toThrow('gone');
	await clock.advance(defaultStop.graceMs);
	expect(snapshot().status).toBe('stopped');
});

test('what runs is removed only by force, with its output; what does not run is removed as it is', async () => {
	const { supervisor, processes, id, events, snapshot, stateDirectory } = supervise();
	await supervisor.start(id);
	expect(await faultOf(supervisor.remove(id))).toEqual({
		kind: 'running',
		name: 'ping',
		status: 'running',
		pid: processes.last.identity.pid,
	});
	expect(snapshot().desired).toBe('running');
	const directory = join(stateDirectory, 'logs', id);
	expect(existsSync(directory)).toBe(true);
	await supervisor.remove(id, { force: true });
	expect(existsSync(directory)).toBe(false);
	expect(events.at(-1)).toMatchObject({ kind: 'removed', id, name: 'ping' });
	expect(await faultOf(supervisor.start(id))).toEqual({ kind: 'not_found', id });
});

test('a removal that cannot be written down has removed nothing: the runtime is stopped, and takes commands', async () => {
	const { supervisor, journal, id, events, snapshot, stateDirectory } = supervise();
	await supervisor.start(id);
	const { removed } = journal;
	journal.removed = () => {
		throw new Error('the disk is full');
	};
	await expect(supervisor.remove(id, { force: true })).rejects.toThrow('the disk is full');
	expect(snapshot()).toMatchObject({ status: 'stopped', desired: 'stopped' });
	expect(existsSync(join(stateDirectory, 'logs', id))).toBe(true);
	await supervisor.start(id);
	expect(snapshot().status).toBe('running');
	journal.removed = removed;
	await supervisor.remove(id, { force: true });
	expect(events.at(-1)).toMatchObject({ kind: 'removed' });
});

test('a removal tries again to end what an earlier stop could not, and removes nothing while any of it lives', async () => {
	const { supervisor, clock, processes, journal, id, snapshot } = supervise();
	await supervisor.start(id);
	const undying = processes.last;
	undying.answer = () => 'ignore';
	const escaped = [{ pid: undying.identity.pid, command: 'fake' }];
	const incomplete = { kind: 'stop_incomplete', name: 'ping', escaped };
	for (const give of [
		() => supervisor.stop(id),
		() => supervisor.remove(id),
		() => supervisor.remove(id, { force: true }),
		() => supervisor.stop(id),
	]) {
		const refused = faultOf(give());
		await clock.advance(defaultStop.graceMs + killMs);
		expect(await refused).toEqual(incomplete);
		expect(snapshot()).toMatchObject({ status: 'stopped', escaped });
		expect(journal.load()).toHaveLength(1);
	}
	undying.answer = () => 'end';
	await supervisor.remove(id);
	expect({ living: processes.living, left: supervisor.list(), disowned: processes.disowned }).toEqual({
		living: [],
		left: [],
		disowned: [],
	});
});

test('what no stop can end is left behind by a removal that is told to, once a stop has told of it and another has tried', async () => {
	const { supervisor, clock, processes, journal, id, snapshot } = supervise();
	const remove = async () => {
		const removed = supervisor.remove(id, { force: true, leaveEscaped: true });
		const outcome = removed.then(
			({ escaped }) => escaped,
			(error: { fault?: SupervisorFault }) => error.fault?.kind,
		);
		await clock.advance(defaultStop.graceMs + killMs);
		return outcome;
	};
	const { processId = '' } = await supervisor.start(id);
	const undying = processes.last;
	undying.answer = () => 'ignore';
	expect(await remove()).toBe('stop_incomplete');
	expect(processes.disowned).toEqual([]);
	const { length } = undying.received;
	// where its record cannot be marked it would come back
	processes.disown = () => {
		throw new Error('the disk is full');
	};
	expect(await remove()).toBe('stop_incomplete');
	expect(snapshot()).toMatchObject({ status: 'stopped', escaped: [{ pid: undying.identity.pid }] });
	processes.disown = (one) => void processes.disowned.push(one);
	expect(await remove()).toEqual([{ pid: undying.identity.pid, command: 'fake' }]);
	expect(undying.received.length).toBeGreaterThan(length);
	expect({ disowned: processes.disowned, left: supervisor.list(), kept: journal.load() }).toEqual({
		disowned: [processId],
		left: [],
		kept: [],
	});
});

test('of several that are added at once all are, or none where one of them cannot be', async () => {
	const { supervisor, journal, id, spec, events } = supervise();
	const several = ['2', '3'].map((digit) => specOf({ id: `${id.slice(0, -1)}${digit}`, name: `ping-${digit}` }));
	const known = supervisor.list();
	const told = events.length;
	const { added } = journal;
	journal.added = () => {
		throw new Error('the disk is full');
	};
	expect(() => supervisor.add(...several)).toThrow('the disk is full');
	journal.added = added;
	expect(() => supervisor.add(...several, spec)).toThrow(expect.objectContaining({ fault: { kind: 'id_taken', id } }));
	const [first = spec] = several;
	expect(() => supervisor.add(...several, first)).toThrow(expect.objectContaining({ fault: { kind: 'id_taken', id: first.id } }));
	expect(supervisor.list()).toEqual(known);
	expect(events).toHaveLength(told);
	supervisor.add(...several);
	expect(events.slice(told)).toMatchObject(several.map((one) => ({ kind: 'added', id: one.id })));
	expect(journal.load()).toHaveLength(3);
});

test('an id is free again when nothing of its runtime is left, and not before', async () => {
	const { supervisor, id, spec, events } = supervise();
	const release = holdRemoval(supervisor.outputs);
	const removed = supervisor.remove(id);
	await settle();
	expect(() => supervisor.add(spec)).toThrow(expect.objectContaining({ fault: { kind: 'id_taken', id } }));
	expect(await faultOf(supervisor.start(id))).toEqual({ kind: 'superseded', name: 'ping', by: 'remove' });
	expect(supervisor.snapshot(id).status).toBe('stopped');
	release();
	await removed;
	expect(events.at(-1)).toMatchObject({ kind: 'removed' });
	supervisor.add(spec);
	await supervisor.start(id);
	expect(supervisor.snapshot(id).status).toBe('running');
});

test('a signal goes to the program alone, and to nobody before its pid is told or after its end', async () => {
	const { supervisor, processes, id } = supervise({ restart: { ...defaultRestart, when: 'no' } });
	const signal = (name: string) => faultOf((async () => supervisor.signal(id, name))());
	expect(await signal('SIGHUP')).toEqual({ kind: 'not_running', name: 'ping', status: 'stopped' });
	const started = supervisor.start(id);
	expect(await signal('SIGHUP')).toEqual({ kind: 'not_running', name: 'ping', status: 'starting' });
	await started;
	const child = processes.fork(processes.last, { inGroup: true });
	processes.last.answer = () => 'ignore';
	expect(supervisor.signal(id, 'SIGHUP')).toBe(processes.last.identity.pid);
	expect({ program: processes.last.received, child: child.received }).toEqual({ program: ['SIGHUP'], child: [] });
	expect(await signal('SIGNONE')).toEqual({ kind: 'unknown_signal', signal: 'SIGNONE' });
	processes.last.end({ kind: 'code', code: 0 });
	await settle();
	expect(await signal('SIGHUP')).toMatchObject({ kind: 'not_running', status: 'exited' });
});

test('an end by a signal that somebody has had sent by command is told as that', async () => {
	const { supervisor, processes, id, snapshot } = supervise({ restart: { ...defaultRestart, when: 'no' } });
	for (const name of ['SIGKILL', 'SIGUSR1'] as const) {
		await supervisor.start(id);
		supervisor.signal(id, name);
		await settle();
		expect(snapshot().lastExit).toMatchObject({ signal: name, by: 'itself', reason: 'sent by orch runtime signal' });
	}
	// the one before it is none of this one's
	await supervisor.start(id);
	processes.last.end({ kind: 'signal', signal: 'SIGUSR1', coreDumped: false });
	await settle();
	expect(snapshot().lastExit).toMatchObject({ signal: 'SIGUSR1', reason: undefined });
});

test('a process is ready once it says so, for as long as it lives', async () => {
	const { supervisor, events, id, end, snapshot } = supervise();
	await supervisor.start(id);
	expect(snapshot().ready).toBeUndefined();
	supervisor.markReady(id, 7);
	expect(snapshot().ready).toBeUndefined();
	supervisor.markReady(id, 1);
	supervisor.markReady(id, 1);
	expect(snapshot().ready).toBe(true);
	expect(events.filter(({ kind }) => kind === 'ready')).toEqual([expect.objectContaining({ id, generation: 1 })]);
	await end();
	expect(snapshot()).toMatchObject({ generation: 2, ready: undefined });
});

test('the journal knows of a process, and of the end of the one before, when its launch is asked for', async () => {
	const { supervisor, processes, journal, id, end } = supervise({ restart: { ...defaultRestart, when: 'always' } });
	const known: unknown[] = [];
	const launch = processes.launch.bind(processes);
	processes.launch = (request, signal) => {
		const memory = journal.load()[0]?.memory;
		known.push([request.generation, memory?.generation, memory?.settled, memory?.state.kind, memory?.lastExit?.code ?? null]);
		return launch(request, signal);
	};
	await supervisor.start(id);
	await end({ kind: 'code', code: 3 });
	expect(known).toEqual([
		[1, 1, 0, 'active', null],
		[2, 2, 1, 'active', 3],
	]);
});

test('while all are stopped, one that has given up does not try again, and the supervisor after remembers when it was to', async () => {
	const { supervisor, clock, processes, journal, id, end } = supervise({
		restart: { ...defaultRestart, failures: 1, retryEveryMs: 5_000 },
	});
	const slow = specOf({ id: `${id.slice(0, -1)}2`, name: 'slow' });
	supervisor.add(slow);
	await supervisor.start(id);
	await end();
	await supervisor.start(slow.id);
	processes.last.answer = (signal) => (signal === 'SIGKILL' ? 'end' : 'ignore');
	const stopped = supervisor.stopAll();
	await clock.advance(defaultStop.graceMs + 5_000);
	expect(await stopped).toEqual([]);
	expect(processes.launches).toHaveLength(2);
	expect(processes.living).toEqual([]);
	expect(journal.load().find(({ spec }) => spec.id === id)?.memory.state).toMatchObject({
		kind: 'failed',
		nextAt: expect.any(Number),
	});
});

test('a closed supervisor refuses commands, restarts nothing, and lets go of what runs', async () => {
	const { supervisor, clock, processes, id, end, snapshot } = supervise();
	await supervisor.start(id);
	await end();
	await end();
	expect(snapshot().status).toBe('backoff');
	await supervisor.close();
	expect(await faultOf(supervisor.start(id))).toEqual({ kind: 'closing' });
	await clock.advance(60_000);
	expect(processes.launches).toHaveLength(2);
	expect(clock.pending).toBe(0);
});

test('supervision 3.1.10: of 1,000 commands at random the last one holds, and never do two processes live at once', async () => {
	const { supervisor, clock, processes, id, snapshot } = supervise({
		restart: { ...defaultRestart, when: 'always', failures: 0 },
		stop: { signal: 'SIGTERM', graceMs: 40 },
	});
	const random = seededRandom(10);
	const below = (limit: number) => Math.floor(random.float() * limit);
	processes.delay = () => clock.sleep(below(20));
	let overlaps = 0;
	processes.onLaunch = ({ program }) => {
		overlaps += processes.living.length > 1 ? 1 : 0;
		// some end at once, some need the grace, some are killed
		const takesMs = below(60);
		program.answer = (signal) => {
			if (signal === 'SIGKILL') return 'end';
			clock.setTimer(takesMs, () => program.end({ kind: 'code', code: 0 }));
			return 'ignore';
		};
	};
	const commands = ['start', 'stop', 'restart'] as const;
	const outcomes: Promise<unknown>[] = [];
	let last: (typeof commands)[number] = 'stop';
	for (let sent = 0; sent < 1_000; sent++) {
		last = commands[below(3)] ?? 'stop';
		outcomes.push(
			supervisor[last](id).then(
				() => 'done',
				(error: { fault: SupervisorFault }) => error.fault.kind,
			),
		);
		if (below(2) === 0) await clock.advance(below(80));
		if (below(10) === 0) processes.living[0]?.end({ kind: 'code', code: below(2) });
	}
	await clock.advance(60_000);
	const settled = new Set(await Promise.all(outcomes));
	expect({ overlaps, status: snapshot().status, living: processes.living.length }).toEqual({
		overlaps: 0,
		status: last === 'stop' ? 'stopped' : 'running',
		living: last === 'stop' ? 0 : 1,
	});
	expect([...settled].sort()).toEqual(['done', 'superseded']);
	expect(processes.launches.length).toBeGreaterThan(100);
	await supervisor.stop(id, { graceMs: 0 });
	expect({ living: processes.living, sets: processes.registered.size }).toEqual({ living: [], sets: 0 });
});
