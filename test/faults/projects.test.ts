/**
 * SIGKILL to the daemon in the middle of `orch up` of 30 runtimes: the next daemon and the next `up` come to the same end, and nothing
 * is started twice.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { inSandbox, until } from '../support/index.ts';

const size = 30;
/** How many have been started when the daemon dies. */
const moments = (process.env['ORCH_MOMENTS'] ?? '0,1,4,11,19,28').split(',').map(Number);

/** Each writes a line when it starts, needs one three places before it, and sends to its neighbour. */
function projectFile(notes: string): string {
	const runtimes = Array.from({ length: size }, (_, index) => {
		const needs = index < 3 ? '' : `, needs: r${index - 3}`;
		return `  r${index}: { command: [sh, -c, "echo up >> ${notes}/r${index}; exec sleep 1000"]${needs} }`;
	});
	const links = Array.from({ length: size - 1 }, (_, index) => `  - r${index} -Note-> r${index + 1}`);
	return ['name: many', 'runtimes:', ...runtimes, 'links:', ...links, ''].join('\n');
}

describe('an up whose daemon dies', () => {
	it.each(moments)('with %i runtimes started is finished by the next one, nothing doubled', async (moment) => {
		await inSandbox(async (own) => {
			const notes = own.path('notes');
			mkdirSync(notes);
			writeFileSync(own.path('orch.yaml'), projectFile(notes));
			const started = () => readdirSync(notes).length;
			const daemon = await own.startDaemon();
			const upping = own.running('up');
			if (moment === 0)
				await until('it is being brought up', async () => (await own.cli('project', 'ls', '-q')).stdout === 'many\n');
			else await until(`${moment} have started`, () => started() >= moment);
			await daemon.kill9();
			await upping.ended;

			await own.startDaemon();
			const again = await own.cliWith({ withinMs: 120_000 }, 'up', '--json');
			expect(again, again.stderr).toMatchObject({ code: 0 });
			const { outcomes, faults } = JSON.parse(again.stdout) as { outcomes: { kind: string }[]; faults: string[] };
			expect([outcomes.filter(({ kind }) => kind === 'running').length, faults]).toEqual([size, []]);
			await until('all have said so', () => started() === size);
			for (const name of readdirSync(notes)) expect([name, readFileSync(`${notes}/${name}`, 'utf8')]).toEqual([name, 'up\n']);
			const rows = JSON.parse((await own.cli('ps', '--json')).stdout) as { name: string; pid: number }[];
			expect(new Set(rows.map(({ pid }) => pid)).size).toBe(size);
			const links = JSON.parse((await own.cli('link', 'ls', '--json')).stdout) as unknown[];
			expect(links).toHaveLength(size - 1);
			expect((await own.cliWith({ withinMs: 120_000 }, 'down')).code).toBe(0);
		});
	});
});
