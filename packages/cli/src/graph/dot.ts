/** A graph in the language of Graphviz: needs are dashed, links are drawn through and called by their type. */
import { printable } from '@orch/base/text';
import { rate } from '../render/time.ts';
import type { Graph, LinkEdge } from './graph.ts';
import { nodeName, type Shows, statusText } from './text.ts';

export function graphDot({ runtimes, needs, links }: Graph, shows: Shows): string {
	const lines = [
		'digraph orch {',
		'  rankdir=LR;',
		'  node [shape=box];',
		...runtimes.map((node) => `  ${quoted(node.name)} [label=${label([nodeName(node), statusText(node)])}];`),
		...(shows.needs
			? needs.map(({ from, to, condition }) => `  ${quoted(from)} -> ${quoted(to)} [style=dashed, label=${label([condition])}];`)
			: []),
		...(shows.links
			? links.map((link) => `  ${quoted(link.from)} -> ${quoted(link.to)} [label=${label([printable(link.type), flow(link)])}];`)
			: []),
		'}',
	];
	return lines.map((line) => `${line}\n`).join('');
}

export const flow = ({ flow: told }: LinkEdge): string =>
	told === undefined ? '' : `${rate(told.messagesPerSecond)}/s${told.dropped > 0 ? `, ${told.dropped} dropped` : ''}`;

/** A backslash would begin an escape of Graphviz's own, such as `\N`. */
const escaped = (text: string): string => text.replace(/[\\"]/g, '\\$&');
const quoted = (name: string): string => `"${escaped(printable(name))}"`;
const label = (lines: readonly string[]): string =>
	`"${lines
		.filter((line) => line !== '')
		.map(escaped)
		.join('\\n')}"`;
