/** What orchd stands on is removed while it runs, as people free disks and logind tidies up: nothing runs twice, and orch finds its way. */
import { existsSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import { inSandbox, until } from '../support/index.ts';

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
