/** orchd as its operator handles it: restarted, replaced, stopped without its runtimes, under work that goes on. */
import { appendFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type Client, connectClient, fixture, inSandbox, isAlive, node, routerPidOf, sh, until } from '../support/index.ts';

describe('supervision 3.1.29', () => {
	it('orch daemon upgrade replaces orchd; pids, link counters and a following `orch logs -f` go on without gap or duplicate; restart and stop --runtimes keep do the same', async () => {
		await inSandbox(async (own) => {
			const said = async (...args: string[]) => {
				const { code, stdout, stderr } = await own.cli(...args);
				expect([args, code, stdout]).toEqual([args, 0, '']);
				return stderr;
			};
			const json = async (...args: string[]) => JSON.parse((await own.cli(...args, '--json')).stdout) as Record<string, unknown>;
			// nobody's child here, as it is nobody's child at a user's
			expect(await said('daemon', 'start')).toMatch(/^orch: started orchd \(pid \d+\), log /);
			own.add('daemon', () => own.cli('daemon', 'stop'));
			let client: Client = await connectClient(own.socket);
			own.add('client', () => client.close());
			const pidOf = async () => (await client.call('daemon.version', {})).pid;

			const file = own.path('source');
			writeFileSync(file, '');
			const env = { PATH: own.env()['PATH'] ?? '' };
			const add = (name: string, program: { readonly program: string; readonly args: readonly string[] }) =>
				client.call('runtime.add', { name, cwd: own.directory, env, program: program.program, args: [...program.args] });
			await add('source', sh(`exec tail -n +1 -f '${file}'`));
			await add('ping', node(fixture('sdk-ping.mjs')));
			await add('pong', node(fixture('sdk-pong.mjs')));
			await client.call('link.add', { from: 'ping', type: 'Ping', to: 'pong' });
			await client.call('link.add', { from: 'pong', type: 'Pong', to: 'ping' });
			for (const runtime of ['source', 'pong', 'ping']) await client.call('runtime.start', { runtime });
			const delivered = async () => {
				const { links } = await client.call('link.stats', {});
				return links.map(({ counters }) => counters.delivered);
			};
			const facts = async () => ({
				router: await routerPidOf(client),
				runtimes: (await client.call('runtime.list', {})).map(({ id, pid, generation, status }) => ({
					id,
					pid,
					generation,
					status,
				})),
			});
			await until('messages pass', async () => (await delivered()).every((count) => count > 100));
			const before = await facts();
			const following = own.running('logs', '-f', 'source', '--no-prefix', '-n', 'all');
			const daemonLog = own.running('daemon', 'logs', '-f', '-n', '0', '--json');

			let expected = '';
			let round = 0;
			const write = (when: string) => {
				const text = Array.from({ length: 300 }, (_, line) => `${when} ${round} ${line}\n`).join('');
				appendFileSync(file, text);
				expected += text;
			};
			/** What is written before, while and after orchd is replaced comes once and in order; all else runs on. */
			const replacedBy = async (work: (pid: number) => Promise<void>) => {
				round++;
				write('before');
				await following.shows(`before ${round} 299\n`);
				const pid = await pidOf();
				const passed = await delivered();
				const working = work(pid);
				write('meanwhile');
				await working;
				client.close();
				expect(isAlive(pid)).toBe(false);
				client = await connectClient(own.socket);
				expect(await facts()).toEqual(before);
				const now = await delivered();
				// the counters are the router's, which has gone on: nothing begins anew
				for (const [index, count] of now.entries()) expect(count).toBeGreaterThanOrEqual(passed[index] ?? 0);
				await until('messages go on', async () => (await delivered()).every((count, index) => count > (now[index] ?? 0)));
				write('after');
				await following.shows(`after ${round} 299\n`);
				await daemonLog.shows(new RegExp(`"pid":${await pidOf()}\\b.*"msg":"listening"`));
			};

			expect(await said('daemon', 'upgrade', '--dry-run')).toMatch(
				/^orch: would replace orchd (\S+) by \1 and keep 3 runtimes running\n$/,
			);
			const { version } = await client.call('daemon.version', {});
			expect(await json('daemon', 'upgrade', '--dry-run')).toEqual({ from: version, to: version, kept: 3 });
			const first = await pidOf();
			await replacedBy(async (pid) => {
				expect(pid).toBe(first);
				const text = await said('daemon', 'upgrade');
				const to = new RegExp(`^orch: orchd ${version} → ${version} \\(pid (\\d+)\\); 3 runtimes kept running\n$`).exec(
					text,
				)?.[1];
				expect(isAlive(Number(to)), text).toBe(true);
				expect(Number(to)).not.toBe(pid);
			});
			await replacedBy(async () => expect(await json('daemon', 'upgrade')).toEqual({ from: version, to: version, kept: 3 }));
			await replacedBy(async (pid) => {
				expect(await said('daemon', 'restart')).toMatch(
					new RegExp(`^orch: restarted orchd \\(pid ${pid} → \\d+\\); 3 runtimes kept running\n$`),
				);
			});
			await replacedBy(async (pid) => {
				const { from, to, kept } = await json('daemon', 'restart');
				expect([from, typeof to, kept]).toEqual([pid, 'number', 3]);
			});
			await replacedBy(async (pid) => {
				expect(await said('daemon', 'stop', '--runtimes', 'keep')).toBe(
					`orch: stopped orchd (pid ${pid}); 3 runtimes kept running\n`,
				);
				expect((await own.cli('daemon', 'status')).code).toBe(5);
				for (const one of before.runtimes) expect(isAlive(one.pid ?? 0)).toBe(true);
				expect(await said('daemon', 'start')).toMatch(/^orch: started orchd \(pid \d+\), log /);
			});

			expect(following.stdout).toBe(expected);
			expect((await following.interrupt()).code).toBe(130);
			expect((await daemonLog.interrupt()).code).toBe(130);
			// each line once, of each orchd of this time
			const lines = daemonLog.stdout.trimEnd().split('\n');
			expect(new Set(lines).size).toBe(lines.length);
			expect(lines.filter((line) => line.includes('"listening"'))).toHaveLength(5);
			expect((await client.call('daemon.status', {})).notices).toEqual([]);

			// the other way: without the option all are stopped, and the next one starts them again
			client.close();
			expect(await said('daemon', 'stop')).toMatch(/^orch: stopped orchd \(pid \d+\) and 3 runtimes\n$/);
			for (const one of before.runtimes) expect(isAlive(one.pid ?? 0)).toBe(false);
			expect(await said('daemon', 'upgrade', '--dry-run')).toBe(`orch: orchd is not running; would start ${version}\n`);
			expect(await said('daemon', 'restart')).toMatch(/^orch: started orchd \(pid \d+\); none was running\n$/);
			client = await connectClient(own.socket);
			await until('all run again', async () =>
				(await client.call('runtime.list', {})).every(({ status, generation }) => status === 'running' && generation === 2),
			);
			await said('clear', '--yes');
		});
	});
});

it('an orchd whose state can be kept nowhere ends with the reason and what to do, in the foreground as well', async () => {
	await inSandbox(async (own) => {
		for (const line of ['daemon start', 'daemon start --foreground'])
			expect(await own.cliWith({ env: { ORCH_HOME: '/proc/orch' } }, ...line.split(' '))).toMatchObject({
				code: 8,
				stderr: expect.stringMatching(
					/cannot keep the state in \/proc\/orch: \/proc\/orch cannot be made: no such file or directory\nhint: export ORCH_HOME=/,
				),
			});
	});
});
