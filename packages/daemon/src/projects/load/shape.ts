/** Checks a tree against a schema: every problem at once, each in its place and in words; and reads plain data out of it. */
import type { TSchema } from 'typebox';
import { variableNamePattern, variableNameRule } from '@orch/base/text';
import { didYouMean, type Problem, problem, type Suggest } from '../problem.ts';
import { textKey } from './schema-parts.ts';
import type { Span } from '../source.ts';
import { define, type MapTree, type Path, pathText, type Tree } from './tree.ts';

/** What of JSON Schema the schemas of this room are made of. */
interface Schema {
	readonly type?: string;
	readonly title?: string;
	readonly properties?: Readonly<Record<string, Schema>>;
	readonly patternProperties?: Readonly<Record<string, Schema>>;
	readonly additionalProperties?: boolean | Schema;
	readonly required?: readonly string[];
	readonly items?: Schema;
	readonly anyOf?: readonly Schema[];
	readonly enum?: readonly unknown[];
	readonly const?: unknown;
	readonly pattern?: string;
	readonly minimum?: number;
	readonly maximum?: number;
	readonly minLength?: number;
	readonly maxLength?: number;
	readonly minItems?: number;
	readonly maxItems?: number;
	readonly 'x-text'?: boolean;
}

/** Words that people bring from other tools, and ours for them. */
const otherWords: Readonly<Record<string, string>> = {
	cmd: 'command',
	exec: 'command',
	script: 'command',
	run: 'command',
	args: 'command',
	environment: 'env',
	depends_on: 'needs',
	dependencies: 'needs',
	requires: 'needs',
	working_dir: 'cwd',
	working_directory: 'cwd',
	dir: 'cwd',
	directory: 'cwd',
	processes: 'runtimes',
	programs: 'runtimes',
	apps: 'runtimes',
	healthcheck: 'probes',
	readiness_probe: 'probes',
	liveness_probe: 'probes',
	ready: 'probes',
	live: 'probes',
	startup: 'probes',
	replicas: 'instances',
	scale: 'instances',
	numprocs: 'instances',
	cron: 'schedule',
	cron_restart: 'schedule',
	port: 'ports',
	memory: 'limits',
	nice: 'priority',
	routes: 'links',
	messages: 'types',
	jobs: 'workflows',
};

export interface ShapeCheck {
	readonly suggest: Suggest;
	/** Where the root stands in its file: `workflows.release` for a workflow, nothing for a file. */
	readonly base?: Path;
}

export function checkShape(schema: TSchema, tree: Tree, { suggest, base = [] }: ShapeCheck): Problem[] {
	return new Checker(suggest).check(schema as Schema, tree, base, tree.at);
}

class Checker {
	readonly #suggest: Suggest;

	constructor(suggest: Suggest) {
		this.#suggest = suggest;
	}

	/** `owner` is the place of the key that the part belongs to. */
	check(schema: Schema, tree: Tree, path: Path, owner: Span): Problem[] {
		if (schema.anyOf) return this.#checkChoice(schema, schema.anyOf, tree, path, owner);
		if (schema.enum || schema.const !== undefined) return fitsLiteral(schema, tree) ? [] : [this.#badValue(schema, tree, path)];
		switch (schema.type) {
			case undefined:
				return [];
			case 'object':
				return tree.kind === 'map' ? this.#checkMap(schema, tree, path, owner) : [this.#badValue(schema, tree, path)];
			case 'array':
				return tree.kind === 'list' ? this.#checkList(schema, tree.items, tree, path) : [this.#badValue(schema, tree, path)];
			default:
				return fitsScalar(schema, tree) ? [] : [this.#badValue(schema, tree, path)];
		}
	}

	#checkChoice(schema: Schema, branches: readonly Schema[], tree: Tree, path: Path, owner: Span): Problem[] {
		const flat = branches.flatMap(flatten);
		const sameKind = flat.filter((branch) => kindOf(branch) === undefined || kindOf(branch) === tree.kind);
		// the branch that was meant is the only one of that kind, or the one that fits best
		if (tree.kind === 'scalar' || sameKind.length === 0) {
			if (sameKind.some((branch) => this.check(branch, tree, path, owner).length === 0)) return [];
			const [only] = sameKind;
			const exact = sameKind.length === 1 && only && (only.enum !== undefined || schema.title === undefined) ? only : undefined;
			return [this.#badValue(exact ?? { ...schema, anyOf: flat }, tree, path)];
		}
		let best: Problem[] | undefined;
		for (const branch of sameKind) {
			const problems = this.check(branch, tree, path, owner);
			if (problems.length === 0) return [];
			if (best === undefined || problems.length < best.length) best = problems;
		}
		return best ?? [];
	}

	#checkMap(schema: Schema, tree: MapTree, path: Path, owner: Span): Problem[] {
		const problems: Problem[] = [];
		const { properties = {}, patternProperties = {}, required = [] } = schema;
		const patterns = Object.entries(patternProperties).map(([pattern, value]) => ({ pattern: compiled(pattern), value }));
		for (const key of required) {
			if (tree.entries.has(key)) continue;
			problems.push(
				problem('missing', `${subject(path)} lacks '${key}'`, { at: owner, hint: `orch explain ${explainPath([...path, key])}` }),
			);
		}
		for (const [key, { key: at, value }] of tree.entries) {
			const own = Object.hasOwn(properties, key) ? properties[key] : undefined;
			const matching = own ?? patterns.find(({ pattern }) => pattern.test(key))?.value;
			if (matching) problems.push(...this.check(matching, value, [...path, key], at));
			else if (schema.additionalProperties === false) problems.push(this.#unknownKey(schema, key, at, path));
		}
		return problems;
	}

	#unknownKey({ properties, patternProperties = {} }: Schema, key: string, at: Span, path: Path): Problem {
		const names = Object.keys(properties ?? {});
		// a map of things that have names: the name itself is not one
		const nameRule = properties === undefined || names.length === 0 ? Object.keys(patternProperties)[0] : undefined;
		if (nameRule !== undefined) {
			return problem('bad_value', `'${key}' cannot be a name in ${subject(path)}`, { at, note: nameRuleText(nameRule) });
		}
		const translated = otherWords[key];
		const candidates = translated !== undefined && names.includes(translated) ? [translated] : this.#suggest(key, names);
		return problem('unknown_key', `unknown key '${key}' in ${subject(path)}`, {
			at,
			note: didYouMean(candidates),
			hint: `orch explain ${explainPath(path)}`.trimEnd(),
		});
	}

	#checkList(schema: Schema, items: readonly Tree[], tree: Tree, path: Path): Problem[] {
		const { minItems = 0, maxItems = Number.POSITIVE_INFINITY } = schema;
		if (items.length < minItems) return [this.#badValue({ title: `a list of at least ${minItems}` }, tree, path)];
		if (items.length > maxItems) return [this.#badValue({ title: `a list of at most ${maxItems}` }, tree, path)];
		return items.flatMap((item, index) => this.check(schema.items ?? {}, item, [...path, index], item.at));
	}

	#badValue(schema: Schema, tree: Tree, path: Path): Problem {
		const names = literals(schema);
		const near = tree.kind === 'scalar' && typeof tree.value === 'string' ? this.#suggest(tree.value, names) : [];
		return problem('bad_value', `${subject(path)} is ${shown(tree)}; it must be ${expected(schema)}`, {
			at: tree.at,
			note: didYouMean(near),
		});
	}
}

/** Nested choices are one choice. */
const flatten = (schema: Schema): readonly Schema[] => (schema.anyOf ? schema.anyOf.flatMap(flatten) : [schema]);

function kindOf({ type, enum: names, const: literal }: Schema): Tree['kind'] | undefined {
	if (names !== undefined || literal !== undefined) return 'scalar';
	if (type === undefined) return undefined;
	return type === 'object' ? 'map' : type === 'array' ? 'list' : 'scalar';
}

const fitsLiteral = (schema: Schema, tree: Tree): boolean =>
	tree.kind === 'scalar' && (schema.enum ? schema.enum.includes(tree.value) : tree.value === schema.const);

function fitsScalar(schema: Schema, tree: Tree): boolean {
	if (tree.kind !== 'scalar') return false;
	const { value } = tree;
	switch (schema.type) {
		case 'string': {
			if (typeof value !== 'string') return false;
			const { minLength = 0, maxLength = Number.POSITIVE_INFINITY, pattern } = schema;
			return value.length >= minLength && value.length <= maxLength && (pattern === undefined || compiled(pattern).test(value));
		}
		case 'integer':
		case 'number': {
			if (typeof value !== 'number' || (schema.type === 'integer' && !Number.isInteger(value))) return false;
			return value >= (schema.minimum ?? Number.NEGATIVE_INFINITY) && value <= (schema.maximum ?? Number.POSITIVE_INFINITY);
		}
		case 'boolean':
			return typeof value === 'boolean';
		case 'null':
			return value === null;
		default:
			return true;
	}
}

const patterns = new Map<string, RegExp>();

function compiled(pattern: string): RegExp {
	let expression = patterns.get(pattern);
	if (!expression) {
		expression = new RegExp(pattern, 'u');
		patterns.set(pattern, expression);
	}
	return expression;
}

const literals = (schema: Schema): string[] =>
	flatten(schema).flatMap(({ enum: names, const: literal }) => (names ?? (literal === undefined ? [] : [literal])).map(String));

/** In words: the schema's own, else made of what it takes. */
function expected(schema: Schema): string {
	if (schema.title !== undefined) return schema.title;
	const names = literals(schema);
	const others = flatten(schema).filter(({ enum: known, const: literal }) => known === undefined && literal === undefined);
	const parts = [
		...(names.length > 1 ? [`one of: ${names.join(', ')}`] : names),
		...new Set(others.map((branch) => branch.title ?? ofType(branch))),
	];
	return parts.join('; or ');
}

function ofType({ type, minLength = 0 }: Schema): string {
	switch (type) {
		case 'object':
			return 'a map';
		case 'array':
			return 'a list';
		case 'string':
			return minLength > 0 ? 'a text that is not empty' : 'a text';
		case 'integer':
			return 'a whole number';
		case 'boolean':
			return 'true or false';
		case 'null':
			return 'empty';
		default:
			return `a ${type ?? 'value'}`;
	}
}

const longestShown = 60;

function shown(tree: Tree): string {
	if (tree.kind !== 'scalar') return tree.kind === 'map' ? 'a map' : 'a list';
	if (tree.value === null) return 'empty';
	if (typeof tree.value !== 'string') return tree.text;
	const line = tree.value.replace(/\s+/g, ' ');
	return `'${line.length > longestShown ? `${line.slice(0, longestShown)}…` : line}'`;
}

const nameRuleText = (pattern: string): string =>
	pattern === variableNamePattern
		? variableNameRule
		: pattern.includes('_.+-')
			? 'letters, digits, _ . + -, not starting with . + or -'
			: `it must match ${pattern}`;

export const subject = (path: Path): string => (path.length === 0 ? 'the file' : pathText(path));

/** The words that `orch explain` knows: without the names that the file gives. */
export function explainPath(path: Path): string {
	const words: string[] = [];
	const named = new Set(['runtimes', 'workflows', 'services', 'profiles', 'jobs', 'types']);
	for (let index = 0; index < path.length; index++) {
		const step = path[index];
		if (typeof step !== 'string') continue;
		words.push(step);
		if (named.has(step)) index++;
	}
	return words.join('.');
}

/** Plain data as the schema means it: what is text there is text here, however YAML reads it. For trees that fit it. */
export function readAs(schema: TSchema, tree: Tree): unknown {
	return read(schema as Schema, tree);
}

function read(schema: Schema, tree: Tree, asText = false): unknown {
	const text = asText || schema[textKey] === true;
	if (tree.kind === 'scalar') return text && tree.value !== null ? tree.text : tree.value;
	const branches = schema.anyOf ? flatten(schema) : [schema];
	if (tree.kind === 'list') {
		const items = branches.find(({ type }) => type === 'array')?.items ?? {};
		return tree.items.map((item) => read(items, item));
	}
	const maps = branches.filter(({ type }) => type === 'object');
	const value: Record<string, unknown> = {};
	for (const [key, entry] of tree.entries) {
		const inner = maps.map((map) => schemaOfKey(map, key)).find((found) => found !== undefined);
		define(value, key, read(inner ?? {}, entry.value));
	}
	return value;
}

function schemaOfKey({ properties = {}, patternProperties = {} }: Schema, key: string): Schema | undefined {
	if (Object.hasOwn(properties, key)) return properties[key];
	const matching = Object.entries(patternProperties).find(([pattern]) => compiled(pattern).test(key));
	return matching?.[1];
}
