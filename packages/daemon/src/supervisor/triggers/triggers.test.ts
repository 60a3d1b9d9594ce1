import { silentLogger } from '@orch/base';
import { ManualClock, settle } from '@orch/base/testing';
import { expect, test } from 'vitest';
import type { RuntimeStatus } from '../snapshot.ts';
import { defaultRestart, defaultStop, type RuntimeSpec, type Schedule } from '../spec.ts';
import { Triggers } from './triggers.ts';
import type { OpenWatch } from './watch.ts';

const minute = 60_000;
const id = '01900000-0000-7000-8000-000000000001';

/** One runtime whose status is what the test says; due every full hour, an hour from now. */
function scheduled(schedule: Partial<Schedule>, wish: Partial<RuntimeSpec> = {}) {
	const clock = new ManualClock(Date.UTC(2026, 0, 1));
	const done: string[] = [];
	const now = { status: 'stopped' as RuntimeStatus, desired: 'stopped' as 'running' | 'stopped', uptimeMs: undefined };
	let failure: Error | undefined;
	const opened: Parameters<OpenWatch>[0][] = [];
	let open = 0;
	const triggers = new Triggers({
		clock,
		log: silentLogger,
		ownDirectory: '/state/',
		runtimes: {
			look: (asked) => (asked === id ? now : undefined),
			start: async () => {
				done.push('start');
				if (failure) throw failure;
			},
			restart: async (_id, reason) => void done.push(`restart: ${reason}`),
		},
		openWatch: (options) => {
			opened.push(options);
			open++;
			return { close: () => open-- };
		},
	});
	triggers.set({
		id,
		name: 'job',
		program: '/bin/job',
		args: [],
		cwd: '/',
		env: {},
		priority: 'normal',
		privileged: false,
		restart: defaultRestart,
		stop: defaultStop,
		schedule: { cron: '0 * * * *', timeZone: 'UTC', action: 'start', ...schedule },
		...wish,
	});
	return {
		clock,
		done,
		triggers,
		be(status: RuntimeStatus, desired: 'running' | 'stopped' = 'running') {
			Object.assign(now, { status, desired });
			triggers.observe(id);
		},
		fail: (error: Error) => {
			failure = error;
		},
		last: () => triggers.facts(id)?.schedule?.last,
		opened,
		open: () => open,
	};
}

test('what is scheduled to start is started when it is due, though nobody has started it before, and not at once', async () => {
	const { clock, done, triggers, last } = scheduled({});
	expect(triggers.facts(id)?.schedule).toEqual({ nextAt: Date.UTC(2026, 0, 1, 1), lastAt: undefined, last: undefined });
	await clock.advance(59 * minute);
	expect(done).toEqual([]);
	await clock.advance(minute);
	expect(done).toEqual(['start']);
	expect(last()).toBe('started');
	expect(triggers.facts(id)?.schedule).toMatchObject({ nextAt: Date.UTC(2026, 0, 1, 2), lastAt: Date.UTC(2026, 0, 1, 1) });
	triggers.close();
	expect(clock.pending).toBe(0);
});

test('one that still runs is left alone under skip, which is the default', async () => {
	const { clock, done, be, last } = scheduled({});
	be('running');
	await clock.advance(60 * minute);
	expect({ done, last: last() }).toEqual({ done: [], last: 'skipped: it was still running' });
	be('exited');
	await clock.advance(60 * minute);
	expect({ done, last: last() }).toEqual({ done: ['start'], last: 'started' });
});

test('under queue it is started once more when it has ended, once however often it was due', async () => {
	const { clock, done, be, last } = scheduled({ overlap: 'queue' });
	be('running');
	await clock.advance(180 * minute);
	expect({ done, last: last() }).toEqual({ done: [], last: 'queued: it was still running' });
	be('backoff');
	be('running');
	be('exited');
	expect({ done, last: last() }).toEqual({ done: ['start'], last: 'started from the queue' });
	be('running');
	be('exited');
	expect(done).toEqual(['start']);
});

test('who stops it stops what is queued, too', async () => {
	const { clock, done, be, last } = scheduled({ overlap: 'queue' });
	be('running');
	await clock.advance(60 * minute);
	be('stopping', 'stopped');
	be('stopped', 'stopped');
	expect({ done, last: last() }).toEqual({ done: [], last: 'queued, then stopped by a command' });
});

test('under replace it is restarted, with the reason', async () => {
	const { clock, done, be, last } = scheduled({ overlap: 'replace' });
	be('running');
	await clock.advance(60 * minute);
	expect({ done, last: last() }).toEqual({
		done: ['restart: scheduled for 0 * * * *'],
		last: 'replaced: it was still running',
	});
});

test('a scheduled restart is for what is wanted to run, and leaves alone what is stopped', async () => {
	const { clock, done, be, last } = scheduled({ action: 'restart' });
	await clock.advance(60 * minute);
	expect({ done, last: last() }).toEqual({ done: [], last: 'skipped: it is stopped' });
	be('running');
	await clock.advance(60 * minute);
	expect({ done, last: last() }).toEqual({ done: ['restart: scheduled for 0 * * * *'], last: 'restarted' });
});

test('a scheduled start that fails says so', async () => {
	const { clock, fail, last } = scheduled({});
	fail(new Error('no such file'));
	await clock.advance(60 * minute);
	await settle();
	expect(last()).toBe('failed: no such file');
});

test('files are watched while the runtime is wanted to run, and no longer', () => {
	const { be, open, triggers } = scheduled({}, { watch: { paths: ['/app'] } });
	expect(open()).toBe(0);
	be('starting');
	be('running');
	be('exited');
	expect(open()).toBe(1);
	be('stopping', 'stopped');
	expect(open()).toBe(0);
	be('running');
	expect(open()).toBe(1);
	triggers.remove(id);
	expect({ open: open(), facts: triggers.facts(id) }).toEqual({ open: 0, facts: undefined });
});

test('a watch that fails says so', () => {
	const { be, opened, triggers } = scheduled({}, { watch: { paths: ['/app'] } });
	be('running');
	opened[0]?.onError(new Error('no watches are left'));
	expect(triggers.facts(id)?.watch?.trouble).toBe('its files cannot be watched: no watches are left');
});
