/** A graph as text: trees of who needs whom, from who is needed by nobody down; for each sender, what goes where. */
import { displayWidth, printable, type Style } from '@orch/base/text';
import { rate } from '../render/time.ts';
import { anySender, type Graph, type GraphNode, type LinkEdge, type NeedEdge } from './graph.ts';

export function graphText({ runtimes, needs, links }: Graph, shows: Shows, style: Style): string {
	const parts = [
		...(shows.needs ? [section('needs', needTrees(runtimes, needs, style), style, shows.links)] : []),
		...(shows.links ? [section('links', linkTrees(runtimes, links, style), style, shows.needs)] : []),
	];
	return parts.filter((part) => part !== '').join('\n');
}

export interface Shows {
	readonly needs: boolean;
	readonly links: boolean;
}

function section(title: string, lines: readonly string[], style: Style, isTitled: boolean): string {
	if (lines.length === 0) return '';
	return [...(isTitled ? [style.dim(`${title}:`)] : []), ...lines].map((line) => `${line}\n`).join('');
}

/** `worker ×3`. */
export const nodeName = ({ name, instances }: GraphNode): string => `${printable(name)}${instances > 1 ? ` ×${instances}` : ''}`;

/** `running`, `2 running, 1 failed`; nothing where nobody has looked. */
export function statusText({ statuses }: GraphNode): string {
	const counts = Object.entries(statuses);
	if (counts.length <= 1) return counts[0]?.[0] ?? '';
	return counts.map(([status, count]) => `${count} ${status}`).join(', ');
}

function needTrees(runtimes: readonly GraphNode[], needs: readonly NeedEdge[], style: Style): string[] {
	const nodes = new Map(runtimes.map((node) => [node.name, node]));
	const below = groups(needs, ({ from }) => from);
	const needed = new Set(needs.map(({ to }) => to));
	const lines: string[] = [];
	const drawn = new Set<string>();
	const draw = (
		name: string,
		prefix: { readonly own: string; readonly below: string },
		note: string,
		above: readonly string[],
	) => {
		const node = nodes.get(name) ?? { name, instances: 1, statuses: {} };
		const edges = below.get(name) ?? [];
		const circle = above.includes(name);
		const again = !circle && drawn.has(name) && edges.length > 0;
		const said = [
			...(note === '' ? [] : [style.dim(`(${note})`)]),
			painted(node, style),
			...(circle ? [style.yellow('needs itself, in a circle')] : again ? [style.dim('as above')] : []),
		].filter((part) => part !== '');
		lines.push([`${prefix.own}${above.length === 0 ? style.bold(nodeName(node)) : nodeName(node)}`, ...said].join('  '));
		if (circle || again) return;
		drawn.add(name);
		for (const [index, edge] of edges.entries()) {
			const isLast = index === edges.length - 1;
			draw(
				edge.to,
				{ own: `${prefix.below}${isLast ? '└─ ' : '├─ '}`, below: `${prefix.below}${isLast ? '   ' : '│  '}` },
				edge.condition,
				[...above, name],
			);
		}
	};
	for (const { name } of runtimes) if (!needed.has(name)) draw(name, { own: '', below: '' }, '', []);
	// those in a circle have nobody above them
	for (const { name } of runtimes) if (!drawn.has(name)) draw(name, { own: '', below: '' }, '', []);
	return lines;
}

function linkTrees(runtimes: readonly GraphNode[], links: readonly LinkEdge[], style: Style): string[] {
	const nodes = new Map(runtimes.map((node) => [node.name, node]));
	const shown = (name: string) => {
		const node = nodes.get(name);
		return node ? nodeName(node) : printable(name);
	};
	const lines: string[] = [];
	const width = Math.max(0, ...links.map(({ type, to }) => displayWidth(`${printable(type)} → ${shown(to)}`)));
	for (const [from, edges] of groups(links, (link) => link.from)) {
		lines.push(style.bold(from === anySender ? '* (any sender)' : shown(from)));
		for (const [index, { type, to, flow }] of edges.entries()) {
			const text = `${printable(type)} → ${shown(to)}`;
			const flowing = flow ? flowText(flow, style) : '';
			const padding = flowing === '' ? '' : `${' '.repeat(width - displayWidth(text))}  `;
			lines.push(`${index === edges.length - 1 ? '└─' : '├─'} ${text}${padding}${flowing}`);
		}
	}
	return lines;
}

function flowText({ messagesPerSecond, dropped, queued }: NonNullable<LinkEdge['flow']>, style: Style): string {
	return [
		`${rate(messagesPerSecond)}/s`,
		...(queued > 0 ? [`${queued} waiting`] : []),
		...(dropped > 0 ? [style.red(`${dropped} dropped`)] : []),
	].join('  ');
}

function painted(node: GraphNode, style: Style): string {
	const text = statusText(node);
	if (text === '') return '';
	const statuses = Object.keys(node.statuses);
	if (statuses.some((status) => status === 'failed' || status === 'backoff')) return style.red(text);
	return statuses.every((status) => status === 'running') ? style.green(text) : style.yellow(text);
}

function groups<T>(edges: readonly T[], key: (edge: T) => string): Map<string, T[]> {
	const found = new Map<string, T[]>();
	for (const edge of edges) {
		const of = key(edge);
		const known = found.get(of);
		if (known) known.push(edge);
		else found.set(of, [edge]);
	}
	return found;
}
