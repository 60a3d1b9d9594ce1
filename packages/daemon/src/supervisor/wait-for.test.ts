import { Publisher } from '@orch/base';
import { expect, test } from 'vitest';
import type { RuntimeSnapshot, SupervisorEvent } from './snapshot.ts';
import { defaultRestart } from './spec.ts';
import { type Goal, waitFor } from './wait-for.ts';

type Seen = Partial<RuntimeSnapshot> & Pick<RuntimeSnapshot, 'status'>;
const exit = (code: number): Seen => ({
	status: 'exited',
	lastExit: { code, signal: undefined, coreDumped: false, at: 0, by: 'itself', reason: undefined },
});
const retried: Seen = { status: 'failed', backoff: { failures: 5, of: 5, withinMs: 1, nextAt: 1, nextInMs: 1 } };

function wait(goal: Goal, first: Seen, signal?: AbortSignal) {
	const events = new Publisher<SupervisorEvent>((error) => {
		throw error;
	});
	const snapshotOf = (seen: Seen) => ({ desired: 'running', spec: { restart: defaultRestart }, ...seen }) as RuntimeSnapshot;
	let now: RuntimeSnapshot | undefined = snapshotOf(first);
	const outcome = waitFor({ events, id: 'one', name: 'web', goal, look: () => now, signal }).then(
		({ status }) => status,
		(error: { fault?: unknown }) => error.fault ?? error,
	);
	const become = (seen: Seen | undefined, id = 'one') => {
		now = seen && snapshotOf(seen);
		events.publish({ kind: 'added', id, name: 'web', at: 0 });
	};
	return { outcome, become, events };
}

test.each([
	['running', { status: 'running' }],
	['ready', { status: 'running', ready: true }],
	['stopped', { status: 'stopped' }],
	['stopped', exit(1)],
	['stopped', { status: 'failed' }],
	['succeeded', exit(0)],
] as const)('waiting for what is so already is over at once: %s, %o', async (goal, seen) => {
	const { outcome, events } = wait(goal, seen);
	expect(await outcome).toBe(seen.status);
	expect(events.size).toBe(0);
});

test.each([
	['running', { status: 'stopped' }],
	['running', { status: 'stopping', desired: 'stopped' }],
	['ready', exit(0)],
	['ready', { status: 'failed', reason: 'gave up' }],
	['succeeded', exit(1)],
	['succeeded', { status: 'stopped' }],
] as const)('what will not come by itself is said at once: %s, %o', async (goal, seen) => {
	const { outcome, events } = wait(goal, seen);
	expect(await outcome).toMatchObject({ kind: 'not_reached', name: 'web', goal, status: seen.status });
	expect(events.size).toBe(0);
});

test('what comes is waited for through whatever is on the way', async () => {
	const { outcome, become, events } = wait('ready', { status: 'waiting' });
	for (const seen of [{ status: 'starting' }, { status: 'running', ready: false }, { status: 'backoff' }, retried] as const)
		become(seen);
	become({ status: 'stopping' });
	expect(events.size).toBe(1);
	become({ status: 'running', ready: true });
	expect(await outcome).toBe('running');
	expect(events.size).toBe(0);
});

test('one that is removed has stopped, and will be nothing else', async () => {
	const stopped = wait('stopped', { status: 'running' });
	stopped.become({ status: 'stopping', desired: 'stopped' });
	stopped.become(undefined);
	expect(await stopped.outcome).toBe('stopping');
	const ready = wait('ready', { status: 'starting' });
	ready.become(undefined);
	expect(await ready.outcome).toEqual({ kind: 'not_found', id: 'one' });
});

test('whoever does not want to know any more is let go', async () => {
	const abort = new AbortController();
	const { outcome, events } = wait('ready', { status: 'starting' }, abort.signal);
	const reason = new Error('gone');
	abort.abort(reason);
	expect(await outcome).toBe(reason);
	expect(events.size).toBe(0);
});
