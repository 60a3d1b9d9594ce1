import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse as parseYaml } from 'yaml';
import { parse } from './parse.ts';
import { ProjectFile, publishedSchema } from './schema.ts';
import { checkShape } from './shape.ts';
import { createSource } from '../source.ts';
import { projectFile } from '../testing/random-project.ts';

const published = publishedSchema();
const validate = new Ajv2020({ strict: false }).compile(published);

function fits(text: string): boolean {
	const { tree, problems } = parse(createSource({ name: 'orch.yaml', path: '/orch.yaml', text }));
	if (!tree) throw new Error(`Cannot parse: ${problems.map(({ message }) => message).join('; ')}\n${text}`);
	return checkShape(ProjectFile, tree, { suggest: () => [] }).length === 0;
}

describe('the schema of project files', () => {
	it('is published as it is: run node scripts/generate-schema.mjs', () => {
		const file = new URL('../../../../../schema/orch.schema.json', import.meta.url);
		expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(JSON.parse(JSON.stringify(published)));
	});

	it('says nothing twice and nothing of ours', () => {
		const text = JSON.stringify(published);
		expect(text).not.toContain('x-text');
		expect(text).not.toContain('x-name');
		expect(Object.keys(published['$defs'] as object)).toContain('Runtime');
		for (const [, name] of text.matchAll(/#\/\$defs\/(\w+)/g)) expect(published['$defs']).toHaveProperty(name as string);
	});

	it('takes what the check takes and refuses what it refuses', () => {
		const scalar = fc.oneof(
			fc.constantFrom(
				'no',
				'always',
				'on-failure',
				'x',
				'10s',
				'1m30s',
				'512M',
				'5/60s',
				'never',
				'TERM',
				'80',
				'notify',
				'tcp:80',
				'a -X-> b',
				'0',
				'',
			),
			fc.integer({ min: -2, max: 70_000 }),
			fc.boolean(),
			fc.constant(null),
			fc.double({ noNaN: true, noDefaultInfinity: true }),
		);
		const key = fc.constantFrom(
			...[
				'version',
				'name',
				'runtimes',
				'links',
				'types',
				'workflows',
				'runners',
				'services',
				'gateway',
				'env',
				'defaults',
				'profiles',
			],
			...[
				'command',
				'shell',
				'restart',
				'stop',
				'probes',
				'needs',
				'ports',
				'limits',
				'memory',
				'instances',
				'schedule',
				'watch',
				'output',
			],
			...[
				'when',
				'first',
				'give_up',
				'signal',
				'grace',
				'ready',
				'http',
				'tcp',
				'exec',
				'log',
				'url',
				'every',
				'condition',
				'cron',
				'max',
			],
			...[
				'from',
				'type',
				'to',
				'queue',
				'overflow',
				'jobs',
				'steps',
				'run',
				'action',
				'retry',
				'approval',
				'wait',
				'x-any',
				'a',
				'b',
				'a b',
			],
		);
		const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
			tree: fc.oneof(
				{ maxDepth: 6, depthSize: 'large' },
				scalar,
				fc.array(tie('tree'), { maxLength: 3 }),
				fc.dictionary(key, tie('tree'), { maxKeys: 4 }),
			),
		}));
		const section = (properties: Record<string, unknown>, ...required: string[]) =>
			fc.record(Object.fromEntries(Object.entries(properties).map(([name]) => [name, tree])), { requiredKeys: required });
		const runtime = section({
			command: 0,
			restart: 0,
			stop: 0,
			probes: 0,
			needs: 0,
			ports: 0,
			limits: 0,
			env: 0,
			watch: 0,
			output: 0,
			shell: 0,
		});
		const project = fc.record(
			{
				name: scalar,
				runtimes: fc.dictionary(fc.constantFrom('a', 'b', '-c'), fc.oneof(runtime, tree), { maxKeys: 2 }),
				links: fc.array(fc.oneof(section({ from: 0, type: 0, to: 0, queue: 0 }, 'from', 'type', 'to'), tree), { maxLength: 2 }),
				workflows: fc.dictionary(fc.constantFrom('w'), section({ jobs: 0, steps: 0, on: 0, hooks: 0 }), { maxKeys: 1 }),
				rest: tree,
			},
			{ requiredKeys: [] },
		);
		let taken = 0;
		fc.assert(
			fc.property(fc.oneof(project, tree, projectFile), (value) => {
				const text = JSON.stringify(value) ?? 'null';
				const expected = validate(parseYaml(text));
				if (expected) taken++;
				expect(fits(text)).toBe(expected);
			}),
			{ numRuns: 400 },
		);
		// a property about nothing but refusals would say little
		expect(taken).toBeGreaterThan(50);
	});
});
