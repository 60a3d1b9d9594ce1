/** Runtimes and links as `orch top` is told of them, for its tests. */
import type { RuntimeInfo } from '@orch/protocol';
import type { Links } from './model.ts';

const at = '2026-01-01T00:00:00.000Z';
const MiB = 2 ** 20;

export const idOf = (name: string): string =>
	`0195fc7b-33e6-70e3-bee1-${Buffer.from(name.padEnd(6)).toString('hex').slice(0, 12)}`;

export const runtime = (name: string, over: Partial<RuntimeInfo> = {}): RuntimeInfo =>
	({
		id: idOf(name),
		shortId: 'a3f10000',
		name,
		status: 'running',
		desired: 'running',
		ready: null,
		reason: null,
		pid: 4300,
		generation: 1,
		restarts: 0,
		startedAt: at,
		uptimeMs: 8_040_000,
		usage: { cpuPercent: 1, memoryBytes: 10 * MiB, processes: 1, at },
		lastExit: null,
		backoff: null,
		command: `/srv/bin/${name}`,
		args: [],
		cwd: '/srv',
		priority: 'normal',
		privileged: false,
		restart: {
			when: 'on-failure',
			firstMs: 500,
			capMs: 30_000,
			failures: 5,
			withinMs: 60_000,
			retryEveryMs: null,
			healthyMs: 60_000,
		},
		stop: { signal: 'SIGTERM', graceMs: 10_000 },
		options: {},
		group: null,
		addedAt: at,
		escaped: [],
		warnings: [],
		...over,
	}) as RuntimeInfo;

const resting = { pid: null, uptimeMs: null, usage: null } as const;

/** One of each kind. */
export const some: readonly RuntimeInfo[] = [
	runtime('api', { usage: { cpuPercent: 3.14, memoryBytes: 84 * MiB, processes: 3, at }, ready: true }),
	runtime('db', {
		usage: { cpuPercent: 0.4, memoryBytes: 412 * MiB, processes: 6, at },
		uptimeMs: 8_100_000,
		startedAt: '2025-12-31T23:59:00.000Z',
	}),
	runtime('worker', {
		...resting,
		status: 'backoff',
		restarts: 7,
		reason: 'exit code 1',
		backoff: { failures: 3, of: 5, withinMs: 60_000, nextAt: at, nextInMs: 12_000 },
	}),
	runtime('migrate', {
		...resting,
		status: 'exited',
		lastExit: { code: 0, signal: null, coreDumped: false, at, by: 'itself', reason: null },
	}),
	runtime('cache', { ...resting, status: 'failed', reason: 'gave up after 5 failures in 60s; last: exit code 1' }),
];

export const links: Links = {
	links: [
		{
			id: idOf('link'),
			shortId: 'a3f10000',
			from: { id: idOf('api'), name: 'api' },
			type: 'Job',
			to: { id: idOf('worker'), name: 'worker' },
			queueMessages: 1024,
			queueBytes: 8_388_608,
			overflow: 'block',
			whileDown: 'drop',
			addedAt: at,
			notices: [],
			counters: { received: 12, delivered: 0, deliveredBytes: 0, dropped: {}, queued: 12, queuedBytes: 456, inFlight: 0 },
			messagesPerSecond: 2,
			bytesPerSecond: 76,
			latencyP50Ms: 0.2,
			latencyP99Ms: 0.9,
			lastAt: at,
			blocking: false,
		},
	],
	unrouted: [{ from: { id: idOf('api'), name: 'api' }, type: 'Debug', count: 71, messagesPerSecond: 1, lastAt: at }],
	faults: [{ runtime: { id: idOf('api'), name: 'api' }, counts: { truncated: 1 } }],
};
