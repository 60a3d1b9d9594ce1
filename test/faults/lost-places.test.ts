/** What orchd stands on is removed while it runs, as people free disks and logind tidies up: nothing runs twice, and orch finds its way. */
import { existsSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import { inSandbox, isAlive, removeWhole, until } from '../support/index.ts';

describe('the directory of the socket is removed', () => {
	it('and the next command finds orchd, restart and stop too; what runs is not touched', async () => {
		await inSandbox(async (own) => {
			const socket = own.path('run/orch/orchd.sock');
			const cli = (...args: string[]) => own.cliWith({ env: { ORCH_SOCKET: socket } }, ...args);
			expect((await cli('runtime', 'add', 'sleep', '--start', '--', '1000')).code).toBe(0);
			own.add('daemon', () => cli('daemon', 'stop'));
			const pids = async () => (await cli('ps', '--json')).stdout.match(/"pid":\d+/g);
			const before = await pids();
			expect(before).toHaveLength(1);
			const removed = () => rmSync(dirname(dirname(socket)), { recursive: true });
			removed();
			expect(await pids()).toEqual(before);
			removed();
			expect(await cli('daemon', 'start')).toMatchObject({
				code: 0,
				stderr: expect.stringContaining('orchd is running already'),
			});
			removed();
			expect(await cli('daemon', 'restart')).toMatchObject({
				code: 0,
				stderr: expect.stringContaining('1 runtime kept running'),
			});
			expect(await pids()).toEqual(before);
			removed();
			await until('it listens again by itself', () => existsSync(socket));
			removed();
			expect(await cli('daemon', 'stop')).toMatchObject({ code: 0, stderr: expect.stringContaining('and 1 runtime') });
		});
	});
});

describe('the state is removed while orchd runs', () => {
	for (const end of ['daemon restart', 'kill -9'])
		it(`and nothing runs twice after ${end}; orchd, its log and doctor tell of it`, async () => {
			await inSandbox(async (own) => {
				const text = async (...args: string[]) => (await own.cli(...args)).stdout;
				const add = (name: string) => own.cli('runtime', 'add', 'sleep', '--name', name, '--start', '--', '1000');
				for (const name of ['one', 'two']) expect((await add(name)).code).toBe(0);
				own.add('daemon', () => own.cli('daemon', 'stop'));
				const runtimes = async () =>
					(JSON.parse(await text('ps', '--json')) as { name: string; id: string; pid: number }[]).map(({ name, id, pid }) => ({
						name,
						id,
						pid,
					}));
				const before = await runtimes();
				removeWhole(own.home);
				const { pid } = JSON.parse(await text('daemon', 'status', '--json')) as { pid: number };
				if (end === 'kill -9') {
					process.kill(pid, 'SIGKILL');
					await until('it is gone', () => !isAlive(pid));
					expect((await own.cli('daemon', 'start')).code).toBe(0);
				} else {
					expect(await text('daemon', 'status')).toContain(`the state in ${own.home} was removed at `);
					expect(await text('doctor')).toContain(`the state in ${own.home} was removed at `);
					// no more than what is there is needed for starts
					expect((await add('three')).code).toBe(0);
					before.push((await runtimes())[2] as (typeof before)[0]);
					expect(await own.cli('daemon', 'restart')).toMatchObject({
						code: 0,
						stderr: expect.stringContaining('3 runtimes kept running'),
					});
				}
				expect(await runtimes()).toEqual(before);
				expect((await own.cli('clear', '--yes')).code).toBe(0);
			});
		});
});
