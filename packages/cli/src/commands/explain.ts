/** `orch explain`: what a key of a project file takes, or what the number of an error means. */
import { errors, suggest } from '@orch/protocol/wire';
import { command } from '../command.ts';
import type { Context } from '../context.ts';
import { clientErrors, CliError } from '../errors.ts';
import { explanations } from '../explanations.ts';
import { wrap } from '../help.ts';
import { loadCheckModule } from '../project/check-module.ts';

export const explain = command({
	path: ['explain'],
	summary: 'Explain a key of a project file (runtimes.restart), or the number of an error (E114)',
	args: [{ name: 'PATH|NUMBER', values: () => Object.keys(explanations) }],
	examples: ['orch explain', 'orch explain runtimes.probes.ready', 'orch explain E114'],
	json: 'the schema of the key; of a number: {"number", "meaning", "codes"}',
	async run(context, { args: [what = ''] }) {
		if (/^e\d+$/i.test(what)) return explainNumber(context, what.toUpperCase());
		const root = loadCheckModule(context.world).schema() as Schema;
		const found = descend(root, what === '' ? [] : what.split('.'));
		if (context.json) context.printJson(found);
		else context.print(nodeText(root, found, what, context));
		return undefined;
	},
});

interface Schema {
	readonly [key: string]: unknown;
	readonly $ref?: string;
	readonly $defs?: Readonly<Record<string, Schema>>;
	readonly title?: string;
	readonly description?: string;
	readonly type?: string;
	readonly enum?: readonly unknown[];
	readonly const?: unknown;
	readonly anyOf?: readonly Schema[];
	readonly items?: Schema;
	readonly required?: readonly string[];
	readonly properties?: Readonly<Record<string, Schema>>;
	readonly patternProperties?: Readonly<Record<string, Schema>>;
}

function resolved(root: Schema, schema: Schema): Schema {
	const name = schema.$ref?.replace('#/$defs/', '');
	return name === undefined ? schema : (root.$defs?.[name] ?? schema);
}

const branches = (root: Schema, schema: Schema): Schema[] => {
	const here = resolved(root, schema);
	return here.anyOf ? here.anyOf.flatMap((branch) => branches(root, branch)) : [here];
};

const ownKeys = (root: Schema, schema: Schema): [string, Schema][] =>
	branches(root, schema).flatMap((branch) => Object.entries(branch.properties ?? {}));

/** What things with names of the file's own are; items of a list. */
const members = (root: Schema, schema: Schema): Schema[] =>
	branches(root, schema).flatMap(({ patternProperties = {}, items, properties }) => [
		...(properties ? [] : Object.values(patternProperties)),
		...(items ? [items] : []),
	]);

/** Names that a file gives need not be said: `runtimes.restart` is that of any runtime. */
function descend(root: Schema, path: readonly string[]): Schema {
	let here: Schema = root;
	const gone: string[] = [];
	for (const word of path) {
		let candidates = ownKeys(root, here);
		let found = candidates.find(([key]) => key === word)?.[1];
		for (
			let inner = members(root, here);
			found === undefined && inner.length > 0;
			inner = inner.flatMap((each) => members(root, each))
		) {
			const keys = inner.flatMap((each) => ownKeys(root, each));
			candidates = [...candidates, ...keys];
			found = keys.find(([key]) => key === word)?.[1];
		}
		if (found === undefined) {
			const expected = gone.length === 0 ? 'a key of a project file' : `a key of ${gone.join('.')}`;
			const near = suggest(word, new Set(candidates.map(([key]) => key)));
			throw new CliError('usage.bad_value', { option: 'PATH', value: word, expected, candidates: near });
		}
		here = found;
		gone.push(word);
	}
	return resolved(root, here);
}

function nodeText(root: Schema, schema: Schema, path: string, { style }: Context): string {
	const lines = [style.bold(path === '' ? 'a project file' : path)];
	if (schema.description !== undefined) lines.push(`  ${schema.description}`);
	const takes = [...new Set(branches(root, schema).map(inWords))].join(', or ');
	lines.push(`  takes ${schema.title ?? takes}`);
	const direct = ownKeys(root, schema);
	const keys = direct.length > 0 ? direct : members(root, schema).flatMap((each) => ownKeys(root, each));
	const width = Math.max(0, ...keys.map(([key]) => key.length));
	if (keys.length > 0) lines.push('', style.dim(direct.length > 0 ? '  keys' : '  keys of each'));
	for (const [key, value] of keys) {
		const inner = resolved(root, value);
		const said = inner.description ?? inner.title ?? branches(root, inner).map(inWords)[0] ?? '';
		lines.push(`  ${key.padEnd(width)}  ${style.dim(said)}`);
	}
	return `${lines.join('\n')}\n`;
}

function inWords({ title, enum: names, const: literal, type, items, properties }: Schema): string {
	if (names) return `one of: ${names.join(', ')}`;
	if (literal !== undefined) return String(literal);
	if (title !== undefined) return title;
	if (items) return 'a list';
	if (type === 'object') return properties ? 'a map' : 'a map of names';
	const words: Readonly<Record<string, string>> = {
		string: 'a text',
		integer: 'a whole number',
		number: 'a number',
		boolean: 'true or false',
		null: 'nothing',
	};
	return words[type ?? ''] ?? 'anything';
}

function explainNumber(context: Context, number: string): undefined {
	const known = [...Object.entries(errors), ...Object.entries(clientErrors)].filter(([, entry]) => entry.number === number);
	const said = explanations[number];
	if (known.length === 0 && said === undefined) {
		throw new CliError('usage.bad_value', {
			option: 'NUMBER',
			value: number,
			expected: 'the number of an error, such as E114',
			candidates: [],
		});
	}
	const lines = [context.style.bold(number)];
	if (said !== undefined)
		lines.push(
			...wrap(said, 96)
				.split('\n')
				.map((line) => `  ${line}`),
		);
	// what is found in files is told as part of one error
	const codes = known.length > 0 ? known : [['project.invalid', errors['project.invalid']] as const];
	for (const [code, { exit }] of codes) lines.push(context.style.dim(`  ${code}, exit ${exit}`));
	if (context.json) context.printJson({ number, meaning: said ?? null, codes: codes.map(([code]) => code) });
	else context.print(`${lines.join('\n')}\n`);
	return undefined;
}
