import { ManualClock, until } from '@orch/base/testing';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { type FakeDaemon, startFakeDaemon } from '../testing/fake-daemon.ts';
import { type RunOptions, runCli } from '../testing/run-cli.ts';

const daemon: FakeDaemon = await startFakeDaemon();
afterAll(() => daemon[Symbol.asyncDispose]());

const orch = (line: string, options: RunOptions = {}) => runCli(line.split(' '), { socket: daemon.socket, ...options });
const nothing = { received: 0, delivered: 0, deliveredBytes: 0, dropped: {}, queued: 0, queuedBytes: 0, inFlight: 0 };

beforeEach(() => {
	daemon.links.length = 0;
	daemon.unrouted.length = 0;
	daemon.faults.length = 0;
	daemon.requests.length = 0;
	daemon.runtimes.clear();
	for (const name of ['ping', 'pong']) daemon.addRuntime(name);
	daemon.addLink('ping', 'Ping', 'pong');
	daemon.addLink('pong', 'Pong', 'ping');
	daemon.unrouted.push({
		from: { id: 'x', name: 'ping' },
		type: 'Debug',
		count: 71,
		messagesPerSecond: 1,
		lastAt: '2026-01-01T02:13:59.000Z',
	});
});

/** The first column of each row. */
const rowsOf = (out: string): string[] =>
	out
		.trimEnd()
		.split('\n')
		.slice(1)
		.map((line) => line.split('  ')[0] as string);

describe('orch link stats LINK…', () => {
	it('shows the links that are named, each once, and nothing that is of no link', async () => {
		expect(rowsOf((await orch('link stats')).out)).toEqual(['ping ─Ping→ pong', 'pong ─Pong→ ping', '(unrouted) ping Debug']);
		expect(rowsOf((await orch('link stats 7c1e0901')).out)).toEqual(['pong ─Pong→ ping']);
		expect(rowsOf((await orch('link stats 7c1e0901 7c1e0900 7c1e0901')).out)).toEqual(['ping ─Ping→ pong', 'pong ─Pong→ ping']);
		expect(JSON.parse((await orch('link stats 7c1e0900 --json')).out)).toEqual({
			links: [daemon.links[0]],
			unrouted: [],
			faults: [],
		});
	});

	it('refuses one that is not there, several of a prefix, and ids beside names of runtimes', async () => {
		expect(await orch('link stats beef')).toMatchObject({ code: 4, out: '', err: expect.stringContaining("no link 'beef'") });
		expect(await orch('link stats 7c1e')).toMatchObject({ code: 7, err: expect.stringContaining("'7c1e' matches 2 links") });
		expect(await orch('link stats 7c1e0900 --from ping')).toEqual({
			code: 2,
			out: '',
			err: 'orch: links are named by their ids, or by --from, --type and --to, not by both\nhint: orch help link stats\n',
		});
	});
});

describe('orch link stats --window', () => {
	const windows = () => daemon.requests.map(({ params }) => (params as { windowSeconds?: number }).windowSeconds);

	it('asks the router for as long as it remembers, and says nothing of it where it is not given', async () => {
		await orch('link stats');
		await orch('link stats --window 3s');
		await orch('link stats --window 10s --type Ping');
		expect(windows()).toEqual([undefined, 3, 10]);
	});

	it('waits for the rest of a longer one, and averages over all of it', async () => {
		const perSecond = [100, 40, 10];
		const restore = daemon.override('link.stats', async ({ windowSeconds }) => {
			const messagesPerSecond = perSecond[windows().length - 1] ?? 0;
			const [first, second] = daemon.links.map((link) => ({ ...link, messagesPerSecond, bytesPerSecond: windowSeconds ?? 0 }));
			// the second link was added in the middle of it
			return {
				links: [first, ...(windows().length > 1 ? [second] : [])].filter((link) => link !== undefined),
				unrouted: daemon.unrouted,
				faults: [],
			};
		});
		const clock = new ManualClock(0);
		const ran = orch('link stats --window 25s --json', { clock });
		for (const [asked, ms] of [
			[1, 10_000],
			[2, 5_000],
		] as const) {
			await until('the wait', () => windows().length === asked && clock.pending === 1);
			await clock.advance(ms);
		}
		const { code, out } = await ran;
		restore();
		expect(code).toBe(0);
		expect(windows()).toEqual([10, 10, 5]);
		const { links, unrouted } = JSON.parse(out) as {
			links: { messagesPerSecond: number; bytesPerSecond: number }[];
			unrouted: { messagesPerSecond: number }[];
		};
		expect(links.map(({ messagesPerSecond, bytesPerSecond }) => [messagesPerSecond, bytesPerSecond])).toEqual([
			[(100 * 10 + 40 * 10 + 10 * 5) / 25, 9],
			[(40 * 10 + 10 * 5) / 25, 5],
		]);
		expect(unrouted.map(({ messagesPerSecond }) => messagesPerSecond)).toEqual([1]);
	});

	it('ends at Ctrl-C while it waits', async () => {
		const clock = new ManualClock(0);
		let interrupt: (() => void) | undefined;
		const ran = orch('link stats --window 1m', {
			clock,
			interrupt: (fire) => {
				interrupt = fire;
			},
		});
		await until('the wait', () => clock.pending === 1);
		interrupt?.();
		expect(await ran).toMatchObject({ code: 130, out: '' });
		expect(clock.pending).toBe(0);
	});

	it('is of whole seconds, up to an hour, and with --watch one that need not be waited for', async () => {
		for (const wrong of ['500ms', '1500ms', '2h', '10', 'long'])
			expect(await orch(`link stats --window ${wrong}`)).toMatchObject({ code: 2, out: '' });
		expect((await orch('link stats --window 90m')).err).toContain('whole seconds, from 1s to 1h');
		expect(await orch('link stats -w --window 30s')).toEqual({
			code: 2,
			out: '',
			err: 'orch: --watch looks every second, so its --window is one that need not be waited for: 10s at most\nhint: orch help link stats\n',
		});
	});
});

describe('the mark of a queue', () => {
	const mark = async (over: Partial<typeof nothing>, link: object = {}) => {
		daemon.links.length = 0;
		daemon.addLink('ping', 'Ping', 'pong', { counters: { ...nothing, ...over }, ...link });
		return (await orch('link stats')).out.includes('▲');
	};

	it('stands where it is nearly full, by messages or by bytes', async () => {
		expect(await mark({ queued: 819, inFlight: 1 })).toBe(false);
		expect(await mark({ queued: 820, inFlight: 1 })).toBe(true);
		expect(await mark({ queued: 2, queuedBytes: 800, inFlight: 1 }, { queueBytes: 1000 })).toBe(true);
	});

	it('stands where nobody is there to take from it, and not on one that is empty', async () => {
		expect(await mark({ queued: 12 })).toBe(true);
		expect(await mark({ queued: 0 })).toBe(false);
	});

	it('does not stand on one that keeps only the latest message', async () => {
		expect(await mark({ queued: 1 }, { overflow: 'latest', queueMessages: 1 })).toBe(false);
	});

	it('stands with --watch where it has grown since the last look', async () => {
		daemon.links.length = 0;
		const counters = { ...nothing, queued: 5, inFlight: 3 };
		daemon.addLink('ping', 'Ping', 'pong', { counters });
		const clock = new ManualClock(0);
		let interrupt: (() => void) | undefined;
		let seen = '';
		const ran = orch('link stats -w --window 1s', {
			clock,
			onOutput: (text) => {
				seen = text;
			},
			interrupt: (fire) => {
				interrupt = fire;
			},
		});
		const marks: boolean[] = [];
		for (const queued of [5, 9, 9, 4]) {
			counters.queued = queued;
			const before = seen.length;
			if (marks.length > 0) await clock.advance(1000);
			await until('the table', () => seen.length > before && clock.pending === 1);
			marks.push(seen.slice(before).includes('▲'));
		}
		interrupt?.();
		expect((await ran).code).toBe(130);
		expect(marks).toEqual([false, true, false, false]);
	});
});
