import { silentLogger } from '@orch/base';
import { ManualClock } from '@orch/base/testing';
import { describe, expect, it } from 'vitest';
import { EventLog } from '../control/index.ts';
import { startProjects } from '../projects/testing/start-projects.ts';
import { projectNotices, tellOfProjects } from './projects.ts';

const good = 'name: shop\nruntimes:\n  api: {command: sh}\n';
const oneFault = 'name: shop\nruntimes:\n  api: {command: sh, restart: alway}\n';
const twoFaults = 'name: shop\nruntimes:\n  api: {command: sh, restart: alway}\n  db: {comand: sh}\n';

const told = "project shop is as it was, its files are not valid: orch.yaml:3: runtimes.api.restart is 'alway'";

async function upped() {
	const { projects, save, up } = startProjects(good);
	const events = new EventLog({ log: silentLogger });
	const end = tellOfProjects({ projects, events, clock: new ManualClock(Date.UTC(2026, 0, 1)) });
	await up();
	const reload = (text: string) => {
		save('/shop/orch.yaml', text);
		return projects
			.reload('shop', { waitMs: 60_000, signal: new AbortController().signal })
			.then(() => 'reloaded')
			.catch(() => 'refused');
	};
	return { projects, reload, end, all: () => events.since(0, 100) };
}

describe('a project file that does not hold', () => {
	it('is a notice with its place and reason, until it is mended', async () => {
		const { projects, reload } = await upped();
		expect(projectNotices(projects)).toEqual([]);
		expect(await reload(oneFault)).toBe('refused');
		expect(projectNotices(projects)).toEqual([expect.stringMatching(`^${told}`)]);
		expect(projectNotices(projects)[0]).not.toContain('more:');
		expect(await reload(good)).toBe('reloaded');
		expect(projectNotices(projects)).toEqual([]);
	});

	it('is told by its first problem, with the number of the others and where they are shown', async () => {
		const { projects, reload } = await upped();
		await reload(twoFaults);
		const [notice] = projectNotices(projects);
		const problems = projects.list()[0]?.problems.length ?? 0;
		expect(problems).toBeGreaterThan(1);
		expect(notice).toMatch(new RegExp(`^${told}.* \\(and ${problems - 1} more: orch project show shop\\)$`));
	});

	it('is an event each time that it is read so; one that holds is none', async () => {
		const { reload, end, all } = await upped();
		await reload(good);
		expect(all()).toEqual([]);
		await reload(oneFault);
		expect(all()).toMatchObject([
			{ seq: 1, at: '2026-01-01T00:00:00.000Z', kind: 'notice', runtime: null, reason: expect.stringMatching(`^${told}`) },
		]);
		await reload(good);
		expect(all()).toHaveLength(1);
		end();
		await reload(oneFault);
		expect(all()).toHaveLength(1);
	});
});
