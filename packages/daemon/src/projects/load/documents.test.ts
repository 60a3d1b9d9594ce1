/** Everything that is shown of project files is one. */
import { readdirSync, readFileSync } from 'node:fs';
import { renderProblems } from '@orch/protocol/wire';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { publishedSchema } from './schema.ts';
import { loadText } from '../testing/load.ts';

const read = (path: string) => readFileSync(new URL(`../../../../../${path}`, import.meta.url), 'utf8');
const blocks = (text: string) => [...text.matchAll(/^```yaml\n([\s\S]*?)^```/gm)].map(([, block = '']) => block);
/** A part of a file, with the runtimes that it is about. */
const whole = (block: string) => (/^runtimes:/m.test(block) ? block : `${block}runtimes:\n  api: { command: x }\n`);

const documents: readonly (readonly [string, string])[] = [
	...blocks(read('README.md')).map((block, index) => [`block ${index + 1} of the README`, block] as const),
	...readdirSync(new URL('../../../../../examples', import.meta.url), { recursive: true, encoding: 'utf8' })
		.filter((path) => /(^|\/)(orch|orchestrator|\.loom|.*\.loom)\.ya?ml$/.test(path) && !path.includes('node_modules'))
		.map((path) => [`examples/${path}`, read(`examples/${path}`)] as const),
	...blocks(read('docs/guides/project-file.md')).map(
		(block, index) => [`block ${index + 1} of the guide`, whole(block)] as const,
	),
];

it.each(documents)('%s is valid, by the check and by the published schema', (_name, text) => {
	expect(renderProblems(loadText(text, { profiles: text.includes('profiles:') ? ['dev'] : [] }).problems)).toBe('');
	const validate = new Ajv2020({ strict: false }).compile(publishedSchema());
	expect(validate(parse(text)), JSON.stringify(validate.errors)).toBe(true);
});

it('the tree, the guide and the README have examples', () => {
	expect(documents.map(([name]) => name)).toContain('examples/shop/orch.yaml');
	for (const where of ['of the README', 'of the guide'])
		expect(documents.filter(([name]) => name.endsWith(where))).not.toEqual([]);
});
