import { until } from '@orch/base/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../clock.ts';
import { type FakeDaemon, startFakeDaemon } from '../testing/fake-daemon.ts';
import { runCli } from '../testing/run-cli.ts';
import type { Terminal } from '../top/terminal.ts';

let daemon: FakeDaemon;
beforeAll(async () => {
	daemon = await startFakeDaemon();
});
afterAll(() => daemon[Symbol.asyncDispose]());

const at = '2026-01-01T00:00:00.000Z';
const usage = (cpuPercent: number, memoryBytes: number) => ({ cpuPercent, memoryBytes, processes: 1, at });
beforeEach(() => {
	daemon.runtimes.clear();
	daemon.requests.length = 0;
	daemon.output.clear();
	daemon.addRuntime('api', { status: 'running', pid: 1, uptimeMs: 5_000, usage: usage(3.1, 84 * 2 ** 20) });
	daemon.addRuntime('db', { status: 'running', pid: 2, uptimeMs: 5_000, usage: usage(0.4, 412 * 2 ** 20) });
});

const orch = (args: readonly string[], options = {}) => runCli(args, { socket: daemon.socket, ...options });

describe('orch top in a script', () => {
	it('prints what there is once, in the order asked for', async () => {
		const { out, code } = await orch(['top', '--once', '--sort', 'mem']);
		expect(code).toBe(0);
		expect(
			out
				.trim()
				.split('\n')
				.map((line) => line.split(/\s+/)[0]),
		).toEqual(['NAME', 'db', 'api']);
	});

	it('prints one document with --once --json, of those that are named', async () => {
		const { out } = await orch(['top', 'api', '--once', '--json']);
		const document = JSON.parse(out) as { runtimes: { name: string; usage: object }[]; links: object };
		expect(document.runtimes.map(({ name }) => name)).toEqual(['api']);
		expect(document).toMatchObject({ runtimes: [{ usage: usage(3.1, 84 * 2 ** 20) }], links: { links: [], unrouted: [] } });
	});

	it('prints lines with --json until it is interrupted', async () => {
		let fire: ((exitCode?: number) => void) | undefined;
		const ran = await orch(['top', '--json'], {
			interrupt: (each: (exitCode?: number) => void) => {
				fire = each;
			},
			onOutput: () => fire?.(),
		});
		expect(ran.code).toBe(130);
		expect((JSON.parse(ran.out) as { runtimes: object[] }).runtimes.length).toBe(2);
	});

	it('says where it needs a terminal, or an orchd', async () => {
		expect(await orch(['top'])).toMatchObject({ code: 2, err: expect.stringContaining('hint: orch top --once') });
		expect(await orch(['top', '--once', '--sort', 'memory'])).toMatchObject({ code: 2, err: expect.stringContaining('mem') });
		expect(await orch(['top', 'nope', '--once'])).toMatchObject({ code: 4 });
		expect((await runCli(['top'], { socket: '/nonexistent/o.sock', columns: 80 })).code).toBe(5);
	});
});

// biome-ignore lint/suspicious/noControlCharactersInRegex: what a frame is made of
const drawnLine = /\u001b\[(\d+);1H(.*?)\u001b\[0m\u001b\[K/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: what colours are made of
const colour = /\u001b\[\d+m/g;

/** A terminal that a test types on. It keeps what each line of the screen shows. */
function fakeTerminal() {
	const inputs: ((text: string) => void)[] = [];
	const lines: string[] = [];
	const state = { isClosed: false, suspended: 0 };
	const terminal: Terminal = {
		columns: 80,
		rows: 16,
		write(text) {
			for (const [, row, line] of text.matchAll(drawnLine)) lines[Number(row) - 1] = (line ?? '').replace(colour, '');
		},
		onInput: (listener) => void inputs.push(listener),
		onResize: () => {},
		suspend: () => {
			state.suspended++;
		},
		onResume: () => {},
		close: () => {
			state.isClosed = true;
		},
	};
	const type = (text: string) => {
		for (const each of inputs) each(text);
	};
	const shows = (text: string) => until(`the screen shows ${text}`, () => lines.some((line) => line.includes(text)));
	return { terminal, state, lines, type, shows };
}

describe('orch top on a terminal', () => {
	const start = () => {
		const screen = fakeTerminal();
		const ran = orch(['top'], { columns: 80, clock: systemClock, openTerminal: async () => screen.terminal });
		return { ...screen, ran };
	};

	it('shows the runtimes and the log of the first, follows changes, and quits', async () => {
		daemon.write('api', Buffer.from('hello from api\n'));
		const { shows, type, ran, state, lines } = start();
		await shows('● 2 running');
		await shows('hello from api');
		daemon.addRuntime('late', { status: 'failed', reason: 'gave up' });
		daemon.changed();
		await shows('✗ 1 failed');
		expect(lines.find((line) => line.includes('late'))).toContain('failed');
		type('q');
		expect(await ran).toMatchObject({ code: 0 });
		expect(state.isClosed).toBe(true);
	});

	it('stops after a yes, and says what came of it', async () => {
		const { shows, type, ran } = start();
		await shows('▸ api');
		type('x');
		await shows('stop api? y does it');
		type('y');
		await shows('stopped api');
		expect(daemon.requests.some(({ operation }) => operation === 'runtime.stop')).toBe(true);
		type('\u0003');
		expect((await ran).code).toBe(0);
	});

	it('shows links while they are looked at', async () => {
		daemon.addLink('api', 'Job', 'db');
		const { shows, type, ran } = start();
		await shows('▸ api');
		type('2');
		await shows('api ─Job→ db');
		type('1');
		await shows('▸ api');
		type('\u001a');
		type('q');
		await ran;
		daemon.links.length = 0;
	});

	it('says that orchd is away, and is there again when orchd is', async () => {
		const { shows, type, ran } = start();
		await shows('● 2 running');
		for (const session of daemon.sessions) session.close();
		await shows('reconnecting');
		daemon.addRuntime('new', { status: 'running' });
		await shows('● 3 running');
		type('q');
		await ran;
	});

	it('ends with the signal that it was sent, and gives the screen back', async () => {
		const screen = fakeTerminal();
		let fire: ((exitCode?: number) => void) | undefined;
		const ran = orch(['top'], {
			columns: 80,
			clock: systemClock,
			openTerminal: async () => screen.terminal,
			interrupt: (each: (exitCode?: number) => void) => {
				fire = each;
			},
		});
		await screen.shows('● 2 running');
		fire?.(143);
		expect((await ran).code).toBe(143);
		expect(screen.state.isClosed).toBe(true);
	});
});
