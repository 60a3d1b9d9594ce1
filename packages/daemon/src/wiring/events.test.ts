import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Publisher, silentLogger } from '@orch/base';
import { ManualClock, settle } from '@orch/base/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EventLog } from '../control/index.ts';
import type { LastExit, RuntimeSnapshot, StatusChanged, SupervisorEvent } from '../supervisor/index.ts';
import { lastLines, tellOfLinks, tellOfRouter, tellOfRuntimes } from './events.ts';

let directory: string;
beforeEach(() => {
	directory = mkdtempSync(join(tmpdir(), 'orch-events-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const id = '01900000-0000-7000-8000-000000000001';
const at = Date.UTC(2026, 0, 1);

function told() {
	const stderrPath = join(directory, 'stderr.log');
	writeFileSync(stderrPath, '');
	const events = new EventLog({ log: silentLogger });
	const publisher = new Publisher<SupervisorEvent>(() => {});
	const snapshot = { startedAt: at - 400, stderrPath, lastExit: undefined as LastExit | undefined };
	const end = tellOfRuntimes({
		events,
		clock: new ManualClock(),
		supervisor: { events: publisher, find: () => snapshot as RuntimeSnapshot },
	});
	const change = (over: Partial<StatusChanged>) =>
		publisher.publish({
			kind: 'changed',
			id,
			name: 'worker',
			at,
			generation: 2,
			from: 'running',
			to: 'backoff',
			pid: undefined,
			reason: undefined,
			exit: undefined,
			...over,
		});
	return { events, publisher, change, snapshot, stderrPath, end, all: () => events.since(0, 100) };
}

const exit: LastExit = { code: 1, signal: undefined, coreDumped: false, at, by: 'itself', reason: undefined };

describe('events of runtimes', () => {
	it('tell of a failure how it ended, how long it had lived, and its last words', () => {
		const { change, stderrPath, all } = told();
		writeFileSync(stderrPath, 'of the process before\n');
		change({ from: 'backoff', to: 'starting' });
		appendFileSync(stderrPath, 'connecting\n\nError: connect ECONNREFUSED\n');
		change({ exit, reason: 'exit code 1' });
		expect(all()[1]).toEqual({
			seq: 2,
			at: '2026-01-01T00:00:00.000Z',
			kind: 'changed',
			runtime: { id, name: 'worker' },
			from: 'running',
			to: 'backoff',
			reason: 'exit code 1',
			pid: null,
			exit: { code: 1, signal: null, coreDumped: false, at: '2026-01-01T00:00:00.000Z', by: 'itself', reason: null },
			uptimeMs: 400,
			stderrTail: ['connecting', 'Error: connect ECONNREFUSED'],
			generation: 2,
		});
	});

	it('tell no last words where nothing failed', () => {
		const { change, stderrPath, all } = told();
		appendFileSync(stderrPath, 'a warning\n');
		change({ to: 'exited', exit: { ...exit, code: 0 } });
		change({ from: 'starting', to: 'running', pid: 7 });
		expect(all().map(({ stderrTail, pid }) => [stderrTail, pid])).toEqual([
			[[], null],
			[[], 7],
		]);
	});

	it('tell of one that was ended how it ended, once nothing of it is left', () => {
		const { change, snapshot, all } = told();
		change({ to: 'stopping', reason: 'used 612 MiB, limit 512 MiB' });
		snapshot.lastExit = { ...exit, code: undefined, signal: 'SIGTERM', by: 'stop', reason: 'used 612 MiB, limit 512 MiB' };
		change({ from: 'stopping', to: 'starting' });
		snapshot.startedAt = at + 1;
		change({ from: 'stopping', to: 'stopped' });
		expect(all().map(({ from, reason, exit: one, uptimeMs }) => [from, reason, one?.signal ?? null, uptimeMs])).toEqual([
			['running', 'used 612 MiB, limit 512 MiB', null, null],
			['stopping', 'used 612 MiB, limit 512 MiB', 'SIGTERM', 400],
			['stopping', null, null, null],
		]);
	});

	it('tell what has escaped, and end when asked to', () => {
		const { publisher, all, end } = told();
		publisher.publish({ kind: 'escaped', id, name: 'worker', at, escaped: [{ pid: 9, command: 'sleep 60' }] });
		expect(all()[0]).toMatchObject({ kind: 'escaped', reason: 'pid 9 (sleep 60)' });
		end();
		publisher.publish({ kind: 'added', id, name: 'worker', at });
		expect(all().length).toBe(1);
	});
});

describe('the last lines of a file', () => {
	it('are so many, so long, so many bytes, and whole', () => {
		const path = join(directory, 'x');
		writeFileSync(path, Array.from({ length: 100 }, (_, line) => `line ${line}\n`).join(''));
		expect(lastLines(path, 0)).toEqual(Array.from({ length: 30 }, (_, line) => `line ${line + 70}`));
		writeFileSync(path, `${'x'.repeat(100_000)}\nshort\n`);
		expect(lastLines(path, 0)).toEqual(['short']);
		writeFileSync(path, 'y'.repeat(600));
		expect(lastLines(path, 0)).toEqual(['y'.repeat(500)]);
	});

	it('are none of what was freed, and none of a file that is not there', () => {
		const path = join(directory, 'x');
		writeFileSync(path, `${'\0'.repeat(3000)}last\n`);
		expect(lastLines(path, 0)).toEqual(['last']);
		expect(lastLines(join(directory, 'none'), 0)).toEqual([]);
		// begun anew since
		expect(lastLines(path, 10_000_000)).toEqual(['last']);
	});
});

it('events of links name both ends, and tell of one that was removed what it had counted', async () => {
	const events = new EventLog({ log: silentLogger });
	const tell = tellOfLinks({ events, clock: new ManualClock() }, (runtime) => (runtime === id ? 'pong' : 'ping'));
	const link = { from: '*', type: 'Ping', to: id } as Parameters<typeof tell>[0]['link'];
	const counters = {
		received: 5,
		delivered: 2,
		deliveredBytes: 9,
		dropped: { link_removed: 3 },
		queued: 0,
		queuedBytes: 0,
		inFlight: 0,
	};
	tell({ kind: 'added', link });
	tell({ kind: 'removed', link: { ...link, from: 'x' }, counted: Promise.resolve(counters) });
	tell({ kind: 'removed', link, counted: Promise.resolve(undefined) });
	await settle();
	expect(events.since(0, 10).map(({ kind, reason, counters: told }) => [`${kind} ${reason}`, told])).toEqual([
		['link_added * ─Ping→ pong', undefined],
		['link_removed ping ─Ping→ pong', counters],
		['link_removed * ─Ping→ pong', undefined],
	]);
});

describe('events of the router', () => {
	it('tell that it is lost, who comes after it, and what is known to have gone with it', () => {
		const { events, all } = told();
		const tell = tellOfRouter({ events, clock: new ManualClock() });
		tell({ kind: 'lost', pid: 7 });
		tell({ kind: 'back', pid: 7, before: 7 });
		tell({ kind: 'back', pid: 8, before: 7 });
		tell({ kind: 'messages', count: 1 });
		expect(all().map(({ kind, pid, reason }) => [kind, pid, reason])).toEqual([
			['notice', 7, 'the router (pid 7) is lost: no message is carried until one is there again'],
			['notice', 7, 'the router (pid 7) is reached again, with all that it held'],
			['notice', 8, 'another router carries messages (pid 8): what the one before held is lost'],
			['notice', null, '1 message was lost with the router, as far as senders have told: router_lost in orch link stats'],
		]);
	});
});
