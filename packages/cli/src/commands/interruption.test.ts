/** An orchd that takes a question and does not answer (it is stopped, or hangs) keeps nobody from ending a command. */
import { ManualClock, until } from '@orch/base/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type FakeDaemon, startFakeDaemon } from '../testing/fake-daemon.ts';
import { runCli } from '../testing/run-cli.ts';

let daemon: FakeDaemon;
beforeAll(async () => {
	daemon = await startFakeDaemon();
	daemon.addRuntime('api');
	daemon.override('runtime.list', () => new Promise(() => {}));
	daemon.override('link.stats', () => new Promise(() => {}));
});
afterAll(() => daemon[Symbol.asyncDispose]());

const questions = [
	['logs', 'runtime.list'],
	['logs -f', 'runtime.list'],
	['link stats -w', 'link.stats'],
	['link stats -w --json', 'link.stats'],
	['top --json', 'link.stats'],
] as const;

const codes = [130, 143] as const;

it.each(questions.flatMap(([typed, asked]) => codes.map((code) => [typed, asked, code] as const)))(
	'`orch %s` ends with an interruption while it waits for the answer to %s (%i), and leaves nothing open',
	async (typed, asked, code) => {
		const clock = new ManualClock();
		const before = daemon.requests.length;
		let fire = () => {};
		const ran = runCli(typed.split(' '), {
			socket: daemon.socket,
			clock,
			interrupt(interrupt) {
				fire = () => interrupt(code);
			},
		});
		await until('the question', () => daemon.requests.slice(before).some(({ operation }) => operation === asked));
		fire();
		expect(await ran).toEqual({ code, out: '', err: '' });
		expect(clock.pending).toBe(0);
		await until('the end of the connection', () => daemon.sessions.size === 0);
	},
	5000,
);
