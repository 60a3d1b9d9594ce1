import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { emptyState, type Project, type ProjectState } from './declaration.ts';
import { applyPlan, isEmptyPlan, planChanges } from './plan.ts';
import { loadText } from './testing/load.ts';
import { projectFile } from './testing/random-project.ts';

const project = (text: string): Project => {
	const { project: loaded, problems } = loadText(text);
	if (!loaded) throw new Error(`Cannot load: ${problems.map(({ message }) => message).join('; ')}\n${text}`);
	return loaded;
};
const random = projectFile.map((value) => project(JSON.stringify(value)));

/** What a state is, whatever order its parts came in. */
const facts = ({ runtimes, links, definitions }: ProjectState) => ({
	runtimes: Object.fromEntries(runtimes),
	links: Object.fromEntries(links),
	definitions,
});

describe('a plan', () => {
	it('leads from any project to any other', () => {
		fc.assert(
			fc.property(random, random, (a, b) => {
				expect(facts(applyPlan(a, planChanges(a, b)))).toEqual(facts(b));
			}),
		);
	});

	it('from a project to itself is empty, also from what a file written otherwise says', () => {
		fc.assert(
			fc.property(projectFile, (file) => {
				const text = JSON.stringify(file);
				expect(isEmptyPlan(planChanges(project(text), project(JSON.stringify(JSON.parse(text), null, 2))))).toBe(true);
			}),
		);
	});

	it('touches what differs and nothing else', () => {
		fc.assert(
			fc.property(random, random, (a, b) => {
				const { runtimes, links } = planChanges(a, b);
				const touched = [...runtimes.added, ...runtimes.removed]
					.map(({ name }) => name)
					.concat(runtimes.changed.map(({ after }) => after.name));
				const all = new Set([...a.runtimes.keys(), ...b.runtimes.keys()]);
				const different = [...all].filter(
					(name) => JSON.stringify(sorted(a.runtimes.get(name))) !== JSON.stringify(sorted(b.runtimes.get(name))),
				);
				expect(touched.sort()).toEqual(different.sort());
				const count = links.added.length + links.removed.length + links.changed.length;
				const keys = new Set([...a.links.keys(), ...b.links.keys()]);
				expect(count).toBe(
					[...keys].filter((key) => JSON.stringify(a.links.get(key)) !== JSON.stringify(b.links.get(key))).length,
				);
			}),
		);
	});

	it('from nothing adds everything, to nothing removes everything', () => {
		fc.assert(
			fc.property(random, (a) => {
				expect(planChanges(emptyState, a).runtimes).toEqual({ added: [...a.runtimes.values()], removed: [], changed: [] });
				expect(planChanges(a, emptyState).runtimes).toEqual({ added: [], removed: [...a.runtimes.values()], changed: [] });
			}),
		);
	});

	const change = (before: string, after: string) => {
		const [a, b] = [before, after].map((text) => project(`runtimes:\n  a:\n    command: x\n${text}`));
		return planChanges(a as Project, b as Project).runtimes.changed.map(({ fields, restart }) => ({ fields, restart }));
	};

	it('tells each field, and which need a new process', () => {
		expect(
			change('    env: {A: 1, B: 1}\n    restart: no\n', '    env: {A: 2, C: 1}\n    restart: always\n    cwd: lib\n'),
		).toEqual([
			{
				fields: [
					{ field: 'cwd', before: '/shop', after: '/shop/lib' },
					{ field: 'env.A', before: '1', after: '2' },
					{ field: 'env.B', before: '1', after: undefined },
					{ field: 'env.C', before: undefined, after: '1' },
					{ field: 'restart.when', before: 'no', after: 'always' },
				],
				restart: ['cwd', 'env.A', 'env.B', 'env.C'],
			},
		]);
	});

	it.each([
		['    restart: always\n'],
		['    stop: {grace: 1s}\n'],
		['    probes: {ready: "tcp:80"}\n'],
		['    labels: {x: 1}\n'],
		['    limits: {memory: 1G}\n'],
		['    ports: [80]\n'],
		['    schedule: "@hourly"\n'],
		['    watch: src\n'],
		['    output: 1M\n'],
		['    autostart: false\n'],
	])('changes a running program without a restart: %s', (text) => {
		expect(change('', text)).toMatchObject([{ restart: [] }]);
		expect(change(text, '')).toMatchObject([{ restart: [] }]);
	});

	it.each([
		['    env: {X: 1}\n', 'env.X'],
		['    cwd: lib\n', 'cwd'],
		['    priority: low\n', 'priority'],
		['    user: www\n', 'user'],
		['    umask: 022\n', 'umask'],
		['    env_file: x.env\n', 'envFiles'],
		['    privileged: true\n', 'privileged'],
		['    shell: true\n', 'program'],
	])('needs a new process: %s', (text, field) => {
		expect(change('', text)[0]?.restart).toContain(field);
	});
});

function sorted(value: unknown): unknown {
	if (Array.isArray(value)) return value.map(sorted);
	if (typeof value !== 'object' || value === null) return value;
	return Object.entries(value)
		.sort(([a], [b]) => (a < b ? -1 : 1))
		.map(([key, each]) => [key, sorted(each)]);
}

it('a probe by notify needs a new process, which alone gets the descriptor for it', () => {
	const [before, after] = ['ready: tcp:80', 'ready: notify'].map((probe) =>
		project(`runtimes:\n  a:\n    command: x\n    probes: {${probe}}\n`),
	);
	expect(planChanges(before as Project, after as Project).runtimes.changed[0]?.restart).toEqual(['probes']);
	expect(planChanges(after as Project, before as Project).runtimes.changed[0]?.restart).toEqual([]);
});
