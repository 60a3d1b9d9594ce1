/**
 * Variables in values: `${NAME}`, `${NAME:-default}`, `${NAME:?message}`, `${NAME:+instead}`; the same without the colon take
 * an empty value as a value; `$$` is a dollar. `$NAME` without braces, and `${{ … }}`, are left as they are.
 */
import { didYouMean, type Problem, problem, type Suggest } from '../problem.ts';
import type { Span } from '../source.ts';
import type { Entry, Path, ScalarTree, Tree } from './tree.ts';

export interface Substitution {
	readonly variables: ReadonlyMap<string, string>;
	readonly suggest: Suggest;
	/** Parts that are left as they are. */
	readonly leaves: (path: Path) => boolean;
}

export interface Substituted {
	readonly tree: Tree;
	readonly problems: readonly Problem[];
	/** The names that were asked for, whether or not they had a value. */
	readonly used: ReadonlySet<string>;
}

export function substitute(tree: Tree, substitution: Substitution): Substituted {
	const problems: Problem[] = [];
	const used = new Set<string>();
	const visit = (part: Tree, path: Path): Tree => {
		if (substitution.leaves(path)) return part;
		switch (part.kind) {
			case 'list':
				return { ...part, items: part.items.map((item, index) => visit(item, [...path, index])) };
			case 'map': {
				const entries = new Map<string, Entry>();
				for (const [key, entry] of part.entries) entries.set(key, { key: entry.key, value: visit(entry.value, [...path, key]) });
				return { ...part, entries };
			}
			case 'scalar':
				return typeof part.value === 'string' && part.value.includes('$') ? expand(part, part.value) : part;
		}
	};
	const expand = (part: ScalarTree, text: string): Tree => {
		const value = replaceVariables(text, 0, {
			lookUp(name) {
				used.add(name);
				return substitution.variables.get(name);
			},
			fault(token, message, name) {
				const note = name === undefined ? undefined : didYouMean(substitution.suggest(name, substitution.variables.keys()));
				const hint = name === undefined ? undefined : `export ${name}=…, put it into .env, or give a default: \${${name}:-…}`;
				problems.push(problem('variable', message, { at: spanOf(part, token), note, hint }));
			},
		});
		return value === text ? part : part.plain ? resolved(part, value) : { ...part, value, text: value };
	};
	return { tree: visit(tree, []), problems, used };
}

interface Expansion {
	lookUp(name: string): string | undefined;
	fault(token: string, message: string, name?: string): void;
}

const deepest = 8;

function replaceVariables(text: string, depth: number, expansion: Expansion): string {
	let result = '';
	for (let at = 0; at < text.length; at++) {
		const next = text[at + 1];
		if (text[at] !== '$' || (next !== '$' && next !== '{') || (next === '{' && text[at + 2] === '{')) {
			result += text[at];
		} else if (next === '$') {
			result += '$';
			at++;
		} else {
			const end = closing(text, at + 2);
			const token = text.slice(at, end < 0 ? undefined : end + 1);
			if (end < 0 || depth >= deepest) {
				expansion.fault(
					token,
					end < 0 ? `'${token}' is opened and never closed; a dollar itself is $$` : 'variables in defaults nest too deeply',
				);
				return result;
			}
			result += variableValue(text.slice(at + 2, end), token, depth, expansion);
			at = end;
		}
	}
	return result;
}

function variableValue(inner: string, token: string, depth: number, expansion: Expansion): string {
	const match = /^([A-Za-z_][A-Za-z0-9_]*)(?:(:?[-?+])([\s\S]*))?$/.exec(inner);
	if (!match) {
		expansion.fault(token, `'${token}' is no variable; a dollar itself is $$`);
		return '';
	}
	const [, name = '', operator, rest = ''] = match;
	const found = expansion.lookUp(name);
	const value = operator?.startsWith(':') && found === '' ? undefined : found;
	switch (operator?.at(-1)) {
		case '-':
			return value ?? replaceVariables(rest, depth + 1, expansion);
		case '+':
			return value === undefined ? '' : replaceVariables(rest, depth + 1, expansion);
		case '?':
			if (value === undefined)
				expansion.fault(token, rest === '' ? `the variable ${name} is needed` : `the variable ${name} is needed: ${rest}`, name);
			return value ?? '';
		default:
			if (found === undefined) expansion.fault(token, `the variable ${name} is not set`, name);
			return found ?? '';
	}
}

/** The brace that closes the one before `from`. */
function closing(text: string, from: number): number {
	let depth = 0;
	for (let at = from; at < text.length; at++) {
		if (text[at] === '$' && text[at + 1] === '{') {
			depth++;
			at++;
		} else if (text[at] === '}' && depth-- === 0) return at;
	}
	return -1;
}

/** Where the token stands within the value, as it was written. */
function spanOf({ at }: ScalarTree, token: string): Span {
	const first = token.slice(0, token.search(/\r?\n|$/));
	const found = at.source.text.indexOf(first, at.start);
	return found < 0 || found >= at.end ? at : { source: at.source, start: found, end: Math.min(found + first.length, at.end) };
}

/** A value without quotes is what YAML would read in its place: `${PORT}` may be a number. */
function resolved(part: ScalarTree, text: string): ScalarTree {
	const value = /^(true|True|TRUE)$/.test(text)
		? true
		: /^(false|False|FALSE)$/.test(text)
			? false
			: /^(null|Null|NULL|~)$/.test(text)
				? null
				: /^[-+]?\d{1,15}$|^[-+]?(\.\d+|\d+(\.\d*)?)([eE][-+]?\d+)?$/.test(text) && Number.isFinite(Number(text))
					? Number(text)
					: text;
	return { ...part, value, text };
}
