/** Runtimes that need each other and runtimes with probes, on processes that exist only here. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '@orch/base';
import { ManualClock, seededRandom, settle as settleOnce } from '@orch/base/testing';
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import type { SupervisorFault } from './faults.ts';
import { OutputStore } from './output/index.ts';
import { FakeCheckers } from './probes/testing/fake-checker.ts';
import type { SupervisorEvent } from './snapshot.ts';
import { defaultRestart, defaultStop, type Need, type Probe, type RuntimeSpec } from './spec.ts';
import { superviseBy } from './supervisor.ts';
import { FakeProcesses, statusesOf } from './testing/fake-launcher.ts';
import { createMemoryJournal } from './testing/memory-journal.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
	for (const clean of cleanups.splice(0).reverse()) await clean();
});

/** Launches that follow one another have longer chains of promises than one settling takes. */
async function settle(): Promise<void> {
	for (let round = 0; round < 5; round++) await settleOnce();
}

const need = (text: string): Need => {
	const [runtime = '', condition = 'started', onRestart] = text.split(':');
	return { runtime, condition: condition as Need['condition'], ...(onRestart && { onRestart: onRestart as 'restart' }) };
};
const byNotify: Probe = { check: { kind: 'notify' }, everyMs: 1_000 };
const byHttp: Probe = { check: { kind: 'http', url: 'http://localhost/health' }, everyMs: 1_000, failures: 1 };

function supervise(processes = new FakeProcesses(), journal = createMemoryJournal()) {
	const stateDirectory = mkdtempSync(join(tmpdir(), 'orch-needs-'));
	const clock = new ManualClock();
	const random = seededRandom(1);
	const checkers = new FakeCheckers();
	const supervisor = superviseBy({
		clock,
		random,
		log: silentLogger,
		stateDirectory,
		journal,
		prepare: () => ({ env: {}, ready: Promise.resolve() }),
		ended: () => {},
		launcher: processes,
		table: processes,
		adoption: processes,
		checkerOf: checkers.of,
		outputs: new OutputStore({ clock: new ManualClock(), random, log: silentLogger, stateDirectory }),
	});
	const events: SupervisorEvent[] = [];
	supervisor.events.subscribe((event) => events.push(event));
	cleanups.push(async () => {
		await supervisor.close();
		rmSync(stateDirectory, { recursive: true, force: true });
	});
	const idOf = (name: string) => {
		const found = supervisor.list().find(({ spec }) => spec.name === name);
		if (!found) throw new Error(`no runtime ${name}`);
		return found.spec.id;
	};
	const of = (name: string) => supervisor.snapshot(idOf(name));
	return {
		supervisor,
		processes,
		journal,
		clock,
		checkers,
		events,
		of,
		idOf,
		add(name: string, needs: readonly string[] = [], wish: Partial<RuntimeSpec> = {}) {
			supervisor.add({
				id: random.uuid(),
				name,
				program: '/bin/true',
				args: [],
				cwd: '/',
				env: {},
				priority: 'normal',
				privileged: false,
				restart: defaultRestart,
				stop: defaultStop,
				needs: needs.map(need),
				...wish,
			});
		},
		/** Commands, and whatever follows at once; a refusal is told, not thrown. */
		async command(verb: 'start' | 'stop' | 'restart', name: string): Promise<SupervisorFault | undefined> {
			let fault: SupervisorFault | undefined;
			supervisor[verb](idOf(name)).catch((error: { fault: SupervisorFault }) => {
				fault = error.fault;
			});
			await settle();
			return fault;
		},
		async end(name: string, code: number) {
			const process = processes.launches.findLast(({ request, program }) => request.runtimeName === name && program.alive);
			process?.program.end({ kind: 'code', code });
			await settle();
		},
		statuses: () => Object.fromEntries(supervisor.list().map(({ spec, status }) => [spec.name, status])),
		launchesOf: (name: string) => processes.launches.filter(({ request }) => request.runtimeName === name).length,
		async say(name: string) {
			const { spec, generation } = of(name);
			supervisor.markReady(spec.id, generation);
			await clock.advance(0);
			await settle();
		},
	};
}

describe('a runtime that needs others', () => {
	test('starts what it needs, in order, what is independent at the same time, each once', async () => {
		const { add, command, statuses, say, processes } = supervise();
		add('web', ['api:ready', 'cache']);
		add('api', ['db:ready'], { probes: { ready: byNotify } });
		add('db', [], { probes: { ready: byNotify } });
		add('cache');
		await command('start', 'web');
		expect(statuses()).toEqual({ web: 'waiting', api: 'waiting', db: 'running', cache: 'running' });
		await say('db');
		expect(statuses()).toEqual({ web: 'waiting', api: 'running', db: 'running', cache: 'running' });
		await say('api');
		expect(statuses()).toEqual({ web: 'running', api: 'running', db: 'running', cache: 'running' });
		expect(processes.launches).toHaveLength(4);
	});

	test('can be started alone, and says then what it waits for', async () => {
		const { add, supervisor, idOf, of, command } = supervise();
		add('web', ['db:ready', 'cache']);
		add('db');
		await expect(supervisor.start(idOf('web'), { withNeeds: false })).rejects.toMatchObject({
			fault: {
				kind: 'waits',
				reason: 'waits for db: ready, cache: started',
				how: ['db is stopped', "there is no runtime 'cache'"],
			},
		});
		expect(of('web')).toMatchObject({ status: 'waiting', desired: 'running', reason: 'waits for db: ready, cache: started' });
		// one that does not exist yet is waited for
		add('cache');
		await command('start', 'cache');
		await command('start', 'db');
		expect(of('web')).toMatchObject({ status: 'waiting', reason: 'waits for db: ready' });
		supervisor.markReady(idOf('db'), of('db').generation);
		await settle();
		expect(of('web').status).toBe('running');
	});

	test('waits for a job to succeed; one that has succeeded is not run again', async () => {
		const { add, command, of, end, launchesOf } = supervise();
		add('migrate', [], { restart: { ...defaultRestart, when: 'no' } });
		add('web', ['migrate:succeeded']);
		await command('start', 'web');
		expect([of('migrate').status, of('web').status]).toEqual(['running', 'waiting']);
		await end('migrate', 0);
		expect([of('migrate').status, of('web').status]).toEqual(['exited', 'running']);
		await command('stop', 'web');
		await command('start', 'web');
		expect([of('web').status, launchesOf('migrate')]).toEqual(['running', 1]);
	});

	test('is not worn out while what it needs is down: a restart by policy waits as well', async () => {
		const { add, command, of, end, say } = supervise();
		add('db', [], { probes: { ready: byNotify } });
		add('web', ['db:ready']);
		await command('start', 'web');
		await say('db');
		await command('stop', 'db');
		expect(of('web').status).toBe('running');
		await end('web', 1);
		expect(of('web')).toMatchObject({ status: 'waiting', reason: 'waits for db: ready', restarts: 0 });
		await command('start', 'db');
		await say('db');
		expect(of('web')).toMatchObject({ status: 'running', restarts: 1 });
	});

	test('hears at once that what it needs has failed for good, and goes on waiting', async () => {
		const { add, supervisor, idOf, of, end, clock, say, command } = supervise();
		add('db', [], { restart: { ...defaultRestart, failures: 1 }, probes: { ready: byNotify } });
		add('web', ['db:ready']);
		const started = supervisor.start(idOf('web')).catch((error: { fault: SupervisorFault }) => error.fault);
		await settle();
		await end('db', 3);
		expect(await started).toMatchObject({
			kind: 'waits',
			how: ['db has failed: gave up after 1 failure in 60s; last: exit code 3'],
		});
		await clock.advance(0);
		await command('start', 'db');
		await say('db');
		expect(of('web').status).toBe('running');
	});

	test('supervision 3.1.9: a stop while it waits is over at once, also the second time', async () => {
		const { add, command, of, clock, supervisor, idOf, say } = supervise();
		add('db', [], { probes: { ready: byNotify } });
		add('web', ['db:ready']);
		await command('start', 'web');
		expect(of('web').status).toBe('waiting');
		const since = clock.monotonicMs();
		expect((await supervisor.stop(idOf('web'))).status).toBe('stopped');
		expect((await supervisor.stop(idOf('web'))).status).toBe('stopped');
		expect(clock.monotonicMs()).toBe(since);
		await say('db');
		await clock.advance(60_000);
		expect(of('web')).toMatchObject({ status: 'stopped', desired: 'stopped', generation: 0 });
	});

	test('supervision 3.1.19: readiness that comes and goes loses no late dependent', async () => {
		const { add, command, of, statuses, clock, checkers } = supervise();
		add('db', [], { probes: { ready: byHttp } });
		add('early', ['db:ready']);
		add('late', ['db:ready', 'slow:ready']);
		add('slow', [], { probes: { ready: byNotify } });
		await command('start', 'early');
		await command('start', 'late');
		const look = async (ok: boolean) => {
			await clock.advance(1_000);
			checkers.last('http').answer(ok);
			await settle();
		};
		await look(true);
		expect(statuses()).toMatchObject({ db: 'running', early: 'running', late: 'waiting' });
		await look(false);
		expect(of('db').ready).toBe(false);
		const { spec, generation } = of('slow');
		// what it has waited for comes while the other is away
		checkers.last('notify').answer(true);
		await settle();
		expect([generation, spec.name, of('slow').ready, of('late').reason]).toEqual([1, 'slow', true, 'waits for db: ready']);
		await look(true);
		expect(statuses()).toMatchObject({ early: 'running', late: 'running' });
		// who runs is left alone when it goes again
		await look(false);
		expect(statuses()).toMatchObject({ early: 'running', late: 'running' });
	});

	test('supervision 3.1.20: restarted while it waits it stays waiting, and is launched once', async () => {
		const { add, command, of, say, launchesOf, events, idOf } = supervise();
		add('db', [], { probes: { ready: byNotify } });
		add('web', ['db:ready']);
		await command('start', 'web');
		for (let time = 0; time < 3; time++) {
			await command('restart', 'web');
			await command('start', 'web');
		}
		expect(of('web').status).toBe('waiting');
		await say('db');
		expect([of('web').status, launchesOf('web')]).toEqual(['running', 1]);
		expect(statusesOf(events.filter(({ id }) => id === idOf('web')))).toEqual(['waiting', 'starting', 'running']);
	});

	test('is refused where it would close a circle', () => {
		const { add, supervisor } = supervise();
		add('api', ['auth']);
		add('auth', ['db']);
		expect(() => add('db', ['api'])).toThrow('runtimes would need each other: db → api → auth → db');
		expect(supervisor.list()).toHaveLength(2);
		add('db');
	});
});

describe('when what is needed is restarted or stopped', () => {
	test.each(['keep', 'restart', 'stop'] as const)('a need with %s', async (onRestart) => {
		const { add, command, of, say, launchesOf, events, idOf } = supervise();
		add('db', [], { probes: { ready: byNotify } });
		add('web', [`db:ready:${onRestart}`]);
		await command('start', 'web');
		await say('db');
		expect(of('web').status).toBe('running');
		await command('restart', 'db');
		const expected = { keep: 'running', restart: 'waiting', stop: 'stopped' } as const;
		expect([of('db').status, of('web').status]).toEqual(['running', expected[onRestart]]);
		await say('db');
		expect([of('web').status, launchesOf('web')]).toEqual([
			onRestart === 'stop' ? 'stopped' : 'running',
			onRestart === 'restart' ? 2 : 1,
		]);
		if (onRestart === 'keep') return;
		const stopping = events.find((event) => event.kind === 'changed' && event.id === idOf('web') && event.to === 'stopping');
		expect(stopping).toMatchObject({ reason: 'db, which it needs, is being restarted' });
	});

	test('a crash of the needed one counts, its own good end does not', async () => {
		const { add, command, of, end, launchesOf } = supervise();
		add('init', [], { restart: { ...defaultRestart, when: 'on-failure' } });
		add('web', ['init:started:restart']);
		await command('start', 'web');
		await end('init', 0);
		expect([of('init').status, of('web').status, launchesOf('web')]).toEqual(['exited', 'running', 1]);
		await command('start', 'init');
		expect([of('web').status, launchesOf('web')]).toEqual(['running', 2]);
		await end('init', 1);
		expect([of('init').status, of('web').status, launchesOf('web')]).toEqual(['running', 'running', 3]);
	});

	test('restarts go through a chain, each of them once', async () => {
		const { add, command, statuses, launchesOf } = supervise();
		add('a');
		add('b', ['a:started:restart']);
		add('c', ['b:started:restart', 'a:started:restart']);
		await command('start', 'c');
		expect(statuses()).toEqual({ a: 'running', b: 'running', c: 'running' });
		await command('restart', 'a');
		expect(statuses()).toEqual({ a: 'running', b: 'running', c: 'running' });
		expect([launchesOf('a'), launchesOf('b'), launchesOf('c')]).toEqual([2, 2, 2]);
	});
});

test('all are stopped in the reverse order, what is independent at the same time', async () => {
	const { add, command, supervisor, processes, clock, say } = supervise();
	add('db', [], { probes: { ready: byNotify } });
	add('api', ['db:ready']);
	add('web', ['api']);
	add('cron', ['db']);
	await command('start', 'web');
	await say('db');
	await command('start', 'cron');
	const ended: string[] = [];
	for (const { request, program } of processes.launches) {
		program.answer = () => {
			clock.setTimer(100, () => {
				ended.push(request.runtimeName);
				program.end({ kind: 'code', code: 0 });
			});
			return 'ignore';
		};
	}
	const stopped = supervisor.stopAll();
	const pass = async () => {
		await settle();
		await clock.advance(100);
		await settle();
	};
	await pass();
	expect(new Set(ended)).toEqual(new Set(['web', 'cron']));
	await pass();
	expect(ended.slice(2)).toEqual(['api']);
	await pass();
	expect(ended.slice(3)).toEqual(['db']);
	expect(await stopped).toEqual([]);
});

/** Two that run, of which the one that is needed has to wait for its stop until the other one has taken its time. */
async function superviseSlow(wish: Partial<RuntimeSpec> = {}) {
	const supervised = supervise();
	const { add, command, processes } = supervised;
	add('db', [], wish);
	add('api', ['db']);
	await command('start', 'api');
	for (const { request, program } of processes.launches) {
		if (request.runtimeName === 'api') program.answer = (signal) => (signal === 'SIGKILL' ? 'end' : 'ignore');
	}
	return supervised;
}

test('a runtime that is removed before its turn comes keeps no other from being stopped', async () => {
	const { supervisor, idOf, clock, processes } = await superviseSlow();
	const stopped = supervisor.stopAll();
	await settle();
	await supervisor.remove(idOf('db'), { force: true });
	expect(processes.living).toHaveLength(1);
	await clock.advance(defaultStop.graceMs);
	await settle();
	expect(await stopped).toEqual([]);
	expect(processes.living).toEqual([]);
});

test('a runtime that is being removed while all are stopped is removed, and what it needs is stopped after it', async () => {
	const { supervisor, idOf, clock, statuses, processes } = await superviseSlow();
	const removed = supervisor.remove(idOf('api'), { force: true });
	const stopped = supervisor.stopAll();
	await clock.advance(defaultStop.graceMs);
	await settle();
	await removed;
	expect(await stopped).toEqual([]);
	expect(statuses()).toEqual({ db: 'stopped' });
	expect(processes.living).toEqual([]);
});

test('a runtime whose stop is a defect keeps no other from being stopped', async () => {
	const { supervisor, idOf, clock, journal, processes, add, command } = await superviseSlow();
	add('odd');
	await command('start', 'odd');
	const odd = processes.last;
	odd.answer = () => 'ignore';
	const { remembered } = journal;
	journal.remembered = (id, memory) => {
		if (id !== idOf('odd')) return remembered(id, memory);
		journal.remembered = remembered;
		throw new Error('a defect');
	};
	const stopped = supervisor.stopAll();
	let isOver = false;
	void stopped.finally(() => {
		isOver = true;
	});
	await settle();
	expect(isOver).toBe(false);
	await clock.advance(defaultStop.graceMs);
	await settle();
	expect(await stopped).toEqual([]);
	expect(processes.living).toEqual([odd]);
	// whom nobody waits for any more is nobody's failure
	await supervisor.close();
});

describe('while all are stopped, and one waits until what needs it has ended', () => {
	const retries = { ...defaultRestart, failures: 1, retryEveryMs: 5_000 };

	test.each([
		['in back-off', defaultRestart, 2],
		['that has given up, and tries again now and then', retries, 1],
	] as const)('one %s is not launched again', async (_how, restart, ends) => {
		const { supervisor, clock, end, of, launchesOf, processes } = await superviseSlow({ restart });
		for (let count = 0; count < ends; count++) await end('db', 1);
		expect(of('db').backoff?.nextInMs).toBeLessThan(defaultStop.graceMs);
		const launches = launchesOf('db');
		const stopped = supervisor.stopAll();
		await clock.advance(defaultStop.graceMs);
		await settle();
		expect(await stopped).toEqual([]);
		expect(launchesOf('db')).toBe(launches);
		expect(processes.living).toEqual([]);
	});

	test.each([
		['at once', defaultRestart],
		['in a moment', retries],
	] as const)('one that ends, and would be launched again %s, is not', async (_when, restart) => {
		const { supervisor, clock, end, launchesOf, statuses, processes } = await superviseSlow({ restart });
		const stopped = supervisor.stopAll();
		await end('db', 1);
		await clock.advance(defaultStop.graceMs);
		await settle();
		expect(await stopped).toEqual([]);
		expect(launchesOf('db')).toBe(1);
		expect(statuses()['api']).toBe('stopped');
		expect(processes.living).toEqual([]);
	});

	test('one that is being restarted is started by the next daemon, and not before', async () => {
		const { supervisor, idOf, of, clock, launchesOf, journal, processes } = await superviseSlow();
		const refused = supervisor.restart(idOf('db')).catch((error: { fault: SupervisorFault }) => error.fault);
		const stopped = supervisor.stopAll();
		await settle();
		expect(of('db')).toMatchObject({ status: 'waiting', reason: expect.stringContaining('orchd') });
		await clock.advance(defaultStop.graceMs);
		await settle();
		expect(await stopped).toEqual([]);
		expect(await refused).toMatchObject({ kind: 'superseded' });
		expect(launchesOf('db')).toBe(1);
		expect(processes.living).toEqual([]);
		expect(journal.load().find(({ spec }) => spec.name === 'db')?.memory).toMatchObject({ desired: 'running' });
	});
});

describe('probes of a runtime', () => {
	test('ready is told when it changes, and is false again for the next process', async () => {
		const { add, command, of, clock, checkers, events } = supervise();
		add('web', [], { probes: { ready: byHttp } });
		await command('start', 'web');
		expect(of('web').ready).toBe(false);
		await clock.advance(0);
		checkers.last('http').answer(true);
		await settle();
		expect(of('web')).toMatchObject({ ready: true, probes: [{ role: 'ready', good: true, answer: 'status 200' }] });
		await clock.advance(1_000);
		checkers.last('http').answer(false);
		await settle();
		expect(of('web').ready).toBe(false);
		await clock.advance(1_000);
		checkers.last('http').answer(true);
		await settle();
		await command('restart', 'web');
		expect(of('web')).toMatchObject({ generation: 2, ready: false });
		await command('stop', 'web');
		expect(of('web').ready).toBeUndefined();
		expect(events.flatMap((event) => (event.kind === 'ready' || event.kind === 'unready' ? [event] : []))).toMatchObject([
			{ kind: 'ready', generation: 1 },
			{ kind: 'unready', generation: 1, reason: 'ready probe failed: http http://localhost/health: status 503' },
			{ kind: 'ready', generation: 1 },
		]);
		expect([clock.pending, checkers.made.every(({ isClosed }) => isClosed)]).toEqual([0, true]);
	});

	test('a live probe that fails restarts by policy, with the reason in status, events and last exit', async () => {
		const { add, command, of, clock, checkers, events } = supervise();
		add('web', [], { probes: { live: byHttp } });
		await command('start', 'web');
		await clock.advance(0);
		checkers.last('http').answer(false);
		await settle();
		const reason = 'live probe failed: http http://localhost/health: status 503';
		expect(of('web')).toMatchObject({ status: 'running', generation: 2, restarts: 1, lastExit: { by: 'stop', reason } });
		const told = events.flatMap((event) =>
			event.kind === 'changed' && event.reason !== undefined ? [[event.to, event.reason]] : [],
		);
		expect(told).toEqual([['stopping', reason]]);
		await clock.advance(0);
		checkers.last('http').answer(false);
		await settle();
		expect(of('web')).toMatchObject({ status: 'backoff', reason });
	});

	test('a startup probe that fails for good ends the process as a failure', async () => {
		const { add, command, of, clock, checkers } = supervise();
		checkers.always = { ok: false, text: 'connection refused' };
		const startup: Probe = { check: { kind: 'tcp', port: 5432 }, everyMs: 100, failures: 3 };
		add('db', [], { probes: { startup }, restart: { ...defaultRestart, when: 'no' } });
		await command('start', 'db');
		await clock.advance(199);
		expect(of('db').status).toBe('running');
		await clock.advance(1);
		expect(of('db')).toMatchObject({
			status: 'failed',
			reason: 'startup probe failed: tcp localhost:5432: connection refused, 3 times in a row',
			probes: [{ role: 'startup', good: false, fails: 3, failures: 3 }],
		});
	});

	test('a program that says that it is ready before it is known to run has said so', async () => {
		const { add, of, processes, supervisor, idOf, checkers, clock } = supervise();
		add('web', [], { probes: { ready: byNotify } });
		processes.delay = async () => supervisor.markReady(idOf('web'), 1);
		await supervisor.start(idOf('web'));
		expect([of('web').ready, checkers.last('notify').saidCount]).toEqual([false, 1]);
		await clock.advance(0);
		expect(of('web').ready).toBe(true);
	});

	test('a probe that could never succeed is refused', () => {
		const { add } = supervise();
		const log = (pattern: string): Partial<RuntimeSpec> => ({ probes: { ready: { check: { kind: 'log', pattern } } } });
		expect(() => add('web', [], log('ready ('))).toThrow('the ready probe: Invalid regular expression');
		expect(() => add('web', [], { probes: { live: { check: { kind: 'http', url: 'http://[' } } } })).toThrow('is not a URL');
		add('web', [], log('^ready'));
	});

	test('an adopted process that has started up is not asked for that again, ready or not', async () => {
		const first = supervise();
		const startup: Probe = { check: { kind: 'tcp', port: 1 }, everyMs: 1_000, failures: 1 };
		first.add('db', [], { probes: { startup, ready: byHttp } });
		await first.command('start', 'db');
		await first.clock.advance(0);
		first.checkers.last('tcp').answer(true);
		await settle();
		await first.clock.advance(0);
		first.checkers.last('http').answer(false);
		await settle();
		expect(first.of('db')).toMatchObject({ ready: false, status: 'running' });
		await first.supervisor.close();

		const { supervisor, of, clock, checkers } = supervise(first.processes, first.journal);
		await supervisor.restore();
		supervisor.resume();
		await clock.advance(0);
		expect(checkers.made.map(({ check }) => check.kind)).toEqual(['http']);
		checkers.last('http').answer(true);
		await settle();
		expect(of('db')).toMatchObject({ ready: true, generation: 1 });
	});

	test('go on for a process that is adopted, from what was known of it', async () => {
		const first = supervise();
		first.add('db', [], { probes: { ready: byHttp, live: { ...byHttp, check: { kind: 'tcp', port: 1 } } } });
		first.add('web', ['db:ready']);
		await first.command('start', 'web');
		await first.clock.advance(0);
		first.checkers.last('http').answer(true);
		await settle();
		expect(first.statuses()).toEqual({ db: 'running', web: 'running' });
		await first.supervisor.close();

		const { supervisor, of, clock, checkers, statuses } = supervise(first.processes, first.journal);
		await supervisor.restore();
		supervisor.resume();
		await settle();
		expect([of('db').ready, statuses()]).toEqual([true, { db: 'running', web: 'running' }]);
		await clock.advance(0);
		checkers.last('http').answer(false);
		await settle();
		expect(of('db')).toMatchObject({ ready: false, generation: 1, probes: [{ answer: 'status 503' }, { role: 'live' }] });
	});
});

describe('why a runtime is as it is', () => {
	test('tells what it waits for, and what that waits for, down to what somebody has to do', async () => {
		const { add, command, supervisor, idOf, end, clock } = supervise();
		add('web', ['api:ready', 'cache:ready']);
		add('api', ['db:ready'], { probes: { ready: byNotify } });
		add('db', [], { restart: { ...defaultRestart, failures: 1 }, probes: { ready: byNotify } });
		await command('start', 'web');
		await end('db', 3);
		await clock.advance(0);
		const chain = await supervisor.why(idOf('web'));
		expect(chain.map(({ depth, name, snapshot, need }) => [depth, name, snapshot?.status, need?.condition])).toEqual([
			[0, 'web', 'waiting', undefined],
			[1, 'api', 'waiting', 'ready'],
			[2, 'db', 'failed', 'ready'],
			[1, 'cache', undefined, 'ready'],
		]);
		expect(chain.map(({ waitsFor }) => waitsFor.map(({ how }) => how))).toEqual([
			['api waits, too', "there is no runtime 'cache'"],
			['db has failed: gave up after 1 failure in 60s; last: exit code 3'],
			[],
			[],
		]);
		expect(chain.map(({ next }) => next)).toEqual([
			[],
			[],
			['orch logs db --stream stderr', 'orch start db'],
			['orch runtime add PROGRAM --name cache'],
		]);
	});

	test('tells its probes with their last answers, its waits and its last end', async () => {
		const { add, command, supervisor, idOf, clock, checkers, end } = supervise();
		checkers.always = { ok: false, text: 'connection refused' };
		add('web', [], { probes: { ready: byHttp } });
		await command('start', 'web');
		await clock.advance(0);
		await settle();
		const [running] = await supervisor.why(idOf('web'));
		expect(running).toMatchObject({
			snapshot: { ready: false, probes: [{ check: 'http http://localhost/health', answer: 'connection refused', good: false }] },
			next: ['orch logs web --stream stderr', 'orch logs web -f'],
		});
		await end('web', 1);
		await end('web', 1);
		const [waits] = await supervisor.why(idOf('web'));
		expect(waits?.snapshot).toMatchObject({
			status: 'backoff',
			lastExit: { code: 1 },
			backoff: { failures: 2, of: 5, withinMs: 60_000 },
		});
	});
});

/** How often each may be asked for something in a history. */
const names = ['a', 'b', 'c', 'd', 'e', 'f'];
const shape = fc.array(fc.uniqueArray(fc.nat(5), { maxLength: 3 }), { minLength: 6, maxLength: 6 });
const step = fc.record({
	verb: fc.constantFrom('start', 'stop', 'restart', 'end', 'crash', 'ready', 'unready', 'wait'),
	at: fc.nat(5),
});

test('in any graph and any history order holds, and nobody waits for ever for what is there', async () => {
	await fc.assert(
		fc.asyncProperty(
			shape,
			fc.array(fc.constantFrom('started', 'ready'), { minLength: 6, maxLength: 6 }),
			fc.array(step, { maxLength: 40 }),
			async (needs, conditions, history) => {
				const house = supervise();
				const { add, command, of, end, clock, checkers, supervisor } = house;
				const needsOf = (at: number) => (needs[at] ?? []).filter((to) => to < at);
				const conditionOf = (to: number) => conditions[to] ?? 'started';
				// in any order of being added
				for (const at of [3, 0, 5, 1, 4, 2]) {
					add(
						names[at] ?? '',
						needsOf(at).map((to) => `${names[to]}:${conditionOf(to)}`),
						{
							probes: { ready: { ...byHttp, everyMs: 50 } },
							restart: { ...defaultRestart, failures: 0, capMs: 500 },
						},
					);
				}
				/** Each is launched only when what it needs is there: seen at the change to starting, before anything else happens. */
				supervisor.events.subscribe((event) => {
					if (event.kind !== 'changed' || event.to !== 'starting') return;
					for (const to of needsOf(names.indexOf(event.name))) {
						const { status, ready } = of(names[to] ?? '');
						expect([event.name, names[to], status, conditionOf(to) === 'started' || ready]).toEqual([
							event.name,
							names[to],
							'running',
							true,
						]);
					}
				});
				const answer = async (ok: boolean, only?: string) => {
					await clock.advance(50);
					for (const checker of checkers.made) if (checker.isLooking && (only === undefined || ok)) checker.answer(ok);
					await settle();
				};
				for (const { verb, at } of history) {
					const name = names[at] ?? '';
					if (verb === 'end') await end(name, 0);
					else if (verb === 'crash') await end(name, 1);
					else if (verb === 'ready') await answer(true);
					else if (verb === 'unready') await answer(false);
					else if (verb === 'wait') await clock.advance(700);
					else await command(verb, name);
				}
				// from here on all is well with what was asked to run, and all that those need
				for (const name of names) if (of(name).desired === 'running') await command('start', name);
				for (let round = 0; round < 30; round++) await answer(true);
				for (const name of names) {
					const { status, desired } = of(name);
					expect([name, status, house.statuses()]).toEqual([
						name,
						desired === 'running' ? 'running' : 'stopped',
						house.statuses(),
					]);
				}
				await supervisor.close();
			},
		),
		{ seed: 3, numRuns: 60 },
	);
}, 120_000);

describe('a runtime with another spec', () => {
	test('keeps its process, and is restarted by its new policy', async () => {
		const { add, command, supervisor, of, end, journal, launchesOf } = supervise();
		add('api');
		await command('start', 'api');
		const { spec } = of('api');
		supervisor.respecify({ ...spec, args: ['--fast'], restart: { ...defaultRestart, when: 'no' } });
		expect(of('api')).toMatchObject({ status: 'running', generation: 1, spec: { args: ['--fast'] } });
		expect(journal.load()[0]?.spec).toMatchObject({ args: ['--fast'] });
		await end('api', 1);
		expect(of('api').status).toBe('exited');
		await command('start', 'api');
		expect(launchesOf('api')).toBe(2);
	});

	test('is looked at by its new probes at once', async () => {
		const { add, command, supervisor, of, checkers } = supervise();
		add('api');
		await command('start', 'api');
		expect(checkers.made).toHaveLength(0);
		supervisor.respecify({ ...of('api').spec, probes: { ready: byHttp } });
		await settle();
		expect(checkers.last('http')).toBeDefined();
	});

	test('waits for what it needs now, and no longer for what it needed before', async () => {
		const { add, command, supervisor, of, idOf, statuses } = supervise();
		add('db');
		add('api', ['nobody']);
		await command('start', 'api');
		expect(statuses()).toEqual({ db: 'stopped', api: 'waiting' });
		supervisor.respecify({ ...of('api').spec, needs: [] });
		await settle();
		expect(statuses()).toEqual({ db: 'stopped', api: 'running' });
		supervisor.respecify({ ...of('db').spec, needs: [need('api:ready')] });
		expect(() => supervisor.respecify({ ...of('api').spec, needs: [need('db')] })).toThrow();
		expect(supervisor.toStartFor(idOf('db'))).toEqual([]);
	});
});
