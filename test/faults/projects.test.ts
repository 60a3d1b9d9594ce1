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
function projectFile(notes: string, isChanged = (_index: number) => false): string {
	const runtimes = Array.from({ length: size }, (_, index) => {
		const needs = index < 3 ? '' : `, needs: r${index - 3}`;
		const word = isChanged(index) ? 'again' : 'up';
		return `  r${index}: { command: [sh, -c, "echo ${word} >> ${notes}/r${index}; exec sleep 1000"]${needs} }`;
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

	it.each([0, 3, 8])(
		'with %i of ten replaced is finished by the next one: each was replaced once, and the others run on',
		async (moment) => {
			await inSandbox(async (own) => {
				const notes = own.path('notes');
				mkdirSync(notes);
				const isChanged = (index: number) => index % 3 === 0;
				writeFileSync(own.path('orch.yaml'), projectFile(notes));
				const daemon = await own.startDaemon();
				const first = await own.cliWith({ withinMs: 120_000 }, 'up');
				expect(first, first.stderr).toMatchObject({ code: 0 });
				const said = (index: number) => readFileSync(`${notes}/r${index}`, 'utf8');
				const all = Array.from({ length: size }, (_, index) => index);
				await until('all have said so', () => readdirSync(notes).length === size && all.every((index) => said(index) === 'up\n'));
				const pids = async () => {
					const rows = JSON.parse((await own.cli('ps', '--json')).stdout) as { name: string; pid: number | null }[];
					return new Map(rows.map(({ name, pid }) => [name, pid] as const));
				};
				const before = await pids();

				// the daemon that follows the file would do the same; whoever comes first is killed
				writeFileSync(own.path('orch.yaml'), projectFile(notes, isChanged));
				const upping = own.running('up');
				const replaced = () => all.filter((index) => said(index).includes('again')).length;
				if (moment > 0) await until(`${moment} are replaced`, () => replaced() >= moment);
				else await until('the first one is stopped', async () => [...(await pids()).values()].includes(null));
				await daemon.kill9();
				await upping.ended;

				await own.startDaemon();
				const again = await own.cliWith({ withinMs: 120_000 }, 'up');
				expect(again, again.stderr).toMatchObject({ code: 0 });
				await until('all are replaced', () => replaced() === 10);
				for (const index of all) expect([index, said(index)]).toEqual([index, isChanged(index) ? 'up\nagain\n' : 'up\n']);
				const after = await pids();
				expect(new Set(after.values()).size).toBe(size);
				for (const index of all.filter((each) => !isChanged(each)))
					expect([index, after.get(`many/r${index}`)]).toEqual([index, before.get(`many/r${index}`)]);
				expect((await own.cliWith({ withinMs: 120_000 }, 'down')).code).toBe(0);
			});
		},
	);
});
