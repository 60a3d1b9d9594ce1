import { until } from '@orch/base/testing';
import { pack } from '@orch/protocol/wire';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import type { Message } from '../render/tapped.ts';
import { type FakeDaemon, startFakeDaemon } from '../testing/fake-daemon.ts';
import { type RunOptions, runCli } from '../testing/run-cli.ts';

const daemon: FakeDaemon = await startFakeDaemon();
afterAll(() => daemon[Symbol.asyncDispose]());

const orch = (line: string | readonly string[], options: RunOptions = {}) =>
	runCli(typeof line === 'string' ? line.split(' ') : line, { socket: daemon.socket, ...options });

const link = '0195fc7b-33e6-70e3-bee1-7c1e0900cafe';
const message = (seq: number, body: string | Uint8Array, over: Partial<Message> = {}): Message => ({
	at: `2026-01-01T00:00:0${seq}.000Z`,
	from: 'ping',
	to: 'pong',
	type: 'Ping',
	link,
	seq,
	bytes: body.length,
	codec: 'json',
	body: Buffer.from(body),
	...over,
});

let passing: Message[] = [];
daemon.override('link.tap', async function* ({ bodyBytes }) {
	yield { messages: passing.map((one) => ({ ...one, body: one.body.subarray(0, bodyBytes) })), skipped: 0 };
	return { skipped: 0 };
});
beforeEach(() => {
	daemon.requests.length = 0;
	passing = [
		message(1, '{"level":"info","n":1}'),
		message(2, '{"level":"ERROR","n":2}'),
		message(3, pack({ level: 'error', n: 3 }), { codec: 'msgpack' }),
		message(4, 'error of bytes', { codec: 'raw' }),
	];
});
const asked = () => daemon.requests.at(-1)?.params;

describe('orch link tap shows of a message', () => {
	it('everything, its head, or its body', async () => {
		passing = passing.slice(0, 1);
		const head = '2026-01-01T00:00:01.000Z  ping → pong  Ping  #1  22 B';
		expect((await orch('link tap')).out).toBe(`${head}    {"level":"info","n":1}\n`);
		expect((await orch('link tap --headers')).out).toBe(`${head}\n`);
		expect(asked()).toEqual({ bodyBytes: 0 });
		expect((await orch('link tap --body')).out).toBe('{"level":"info","n":1}\n');
	});

	it('its bytes', async () => {
		passing = [message(1, 'hello, world: {"n":1}', { codec: 'raw' })];
		expect((await orch('link tap --hex')).out).toBe(
			[
				'2026-01-01T00:00:01.000Z  ping → pong  Ping  #1  21 B',
				'  00000000  68 65 6c 6c 6f 2c 20 77  6f 72 6c 64 3a 20 7b 22  |hello, world: {"|',
				'  00000010  6e 22 3a 31 7d                                    |n":1}|',
				'',
			].join('\n'),
		);
		expect((await orch('link tap --hex --body')).out).toMatch(/^00000000 {2}68 65 [^\n]*\n00000010 [^\n]*\n$/);
	});

	it('to a terminal no more than its first KiB, and how much there is besides', async () => {
		passing = [message(1, 'x'.repeat(5000), { codec: 'raw' })];
		const terminal = { columns: 100 };
		const dump = (await orch('link tap --hex --grep x', terminal)).out.trimEnd().split('\n');
		expect([dump.length, dump.at(-1)]).toEqual([1 + 64 + 1, '  … 4 kB more']);
		expect((await orch('link tap --hex')).out.split('\n')).toHaveLength(1 + 313 + 1);
	});

	it('objects of as much in JSON', async () => {
		const object = async (line: string) => JSON.parse((await orch(line)).out.split('\n')[0] as string) as unknown;
		const { body: _body, ...headers } = passing[0] as Message;
		expect(await object('link tap --json')).toEqual({ ...headers, data: { level: 'info', n: 1 } });
		expect(await object('link tap --json --headers')).toEqual(headers);
		expect(await object('link tap -o json --body')).toEqual({ data: { level: 'info', n: 1 } });
		passing = [message(1, 'ab')];
		expect(await object('link tap --json --body --hex')).toEqual({ hex: '6162' });
	});

	it('the bytes of the bodies and nothing else, and says where one is cut', async () => {
		expect(await orch('link tap -o raw -n 2')).toEqual({
			code: 0,
			out: '{"level":"info","n":1}{"level":"ERROR","n":2}',
			err: '',
		});
		passing = [message(1, 'x'.repeat(10), { bytes: 70_000 })];
		expect(await orch('link tap --output=raw')).toEqual({
			code: 0,
			out: 'x'.repeat(10),
			err: 'orch: the body of Ping #1 is cut: 10 B of 70 kB are shown\n',
		});
	});
});

describe('orch link tap --grep', () => {
	const shown = async (line: string) => (await orch(`${line} --json`)).out.match(/"seq":\d/g)?.map((text) => Number(text.at(-1)));

	it('shows what matches, whatever the codec, and counts it', async () => {
		expect(await shown('link tap --grep error')).toEqual([3, 4]);
		expect(await shown('link tap --grep error -i')).toEqual([2, 3, 4]);
		expect(await shown('link tap --grep error -i -n 2')).toEqual([2, 3]);
		expect(await shown('link tap --grep ^error')).toEqual([4]);
		expect(await shown('link tap --grep nothing')).toBeUndefined();
	});

	it('looks at bodies also where they are not shown', async () => {
		expect((await orch('link tap --grep ERROR --headers')).out).toMatch(/^[^\n]*#2 {2}23 B\n$/);
		expect(asked()).toEqual({ bodyBytes: 65_536 });
	});

	it('says what is wrong with a pattern, and ends one that takes for ever', async () => {
		expect(await orch('link tap --grep (')).toMatchObject({
			code: 2,
			out: '',
			err: expect.stringMatching(/^orch: --grep is '\('; it must be a regular expression \(/),
		});
		expect(daemon.requests).toEqual([]);
		passing = [message(1, `${'a'.repeat(200)}!`, { codec: 'raw' })];
		expect(await orch('link tap --grep ^(a+)+$')).toMatchObject({
			code: 2,
			out: '',
			err: expect.stringMatching(/it must be simpler: .* takes too long on a line/),
		});
		await until('the end of the stream', () => daemon.sessions.size === 0);
	});
});

describe('orch link tap --sample', () => {
	it('is asked of the router', async () => {
		await orch('link tap --sample 10/s --type Ping');
		expect(asked()).toEqual({ type: 'Ping', bodyBytes: 65_536, sample: { count: 10, everyMs: 1000 } });
	});

	it('is taken here of what matches a pattern', async () => {
		passing = [1, 2, 3, 4, 5, 6].map((seq) => message(seq, seq % 2 === 0 ? 'even' : 'odd'));
		const { out } = await orch('link tap --sample 2/5s --grep even');
		expect(asked()).toEqual({ bodyBytes: 65_536 });
		expect(out.match(/#\d/g)).toEqual(['#2', '#4']);
	});
});

it.each([
	['7c1e0900 --from ping', 'a link is named by its id'],
	['--headers --body', 'leaves out bodies'],
	['--headers --hex', 'leaves them out'],
	['-i', 'which is missing'],
	['-o raw --json', 'objects'],
	['-o raw --hex', 'without --hex'],
	['-o raw --headers', 'without --headers'],
	['--sample 10', 'such as 10/s'],
	['-o yaml', 'one of: table'],
])('orch link tap %s is refused before anything is asked', async (line, why) => {
	expect(await orch(`link tap ${line}`)).toMatchObject({ code: 2, out: '', err: expect.stringContaining(why) });
	expect(daemon.requests).toEqual([]);
});
