/** YAML text to a tree with places: YAML 1.2, bounded in size, depth and parts. */
import {
	type Alias,
	type Document,
	isAlias,
	isPair,
	isScalar,
	isSeq,
	type Pair,
	parseDocument,
	type ParsedNode,
	type YAMLError,
	type YAMLMap,
} from 'yaml';
import { type Problem, problem } from '../problem.ts';
import { lineAt, lineStart, lineText, type Source, type Span } from '../source.ts';
import type { Entry, Tree } from './tree.ts';

export const limits = {
	/** Of one file. */
	bytes: 1024 * 1024,
	depth: 64,
	/** Parts of one file, aliases counted as often as they are used. */
	parts: 100_000,
} as const;

export interface Parsed {
	/** Undefined where the file has nothing in it, or cannot be read as YAML; of a key that stands twice it has the later. */
	readonly tree: Tree | undefined;
	readonly problems: readonly Problem[];
}

export function parse(source: Source): Parsed {
	const bytes = Buffer.byteLength(source.text);
	if (bytes > limits.bytes) {
		const message = `${source.name} has ${bytes} bytes; a project file may have ${limits.bytes}`;
		return { tree: undefined, problems: [problem('too_much', message, { at: span(source, 0, 0), bare: true })] };
	}
	const document = parseDocument(source.text, {
		version: '1.2',
		schema: 'core',
		merge: false,
		uniqueKeys: true,
		strict: true,
		keepSourceTokens: true,
		prettyErrors: false,
		// silent would let a second document pass
		logLevel: 'error',
	});
	const { syntax, twice } = syntaxProblems(document, source);
	if (syntax.length > 0) return { tree: undefined, problems: [...twice, ...syntax] };
	const reader = new Reader(document, source);
	const tree = document.contents === null ? undefined : reader.read(document.contents, 0);
	// a key that stands twice hides nothing of the rest
	return { tree: reader.problems.length > 0 ? undefined : tree, problems: [...twice, ...reader.problems] };
}

const span = (source: Source, start: number, end: number): Span => ({ source, start, end });

const tooDeep = (at: Span): Problem =>
	problem('too_much', `nested too deeply: a project file may be ${limits.depth} levels deep`, { at, bare: true });

/** Walks the document; the first thing too much ends it, everything else is collected. */
class Reader {
	readonly problems: Problem[] = [];
	readonly #document: Document.Parsed;
	readonly #source: Source;
	readonly #open = new Set<unknown>();
	#parts = 0;
	#full = false;

	constructor(document: Document.Parsed, source: Source) {
		this.#document = document;
		this.#source = source;
	}

	read(node: ParsedNode | Alias | null, depth: number): Tree | undefined {
		if (node === null || this.#full) return undefined;
		const at = this.#spanOf(node);
		if (++this.#parts > limits.parts)
			return this.#stop(
				problem('too_much', `more than ${limits.parts} parts, aliases counted as often as they are used`, { at }),
			);
		if (depth > limits.depth) return this.#stop(tooDeep(at));
		if (isAlias(node)) {
			const target = node.resolve(this.#document) as ParsedNode | undefined;
			if (!target)
				return this.#say(problem('syntax', `*${node.source} names nothing: no anchor &${node.source} stands before it`, { at }));
			if (this.#open.has(target)) return this.#say(problem('syntax', `*${node.source} stands within what it names`, { at }));
			return this.read(target, depth + 1);
		}
		this.#open.add(node);
		const tree = this.#readContent(node, at, depth);
		this.#open.delete(node);
		return tree;
	}

	#readContent(node: Exclude<ParsedNode, Alias.Parsed>, at: Span, depth: number): Tree | undefined {
		if (isScalar(node)) {
			const { value } = node;
			const plain = node.type === 'PLAIN';
			const text = plain ? (node.source ?? '') : String(value ?? '');
			// what core YAML cannot say in JSON, such as .inf, is the text that it is
			const known = value === null || typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value);
			return { kind: 'scalar', value: known ? (value as string | number | boolean | null) : text, text, plain, at };
		}
		if (isSeq(node)) {
			const items: Tree[] = [];
			for (const item of node.items) {
				const tree = this.read(item as ParsedNode, depth + 1);
				if (tree) items.push(tree);
			}
			return { kind: 'list', items, at };
		}
		return { kind: 'map', entries: this.#readEntries(node as YAMLMap, depth), at };
	}

	#readEntries(map: YAMLMap, depth: number): Map<string, Entry> {
		const entries = new Map<string, Entry>();
		const inherited = new Map<string, Entry>();
		for (const pair of map.items) {
			if (!isPair(pair)) continue;
			const { key, value } = pair as Pair<ParsedNode, ParsedNode | null>;
			const keyAt = this.#spanOf(key);
			if (!isScalar(key)) {
				this.#say(problem('syntax', 'a key must be a plain word or a text', { at: keyAt }));
				continue;
			}
			const name = key.type === 'PLAIN' ? (key.source ?? '') : String(key.value);
			const tree = this.read(value, depth + 1) ?? {
				kind: 'scalar' as const,
				value: null,
				text: '',
				plain: true,
				at: span(this.#source, keyAt.start, keyAt.end),
			};
			if (name === '<<' && key.type === 'PLAIN') this.#inherit(tree, inherited, keyAt);
			else entries.set(name, { key: keyAt, value: tree });
		}
		for (const [name, entry] of inherited) if (!entries.has(name)) entries.set(name, entry);
		return entries;
	}

	/** `<<: *base`, which YAML 1.2 has no longer and people go on writing: the keys that the map lacks. */
	#inherit(tree: Tree, inherited: Map<string, Entry>, at: Span): void {
		for (const part of tree.kind === 'list' ? tree.items : [tree]) {
			if (part.kind === 'map') for (const [name, entry] of part.entries) inherited.has(name) || inherited.set(name, entry);
			else this.#say(problem('syntax', '<< takes a map, or a list of maps', { at }));
		}
	}

	#spanOf(node: { readonly range?: readonly [number, number, number] | null | undefined }): Span {
		const [start = 0, end = 0] = node.range ?? [];
		return span(this.#source, start, Math.max(start, end));
	}

	#say(said: Problem): undefined {
		this.problems.push(said);
		return undefined;
	}

	#stop(said: Problem): undefined {
		this.#full = true;
		return this.#say(said);
	}
}

/**
 * The first thing that is no YAML, as what follows is mostly of its making, and all keys that stand twice; an unknown tag
 * is no YAML of ours.
 */
function syntaxProblems(
	document: Document.Parsed,
	source: Source,
): { readonly syntax: readonly Problem[]; readonly twice: readonly Problem[] } {
	const errors = [...document.errors, ...document.warnings];
	const isTwice = ({ code }: YAMLError) => code === 'DUPLICATE_KEY';
	const first = errors.find((error) => !isTwice(error));
	return {
		syntax: first === undefined ? [] : [syntaxProblem(first, source)],
		twice: errors.filter(isTwice).map((error) => duplicateKey(error, source)),
	};
}

const howToCheck = 'orch validate';

function duplicateKey({ pos }: YAMLError, source: Source): Problem {
	const end = /^[^\s:#]*/.exec(source.text.slice(pos[0]))?.[0].length ?? 1;
	const at = span(source, pos[0], pos[0] + Math.max(1, end));
	return problem('syntax', `the key '${source.text.slice(at.start, at.end)}' stands in this map twice`, { at, hint: howToCheck });
}

function syntaxProblem({ code, pos, message }: YAMLError, source: Source): Problem {
	const [start, end] = pos;
	const say = (sentence: string, at: Span, note?: string) => problem('syntax', sentence, { at, note, hint: howToCheck });
	const here = span(source, start, Math.max(end, start + 1));
	const line = lineText(source, lineAt(source, start));
	if ((code === 'UNEXPECTED_TOKEN' || code === 'MISSING_CHAR') && /[{[,:]\s*\$\{/.test(line)) {
		const dollar = lineStart(source, lineAt(source, start)) + line.search(/\$\{/);
		// biome-ignore lint/suspicious/noTemplateCurlyInString: it is what is talked about
		return say('between { and }, or [ and ], a ${…} must be in quotes', span(source, dollar, dollar + 2));
	}
	switch (code) {
		case 'RESOURCE_EXHAUSTION':
			return tooDeep(span(source, start, start + 1));
		case 'BAD_INDENT': {
			const number = lineAt(source, start);
			const own = indentOf(line);
			if (message.startsWith('All mapping items')) {
				const expected = indentAbove(source, number);
				const at = span(source, lineStart(source, number) + own, lineStart(source, number) + own + 1);
				const note = expected === own ? undefined : `expected column ${expected + 1}, found column ${own + 1}`;
				return say('indentation: this key does not line up with the keys above it', at, note);
			}
			if (message.startsWith('All sequence items'))
				return say('indentation: this item does not line up with the items above it', here);
			return say(
				`${message.includes('sequence') ? 'a list' : 'a map'} that was opened by ${message.includes('sequence') ? '[' : '{'} is not closed before this`,
				here,
			);
		}
		case 'TAB_AS_INDENT':
			return say('indentation: YAML takes spaces, this is a tab', here);
		case 'MULTIPLE_DOCS':
			return say('a second document begins here; a project file is one', span(source, start, start + 3));
		case 'MISSING_CHAR':
			return say(/quote/.test(message) ? 'a quote is opened and never closed' : lower(message), lastCharacter(source, start));
		case 'BLOCK_AS_IMPLICIT_KEY':
			// an item that stands too far to the left is read so as well
			if (/^\s*- /.test(line)) return say('indentation: this item does not line up with the items above it', here);
			return say('a second `:` in one line: put the value in quotes, or the map on lines of its own', here);
		case 'BAD_SCALAR_START':
			return say(`a value cannot start with ${source.text[start]}: put it in quotes`, here);
		case 'MULTILINE_IMPLICIT_KEY':
			return say(
				'this is neither a key with a value nor an item of a list: a `:` may be missing',
				span(source, start, Math.min(end, start + firstLine(source.text.slice(start)).length)),
			);
		case 'TAG_RESOLVE_FAILED':
			return say(`the tag ${source.text.slice(start, end)} means nothing here`, here);
		case 'UNEXPECTED_TOKEN':
			return say('this cannot stand here: the indentation, or a quote before it, may be wrong', here);
		default:
			return say(lower(message), here);
	}
}

/** The indentation of the nearest line above that has something in it. */
function indentAbove(source: Source, line: number): number {
	for (let above = line - 1; above >= 0; above--) {
		const text = lineText(source, above);
		if (/^\s*(#|$)/.test(text)) continue;
		return indentOf(text);
	}
	return 0;
}

const indentOf = (line: string): number => line.length - line.trimStart().length;
const firstLine = (text: string): string => text.slice(0, text.search(/\r?\n|$/));
const lower = (sentence: string): string => sentence.charAt(0).toLowerCase() + sentence.slice(1);

function lastCharacter(source: Source, offset: number): Span {
	const line = lineAt(source, Math.max(0, offset - 1));
	const start = lineStart(source, line) + Math.max(0, lineText(source, line).length - 1);
	return span(source, start, start + 1);
}
