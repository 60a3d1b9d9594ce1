import { plain } from '@orch/base/text';
import type { WhyRuntime } from '@orch/protocol';
import { expect, it } from 'vitest';
import { nextOf, renderWhy } from './why.ts';

const now = Date.UTC(2026, 0, 1, 12);
const at = new Date(now - 12_000).toISOString();
const one = (name: string, wish: Partial<WhyRuntime>): WhyRuntime => ({
	depth: 0,
	need: null,
	id: '0195fc7b-33e6-70e3-bee1-ac515185fac7',
	name,
	status: 'running',
	desired: 'running',
	ready: null,
	reason: null,
	pid: null,
	uptimeMs: null,
	restarts: 0,
	waitsFor: [],
	lastExit: null,
	backoff: null,
	probes: [],
	scheduledAt: null,
	stderr: [],
	escaped: [],
	warnings: [],
	next: [],
	...wish,
});
const need = { runtime: 'db', condition: 'ready' } as const;
const exit = { code: 3, signal: null, coreDumped: false, at, by: 'itself', reason: null } as const;
const view = { style: plain, pretty: true, now, width: 100 };

it('shows the chain, each deeper than what waits for it, and what to type', () => {
	const chain = [
		one('web', { status: 'waiting', reason: 'waits for db: ready', waitsFor: [{ need, how: 'db has failed' }] }),
		one('db', {
			depth: 1,
			need,
			status: 'failed',
			ready: null,
			reason: 'gave up after 5 failures in 60s; last: exit code 3',
			lastExit: exit,
			backoff: { failures: 5, of: 5, withinMs: 60_000, nextAt: null, nextInMs: null },
			restarts: 4,
			probes: [
				{
					role: 'ready',
					check: 'tcp localhost:5432',
					good: false,
					isGated: false,
					answer: 'connection refused',
					fails: 7,
					failures: 3,
				},
				{ role: 'live', check: 'notify', good: null, isGated: true, answer: null, fails: 0, failures: 3 },
			],
			stderr: ['no data', 'the end'],
			next: ['orch logs db --stream stderr', 'orch start db'],
		}),
		one('cache', { depth: 1, need: { runtime: 'cache', condition: 'started' }, id: null, status: null, next: ['orch start db'] }),
	];
	expect(renderWhy(chain, view)).toBe(
		[
			'web  ◌ waiting',
			'  waits for  db: ready (db has failed)',
			'  db  ✗ failed  (needed: ready)',
			'    because     gave up after 5 failures in 60s; last: exit code 3',
			'    last end    exit code 3, 12s ago',
			'    failures    5 of 5 in 1m, parked until somebody starts it',
			'    restarts    4 since it was started',
			'    probes      ready tcp localhost:5432: connection refused, 7 failures in a row, failed',
			'                live notify: not asked before the startup probe has succeeded',
			'    last words  no data',
			'                the end',
			'  cache  there is no such runtime  (needed: started)',
			'',
			'next: orch logs db --stream stderr · orch start db',
			'',
		].join('\n'),
	);
	expect(nextOf(chain)).toEqual(['orch logs db --stream stderr', 'orch start db']);
});

it('says when the next try is, why a process was ended, and nothing that nobody has to know', () => {
	const backoff = { failures: 3, of: 5, withinMs: 60_000, nextAt: at, nextInMs: 8_000 };
	const lastExit = { ...exit, code: null, signal: 'SIGKILL', reason: 'killed by the kernel: out of memory' };
	const text = renderWhy([one('web', { status: 'backoff', backoff, lastExit })], { ...view, pretty: false });
	expect(text).toBe(
		[
			'web  backoff 8s',
			`  last end  SIGKILL (killed by the kernel: out of memory), ${at}`,
			'  failures  3 of 5 in 1m, next try in 8s',
			'',
		].join('\n'),
	);
	expect(renderWhy([one('web', { ready: true, pid: 42, uptimeMs: 5_000 })], view)).toBe(
		'web  ● running\n  ready    yes\n  running  pid 42, up 5s\n',
	);
});
