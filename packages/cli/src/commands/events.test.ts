import type { DaemonEvent } from '@orch/protocol';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type FakeDaemon, startFakeDaemon } from '../testing/fake-daemon.ts';
import { runCli } from '../testing/run-cli.ts';

let daemon: FakeDaemon;
beforeAll(async () => {
	daemon = await startFakeDaemon();
});
afterAll(() => daemon[Symbol.asyncDispose]());
beforeEach(() => {
	daemon.events.length = 0;
	daemon.requests.length = 0;
});

const id = '01900000-0000-7000-8000-000000000001';
const event = (seq: number, over: Partial<DaemonEvent> = {}): DaemonEvent => ({
	seq,
	at: '2026-01-01T00:00:00.000Z',
	kind: 'changed',
	runtime: { id, name: 'worker' },
	from: 'starting',
	to: 'running',
	reason: null,
	pid: 4211,
	exit: null,
	uptimeMs: null,
	stderrTail: [],
	generation: 1,
	...over,
});
const counters = {
	received: 1_012,
	delivered: 12,
	deliveredBytes: 456,
	dropped: { link_removed: 1_000 },
	queued: 0,
	queuedBytes: 0,
	inFlight: 0,
};
const crash = event(2, {
	from: 'running',
	to: 'backoff',
	pid: null,
	reason: 'exit code 1',
	exit: { code: 1, signal: null, coreDumped: false, at: '2026-01-01T00:00:00.000Z', by: 'itself', reason: null },
	uptimeMs: 400,
	stderrTail: ['Error: connect ECONNREFUSED 127.0.0.1:6379', '    at \u001b[31mhere'],
});
const orch = (args: readonly string[], options = {}) => runCli(args, { socket: daemon.socket, env: { TZ: 'UTC' }, ...options });

describe('orch events', () => {
	it('are lines for people on a terminal, with last words that cannot drive it', async () => {
		daemon.events.push(
			event(1),
			crash,
			event(3, { from: 'running', to: 'stopping', reason: 'used 612 MiB, limit 512 MiB' }),
			event(4, { kind: 'link_added', runtime: null, reason: 'ping ─Ping→ pong' }),
			event(5, { kind: 'escaped', reason: 'pid 9 (sleep 60)' }),
			event(6, { kind: 'link_removed', runtime: null, reason: 'ping ─Ping→ pong', counters: { ...counters, dropped: {} } }),
			event(7, { kind: 'link_removed', runtime: null, reason: 'ping ─Pong→ pong', counters }),
		);
		const { out, code } = await orch(['events', '--no-follow'], { columns: 100, env: { NO_COLOR: '1' } });
		const lines = out.split('\n').map((line) => line.replace(/^\d\d:\d\d:\d\d/, 'hh:mm:ss'));
		expect(code).toBe(0);
		expect(lines).toEqual([
			'hh:mm:ss  worker        starting → running    pid 4211',
			'hh:mm:ss  worker        running → backoff     exit code 1 after 0.4s',
			'          │ Error: connect ECONNREFUSED 127.0.0.1:6379',
			'          │     at \\x1b[31mhere',
			'hh:mm:ss  worker        running → stopping    used 612 MiB, limit 512 MiB',
			'hh:mm:ss                link added            ping ─Ping→ pong',
			'hh:mm:ss  worker        escaped               still there: pid 9 (sleep 60)',
			'hh:mm:ss                link removed          ping ─Ping→ pong',
			'hh:mm:ss                link removed          ping ─Pong→ pong; 1000 waiting messages dropped',
			'',
		]);
	});

	it('are JSON Lines in a pipe, and say what was missed', async () => {
		daemon.events.push(event(7), crash);
		const { out } = await orch(['events', '--no-follow', '--since', '3']);
		expect(
			out
				.trim()
				.split('\n')
				.map((line) => JSON.parse(line) as object),
		).toEqual([{ missed: 3 }, event(7)]);
		expect(daemon.requests.at(-1)).toEqual({ operation: 'daemon.events', params: { since: 3, follow: false } });
	});

	it('follow until they are interrupted', async () => {
		const ran = orch(['events', '--json', '--since', '0'], {
			interrupt: (fire: (code?: number) => void) => {
				setImmediate(function wait() {
					if (daemon.requests.length === 0) setImmediate(wait);
					else {
						daemon.events.push(event(1));
						daemon.changed();
						interrupt = fire;
					}
				});
			},
			onOutput: () => interrupt?.(),
		});
		let interrupt: ((code?: number) => void) | undefined;
		expect(await ran).toMatchObject({ code: 130, out: `${JSON.stringify(event(1))}\n` });
	});

	it('ask for what was said: runtimes, kinds, so long ago', async () => {
		await orch(['events', 'worker', 'api', '--kind', 'changed', '--kind', 'ready', '--since', '5m', '--no-follow']);
		expect(daemon.requests.at(-1)?.params).toEqual({
			follow: false,
			sinceMs: 300_000,
			runtimes: ['worker', 'api'],
			kinds: ['changed', 'ready'],
		});
		expect(await orch(['events', '--since', 'yesterday'])).toMatchObject({
			code: 2,
			err: expect.stringContaining('the number of an event, such as 4121, or a time ago, such as 5m'),
		});
		expect(await orch(['events', '--kind', 'chagned'])).toMatchObject({ code: 2, err: expect.stringContaining('changed') });
	});
});
