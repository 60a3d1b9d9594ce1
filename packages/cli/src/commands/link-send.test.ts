import { ManualClock, until } from '@orch/base/testing';
import { OrchError } from '@orch/protocol';
import { pack } from '@orch/protocol/wire';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { type FakeDaemon, startFakeDaemon } from '../testing/fake-daemon.ts';
import { type RunOptions, runCli } from '../testing/run-cli.ts';

const daemon: FakeDaemon = await startFakeDaemon();
afterAll(() => daemon[Symbol.asyncDispose]());

const orch = (line: string, options: RunOptions = {}) => runCli(line.split(' '), { socket: daemon.socket, ...options });

beforeEach(() => {
	daemon.requests.length = 0;
	daemon.runtimes.clear();
	for (const name of ['ping', 'pong']) daemon.addRuntime(name);
});
const asked = () => daemon.requests.length;

describe('orch link send --rate', () => {
	it('sends so often, and says so', async () => {
		const clock = new ManualClock(0);
		const ran = orch('link send --to ping --type Ping --count 2 --rate 10/s', { clock });
		await until('the first, and the wait', () => asked() === 1 && clock.pending === 1);
		await clock.advance(99);
		expect(asked()).toBe(1);
		await clock.advance(1);
		expect(await ran).toEqual({ code: 0, out: '', err: 'sent 2 times: into 2 mailboxes\n' });
		expect([asked(), clock.pending]).toEqual([2, 0]);
	});

	it('goes on until Ctrl-C where it is not said how often, and says what it has sent', async () => {
		const clock = new ManualClock(0);
		let interrupt: (() => void) | undefined;
		const ran = orch('link send --to ping --type Ping --rate 1/5s --json', {
			clock,
			interrupt: (fire) => {
				interrupt = fire;
			},
		});
		for (const many of [1, 2]) {
			await until('the next', () => asked() === many && clock.pending === 1);
			await clock.advance(5_000);
		}
		await until('the third, and its answer', () => asked() === 3 && clock.pending === 1);
		interrupt?.();
		const { code, out } = await ran;
		expect(code).toBe(130);
		expect((JSON.parse(out) as { accepted: number }).accepted).toBeGreaterThanOrEqual(2);
	});

	it('ends at the first failure, without waiting for the next turn', async () => {
		const restore = daemon.override('link.send', async () => {
			throw new OrchError('router.unavailable', { reason: 'it is being started' });
		});
		const ran = await orch('link send --to ping --type Ping --rate 1/1h', { clock: new ManualClock(0) });
		restore();
		expect(ran).toMatchObject({ code: 1, out: '', err: expect.stringContaining('it is being started') });
		expect(asked()).toBe(1);
	});

	it('is so many in a time', async () => {
		expect(await orch('link send --to ping --type Ping --rate fast')).toMatchObject({
			code: 2,
			err: expect.stringContaining('--rate'),
		});
		expect(asked()).toBe(0);
	});
});

describe('orch link send --reply', () => {
	it('prints the body of the reply, by its codec', async () => {
		expect(await orch('link send --to pong --type Add --reply [1,2]')).toEqual({ code: 0, out: '[1,2]\n', err: '' });
		expect(daemon.requests).toEqual([
			{
				operation: 'link.request',
				params: { type: 'Add', to: 'pong', codec: 'json', body: new Uint8Array(Buffer.from('[1,2]')), timeoutMs: 10_000 },
			},
		]);
		expect((await orch('link send --to pong --type Add --reply --raw a\u001b[2J')).out).toBe('a\u001b[2J');
		expect((await orch('link send --to pong --type Add --reply --raw a\u001b[2J', { columns: 80 })).out).toBe('a\\x1b[2J\n');
		const restore = daemon.override('link.request', async () => ({ from: 'pong', codec: 'msgpack', body: pack({ sum: 3 }) }));
		expect((await orch('link send --to pong --type Add --reply')).out).toBe('{"sum":3}\n');
		expect((await orch('link send --to pong --type Add --reply --json')).out).toBe(
			'{"from":"pong","codec":"msgpack","bytes":8,"data":{"sum":3}}\n',
		);
		restore();
	});

	it('prints the replies to several requests in the order of these', async () => {
		let last = 0;
		const holding: (() => void)[] = [];
		const restore = daemon.override('link.request', async () => {
			const body = Buffer.from(String(++last));
			// all of them are under way before the first is answered, and the last is answered first
			await new Promise<void>((resolve) => {
				holding.unshift(resolve);
				if (holding.length === 3) for (const answer of holding) answer();
			});
			return { from: 'pong', codec: 'json', body };
		});
		expect((await orch('link send --to pong --type Add --reply --count 3')).out).toBe('1\n2\n3\n');
		restore();
	});

	it('waits for as long as --timeout says, and ends with 124', async () => {
		const restore = daemon.override('link.request', async ({ type, timeoutMs }, call) =>
			call.fail('reply.late', { type, ms: timeoutMs }),
		);
		expect(await orch('link send --to pong --type Add --reply --timeout 2s')).toEqual({
			code: 124,
			out: '',
			err: 'orch: no reply to Add within 2000 ms; the request may have been carried out all the same\nhint: longer: --timeout 30s\n',
		});
		restore();
	});

	it('tells the error of whoever replies, and why there is no reply', async () => {
		const errors = [
			[
				'reply.error',
				{ type: 'Add', from: 'pong', code: 'overflow', reason: 'too large a sum' },
				'pong has answered Add with an error: too large a sum (overflow)',
			],
			[
				'reply.missing',
				{ type: 'Add', code: 'target_down', reason: 'pong is not connected' },
				'no reply to Add: pong is not connected (target_down)',
			],
		] as const;
		for (const [code, data, text] of errors) {
			const restore = daemon.override('link.request', async () => {
				throw new OrchError(code as 'reply.error', data as never);
			});
			expect(await orch('link send --to pong --type Add --reply')).toMatchObject({
				code: 1,
				out: '',
				err: expect.stringContaining(text),
			});
			restore();
		}
	});

	it('ends at Ctrl-C while it waits', async () => {
		const restore = daemon.override('link.request', () => new Promise(() => {}));
		let interrupt: (() => void) | undefined;
		const ran = orch('link send --to pong --type Add --reply', {
			interrupt: (fire) => {
				interrupt = fire;
			},
		});
		await until('the request', () => asked() === 1);
		interrupt?.();
		expect(await ran).toMatchObject({ code: 130, out: '' });
		restore();
	});
});
