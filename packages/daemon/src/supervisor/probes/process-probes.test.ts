import { ManualClock, settle } from '@orch/base/testing';
import { expect, test } from 'vitest';
import { createProcessSet } from '../process-set.ts';
import type { Probe, ProbeCheck, Probes } from '../spec.ts';
import type { ProbeTarget } from './checker.ts';
import { ProcessProbes, type ProcessProbesOptions } from './process-probes.ts';
import { FakeCheckers } from './testing/fake-checker.ts';

const http: ProbeCheck = { kind: 'http', url: 'http://localhost:3000/health' };
const tcp: ProbeCheck = { kind: 'tcp', port: 3000 };
const log: ProbeCheck = { kind: 'log', pattern: 'listening' };
const notify: ProbeCheck = { kind: 'notify' };
const every = (check: ProbeCheck, wish: Partial<Probe> = {}): Probe => ({ check, everyMs: 1_000, ...wish });

async function* nothing(): AsyncGenerator<Uint8Array> {}
const target: ProbeTarget = {
	set: createProcessSet({ processId: 'one', root: { pid: 100, startTicks: 1 }, outputDirectory: undefined }),
	cwd: '/',
	env: () => ({}),
	output: nothing,
	notes: nothing,
};

function probe(probes: Probes, known?: ProcessProbesOptions['known']) {
	const clock = new ManualClock();
	const checkers = new FakeCheckers();
	const said: string[] = [];
	const one = new ProcessProbes({
		probes,
		target,
		clock,
		checkerOf: checkers.of,
		known,
		onReady: (ready, reason) => said.push(`${ready ? 'ready' : 'not ready'}${reason === undefined ? '' : `: ${reason}`}`),
		onStarted: () => said.push('started'),
		onFailed: (role, reason) => said.push(`failed ${role}: ${reason}`),
	});
	one.begin();
	return {
		one,
		clock,
		checkers,
		said,
		/** Lets the next look come, and answers it. */
		async look(kind: ProbeCheck['kind'], ok: boolean) {
			if (!checkers.last(kind).isLooking) await clock.advance(clock.nextMs ?? 0);
			checkers.last(kind).answer(ok);
			await settle();
		},
	};
}

test('without probes nothing is known until the program says that it is ready', () => {
	const { one, said, clock } = probe({});
	expect([one.ready, clock.pending]).toEqual([undefined, 0]);
	one.said();
	one.said();
	expect([one.ready, said]).toEqual([true, ['ready']]);
});

test('ready is false until its probe succeeds, true after it, and false again once it has failed so many times', async () => {
	const { one, said, look, clock } = probe({ ready: every(http, { failures: 2 }) });
	expect(one.ready).toBe(false);
	await look('http', false);
	expect(said).toEqual([]);
	await look('http', true);
	expect([one.ready, said]).toEqual([true, ['ready']]);
	await look('http', false);
	expect(one.ready).toBe(true);
	await look('http', false);
	expect(one.ready).toBe(false);
	expect(said).toEqual([
		'ready',
		'not ready: ready probe failed: http http://localhost:3000/health: status 503, 2 times in a row',
	]);
	await look('http', true);
	expect(one.ready).toBe(true);
	one.close();
	expect(clock.pending).toBe(0);
});

test('the startup probe keeps the others from looking until it has succeeded', async () => {
	const { one, said, look, checkers, clock } = probe({
		startup: every(tcp),
		ready: every(http),
		live: every(http, { failures: 1 }),
	});
	await look('tcp', false);
	await clock.advance(0);
	expect(checkers.made.filter(({ looks }) => looks > 0).map(({ check }) => check.kind)).toEqual(['tcp']);
	expect(one.reports.map(({ role, isGated, good }) => ({ role, isGated, good }))).toEqual([
		{ role: 'startup', isGated: false, good: undefined },
		{ role: 'ready', isGated: true, good: undefined },
		{ role: 'live', isGated: true, good: undefined },
	]);
	await look('tcp', true);
	await clock.advance(0);
	expect([one.ready, one.isStarted, said]).toEqual([false, true, ['started']]);
	expect(checkers.made.map(({ looks }) => looks)).toEqual([2, 1, 1]);
});

test('a startup probe without a ready probe says when the runtime is ready', async () => {
	const { one, said, look } = probe({ startup: every(http) });
	expect(one.ready).toBe(false);
	await look('http', true);
	expect([one.ready, said]).toEqual([true, ['started', 'ready']]);
});

test('a startup probe that fails for good says so once, with the reason, and ends every look', async () => {
	const { one, said, look, clock, checkers } = probe({ startup: every(http, { failures: 2 }), live: every(tcp) });
	await look('http', false);
	await look('http', false);
	expect(said).toEqual(['failed startup: startup probe failed: http http://localhost:3000/health: status 503, 2 times in a row']);
	expect([clock.pending, checkers.made.every(({ isClosed }) => isClosed)]).toEqual([0, true]);
	one.said();
	expect(one.ready).toBe(false);
});

test('a live probe that fails says so with the last answer', async () => {
	const { said, look, clock } = probe({ live: every(http, { failures: 1 }) });
	await look('http', true);
	await look('http', false);
	expect(said).toEqual(['failed live: live probe failed: http http://localhost:3000/health: status 503']);
	expect(clock.pending).toBe(0);
});

test('a look that gives no answer within its time is a failure, and is called off', async () => {
	const { one, checkers, clock } = probe({ ready: every(http, { timeoutMs: 1_500 }) });
	await clock.advance(0);
	expect(checkers.last('http').isLooking).toBe(true);
	await clock.advance(1_500);
	expect([checkers.last('http').abandoned, one.reports[0]]).toMatchObject([1, { answer: 'no answer within 1.5s', fails: 1 }]);
	// it took longer than the interval: the next follows at once
	await clock.advance(0);
	expect(checkers.last('http').looks).toBe(2);
});

test('a log or notify probe waits as long as it takes, and its first success is the last word', async () => {
	const { one, checkers, clock, said } = probe({ ready: { check: log } });
	await clock.advance(3_600_000);
	expect([checkers.last('log').looks, clock.pending]).toEqual([1, 0]);
	checkers.last('log').answer(true);
	await settle();
	expect([one.ready, said, clock.pending]).toEqual([true, ['ready'], 0]);
	await clock.advance(3_600_000);
	expect(checkers.last('log').looks).toBe(1);
});

test('what the program says itself reaches every probe, and decides nothing where a probe of another kind does', () => {
	const { one, checkers } = probe({ startup: every(notify), ready: every(http), live: every(notify) });
	one.said();
	expect(checkers.made.map(({ saidCount }) => saidCount)).toEqual([1, 1, 1]);
	expect(one.ready).toBe(false);
});

test('looks that are under way end with the process', async () => {
	const { one, checkers, clock, said } = probe({ ready: every(http), live: every(tcp) });
	await clock.advance(0);
	one.close();
	await settle();
	expect(checkers.made.map(({ isLooking, abandoned, isClosed }) => [isLooking, abandoned, isClosed])).toEqual([
		[false, 1, true],
		[false, 1, true],
	]);
	expect([said, clock.pending]).toEqual([[], 0]);
});

test('probes of an adopted process go on from what was known of it', async () => {
	const { one, checkers, clock, look, said } = probe(
		{ startup: every(tcp), ready: every(http, { failures: 1 }) },
		{ started: true, ready: true },
	);
	expect(one.ready).toBe(true);
	await clock.advance(0);
	expect(checkers.made.map(({ check }) => check.kind)).toEqual(['http']);
	expect(one.reports.map(({ good, isGated }) => ({ good, isGated }))).toEqual([
		{ good: true, isGated: false },
		{ good: undefined, isGated: false },
	]);
	await look('http', true);
	expect(said).toEqual([]);
	await look('http', false);
	expect([one.ready, said.length]).toEqual([false, 1]);

	// what has been said once is not waited for again
	const heard = probe({ ready: every(notify) }, { started: true, ready: true });
	expect([heard.one.ready, heard.checkers.made.length, heard.one.reports[0]?.good]).toEqual([true, 0, true]);
});

test('supervision 3.1.22: a wall clock that jumps neither hurries a probe nor holds it up', async () => {
	const { one, checkers, clock, look } = probe({ ready: every(http) });
	await look('http', true);
	clock.jump(-3_600_000);
	await clock.advance(999);
	expect(checkers.last('http').looks).toBe(1);
	clock.jump(7_200_000);
	await clock.advance(1);
	expect(checkers.last('http').looks).toBe(2);
	one.close();
});
