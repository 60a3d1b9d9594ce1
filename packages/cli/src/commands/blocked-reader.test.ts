/** What flows to a reader that does not read: neither --timeout nor an interruption waits for it. */
import { ManualClock, until } from '@orch/base/testing';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type FakeDaemon, startFakeDaemon } from '../testing/fake-daemon.ts';
import { runCli } from '../testing/run-cli.ts';

let daemon: FakeDaemon;
const env = (): Record<string, string> => ({ TZ: 'UTC', ORCH_HOME: join(daemon.directory, 'home') });
beforeAll(async () => {
	daemon = await startFakeDaemon();
	daemon.addRuntime('api');
	mkdirSync(join(daemon.directory, 'home'));
	writeFileSync(join(daemon.directory, 'home', 'orchd.log'), 'one line\n');
	daemon.write('api', Buffer.from('hello\n'));
	const id = '01900000-0000-7000-8000-000000000001';
	const at = '2026-01-01T00:00:01.250Z';
	daemon.override('runtime.logs', async function* () {
		const line = { runtime: id, name: 'api', stream: 'stdout' as const, at, text: 'hello' };
		yield { lines: [line], dropped: [], cursor: {} };
		return { ended: 'end' };
	});
	daemon.override('daemon.events', async function* () {
		yield { missed: 7 };
		return { seq: 7 };
	});
	daemon.override('link.tap', async function* () {
		const message = { at, from: 'api', to: 'api', type: 'Ping', link: id, seq: 1, bytes: 1, codec: 'json' as const };
		yield { skipped: 0, messages: [{ ...message, body: Buffer.from('1') }] };
		return { skipped: 0 };
	});
});
afterAll(() => daemon[Symbol.asyncDispose]());

const commands = [
	'logs api',
	'runtime stdout api --no-follow',
	'events --no-follow --since 1h',
	'link tap -n 1',
	'call runtime.list',
	'daemon logs',
];

it.each(commands.flatMap((typed) => [[typed, 'flow'] as const, [typed, 'flushed'] as const]))(
	'`orch %s` ends with 124 when its time is over while its reader does not read (%s)',
	async (typed, how) => {
		const clock = new ManualClock();
		let seen = false;
		const onOutput = () => {
			seen = true;
		};
		const ran = runCli([...typed.split(' '), '--timeout', '2s'], {
			socket: daemon.socket,
			env: env(),
			clock,
			blocked: how,
			onOutput,
		});
		await until('output', () => seen);
		await clock.advance(2000);
		const { code, err } = await ran;
		expect([code, err]).toEqual([124, 'orch: no answer within 2000 ms\n']);
		expect(clock.pending).toBe(0);
	},
);

it.each(commands)('`orch %s` ends with an interruption while its last output waits for its reader', async (typed) => {
	let seen = false;
	let fire = () => {};
	const ran = runCli(typed.split(' '), {
		socket: daemon.socket,
		env: env(),
		blocked: 'flushed',
		onOutput() {
			seen = true;
		},
		interrupt(interrupt) {
			fire = () => interrupt();
		},
	});
	await until('output', () => seen);
	fire();
	expect((await ran).code).toBe(130);
});
