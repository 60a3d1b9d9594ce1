import { systemClock } from '../clock.ts';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type FakeDaemon, startFakeDaemon } from '../testing/fake-daemon.ts';
import { runCli } from '../testing/run-cli.ts';

let daemon: FakeDaemon;
beforeAll(async () => {
	daemon = await startFakeDaemon();
});
afterAll(() => daemon[Symbol.asyncDispose]());
beforeEach(() => {
	daemon.requests.length = 0;
});

const orch = (args: readonly string[], options = {}) => runCli(args, { socket: daemon.socket, env: { TZ: 'UTC' }, ...options });
const ids = { api: '01900000-0000-7000-8000-000000000001', worker: '01900000-0000-7000-8000-000000000002' };
type Line = { text: string; partial?: boolean; goesOn?: boolean; atEnd?: string; bytes?: Uint8Array };
const line = (name: keyof typeof ids, stream: 'stdout' | 'stderr', said: string | Line) => ({
	runtime: ids[name],
	name,
	stream,
	at: '2026-01-01T00:00:01.250Z',
	...(typeof said === 'string' ? { text: said } : said),
});
const cursor = { [ids.api]: { stdout: 10, stderr: 5 }, [ids.worker]: { stdout: 7, stderr: 0 } };
const batch = (...lines: ReturnType<typeof line>[]) => ({ lines, dropped: [], cursor });
const asked = () => daemon.requests.filter(({ operation }) => operation === 'runtime.logs').map(({ params }) => params);

/** The daemon says this, and ends. */
const says = (...items: ReturnType<typeof batch>[]) =>
	daemon.override('runtime.logs', async function* () {
		yield { lines: [], dropped: [], cursor };
		yield* items;
		return { ended: 'end' };
	});

describe('orch logs', () => {
	it('in a pipe is plain: aligned names, one line each, without what drives a terminal', async () => {
		says(
			batch(
				line('api', 'stdout', '\u001b[31mlistening\u001b[0m'),
				line('worker', 'stderr', 'problem'),
				line('api', 'stdout', ''),
			),
		);
		const { out, err, code } = await orch(['logs', 'api', 'worker']);
		expect(out).toBe('api    | listening\nworker | problem\napi    | \n');
		expect([err, code]).toEqual(['', 0]);
		expect(asked()).toEqual([{ runtimes: ['api', 'worker'], streams: ['stdout', 'stderr'], follow: false }]);
	});

	it('on a terminal has a colour for each runtime, a red bar for standard error, and lets only colours pass', async () => {
		says(batch(line('api', 'stdout', '\u001b[2J\u001b[32mgreen'), line('worker', 'stderr', 'a\u0007b')));
		const { out } = await orch(['logs', 'api', 'worker'], { columns: 80, env: { TZ: 'UTC', TERM: 'xterm' } });
		const [first = '', second = ''] = out.split('\n');
		// biome-ignore lint/suspicious/noControlCharactersInRegex: colours are what is looked for
		expect(first).toMatch(/^\u001b\[3\dmapi {3}\u001b\[39m \u001b\[2m\|\u001b\[22m \u001b\[32mgreen\u001b\[0m$/);
		// biome-ignore lint/suspicious/noControlCharactersInRegex: likewise
		expect(second).toMatch(/^\u001b\[3\dmworker\u001b\[39m \u001b\[31m\|\u001b\[39m a\\x07b$/);
		expect(first.slice(0, 5)).not.toBe(second.slice(0, 5));
	});

	it('of a single runtime that is named has no names; of a group it has', async () => {
		daemon.override('runtime.logs', async function* () {
			yield { lines: [line('api', 'stdout', 'alone')], dropped: [], cursor: { [ids.api]: { stdout: 6 } } };
			return { ended: 'end' };
		});
		expect((await orch(['logs', 'api'])).out).toBe('alone\n');
		says(batch(line('api', 'stdout', 'one of many')));
		expect((await orch(['logs', 'group'])).out).toBe('api | one of many\n');
		expect((await orch(['logs', '--no-prefix'])).out).toBe('one of many\n');
	});

	it('-t shows when: the interval of what came while no orchd ran', async () => {
		says(batch(line('api', 'stdout', 'now'), line('api', 'stdout', { text: 'then', atEnd: '2026-01-01T00:01:00.000Z' })));
		expect((await orch(['logs', 'api', '--no-prefix', '-t'])).out).toBe(
			'2026-01-01T00:00:01.250Z now\n2026-01-01T00:00:01.250Z/2026-01-01T00:01:00.000Z then\n',
		);
		const { out } = await orch(['logs', 'api', '--no-prefix', '-t'], { columns: 80, env: { NO_COLOR: '1', TZ: 'UTC' } });
		expect(out.replaceAll(/\d\d:\d\d:/g, 'hh:mm:')).toBe('hh:mm:01.250 now\nhh:mm:01–hh:mm:00 then\n');
	});

	it('joins the pieces of a long line, and says what was removed', async () => {
		daemon.override('runtime.logs', async function* () {
			yield batch(
				line('api', 'stdout', { text: 'first ', partial: true, goesOn: true }),
				line('api', 'stdout', { text: 'second ', partial: true, goesOn: true }),
				line('api', 'stdout', 'third'),
				line('worker', 'stdout', { text: 'cut ', partial: true, goesOn: true }),
				line('api', 'stdout', 'between'),
			);
			const gap = { runtime: ids.api, name: 'api', stream: 'stdout' as const, dropped: 1204, bytes: 65_536 };
			yield { lines: [line('api', 'stdout', { text: 'asking: ', partial: true })], dropped: [gap], cursor };
			return { ended: 'end' };
		});
		expect((await orch(['logs', 'api', 'worker'])).out).toBe(
			[
				'api    | first second third',
				'worker | cut ',
				'api    | between',
				'… 1204 lines (65536 bytes) of api’s stdout had been removed before they could be shown',
				'api    | asking: ',
				'',
			].join('\n'),
		);
	});

	it('--json is JSON Lines, --raw the bytes', async () => {
		says(batch(line('api', 'stdout', 'text'), line('api', 'stderr', { text: 'prompt', partial: true })));
		const { out } = await orch(['logs', '--json']);
		expect(
			out
				.split('\n')
				.filter(Boolean)
				.map((one) => JSON.parse(one) as object),
		).toEqual([line('api', 'stdout', 'text'), line('api', 'stderr', { text: 'prompt', partial: true })]);
		const bytes = Buffer.from('\u001b[2Jraw\r\n');
		daemon.override('runtime.logs', async function* () {
			const { text: _text, ...rest } = line('api', 'stdout', '');
			yield { lines: [{ ...rest, bytes }], dropped: [], cursor };
			return { ended: 'end' };
		});
		expect((await orch(['logs', '--raw'])).out).toBe('\u001b[2Jraw\r\n');
		expect(asked().at(-1)).toMatchObject({ raw: true });
	});

	it('asks for what was typed', async () => {
		says();
		const { err } = await orch([
			...[
				'logs',
				'api',
				'-n',
				'5',
				'--since',
				'5m',
				'--until',
				'2026-01-01T02:13:00Z',
				'--grep',
				'a|b',
				'-i',
				'--stream',
				'stderr',
			],
		]);
		expect(asked()).toEqual([
			{
				runtimes: ['api'],
				streams: ['stderr'],
				follow: false,
				lines: 5,
				since: '2026-01-01T02:09:00.000Z',
				until: '2026-01-01T02:13:00.000Z',
				grep: 'a|b',
				ignoreCase: true,
			},
		]);
		expect(err).toBe('orch: no line is like that\n');
		await orch(['logs', '-f']);
		await orch(['logs', '-f', '--since', '1h']);
		await orch(['logs', '-f', '-n', 'all']);
		expect(asked().slice(1)).toMatchObject([
			{ lines: 20, follow: true },
			{ since: '2026-01-01T01:14:00.000Z' },
			{ follow: true },
		]);
		expect(
			asked()
				.slice(2)
				.some((params) => 'lines' in (params as object)),
		).toBe(false);
	});

	it('refuses what does not go together, and passes on what orchd refuses', async () => {
		expect(await orch(['logs', '--previous', '-f'])).toMatchObject({
			code: 2,
			err: expect.stringContaining('cannot be followed'),
		});
		expect(await orch(['logs', '--raw', '--json'])).toMatchObject({ code: 2 });
		expect(await orch(['logs', '--since', 'noon'])).toMatchObject({ code: 2, err: expect.stringContaining('such as 5m or 2h') });
		daemon.override('runtime.logs', (_params, call) =>
			call.fail('request.invalid', { issues: ['grep: Invalid regular expression'] }),
		);
		expect(await orch(['logs', '--grep', '('])).toMatchObject({
			code: 2,
			err: expect.stringContaining('Invalid regular expression'),
		});
	});

	it('ends by Ctrl-C with 130', async () => {
		daemon.override('runtime.logs', async function* (_params, { signal }) {
			yield batch(line('api', 'stdout', 'live'));
			await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
			return { ended: 'end' };
		});
		let fire = () => {};
		const ran = await orch(['logs', '-f', 'api', '--no-prefix'], {
			interrupt: (interrupt: () => void) => {
				fire = interrupt;
			},
			onOutput: () => fire(),
		});
		expect(ran).toMatchObject({ code: 130, out: 'live\n' });
	});

	it('scenario 29: goes on behind what it has shown when orchd is gone for a moment', async () => {
		let round = 0;
		daemon.override('runtime.logs', async function* () {
			yield { ...batch(line('api', 'stdout', `round ${++round}`)), cursor: { [ids.api]: { stdout: 10 * round } } };
			if (round === 1) return { ended: 'closing' };
			if (round === 2) {
				for (const session of daemon.sessions) session.close();
				await new Promise((resolve) => setImmediate(resolve));
			}
			return { ended: 'removed' };
		});
		const { out, err, code } = await orch(['logs', '-f', 'api'], { clock: systemClock });
		expect([out, code]).toEqual(['round 1\nround 2\nround 3\n', 0]);
		expect(err).toBe(
			'orch: orchd has gone; waiting for it to come back (Ctrl-C ends)\norch: orchd is back; going on\n'.repeat(2),
		);
		const again = { runtimes: ['api'], streams: ['stdout', 'stderr'], follow: true };
		expect(asked()).toEqual([
			{ ...again, lines: 20 },
			{ ...again, fromCursor: { [ids.api]: { stdout: 10 } } },
			{ ...again, fromCursor: { [ids.api]: { stdout: 20 } } },
		]);
	});
});
