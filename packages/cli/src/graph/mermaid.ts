/** A graph in the language of Mermaid: needs are dotted, links are drawn through and called by their type. */
import { printable } from '@orch/base/text';
import { flow } from './dot.ts';
import type { Graph } from './graph.ts';
import { nodeName, type Shows, statusText } from './text.ts';

export function graphMermaid({ runtimes, needs, links }: Graph, shows: Shows): string {
	// names may be words of its language, such as `end`
	const ids = new Map<string, string>();
	const id = (name: string): string => {
		const known = ids.get(name) ?? `n${ids.size + 1}`;
		ids.set(name, known);
		return known;
	};
	const nodes = runtimes.map((node) => `${id(node.name)}["${text([nodeName(node), statusText(node)])}"]`);
	const edges = [
		...(shows.needs ? needs.map(({ from, to, condition }) => `${id(from)} -. "${text([condition])}" .-> ${id(to)}`) : []),
		...(shows.links
			? links.map((link) => `${id(link.from)} -- "${text([printable(link.type), flow(link)])}" --> ${id(link.to)}`)
			: []),
	];
	const known = new Set(runtimes.map(({ name }) => name));
	const others = [...ids].filter(([name]) => !known.has(name)).map(([name, of]) => `${of}["${text([printable(name)])}"]`);
	return ['flowchart LR', ...[...nodes, ...others, ...edges].map((line) => `  ${line}`)].map((line) => `${line}\n`).join('');
}

/** Its marks, and those of the HTML that it becomes, by their numbers. */
const escaped = (part: string): string => part.replace(/[^\p{L}\p{N} _./+:,\u00d7-]/gu, (letter) => `#${letter.codePointAt(0)};`);
const text = (lines: readonly string[]): string =>
	lines
		.filter((line) => line !== '')
		.map(escaped)
		.join('<br/>');
