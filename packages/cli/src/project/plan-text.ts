/** A plan as it is shown: what comes, goes and changes, field by field, with what that means for what runs; never a secret. */
import { cut, printable, type Style } from '@orch/base/text';
import type { Api, ResultOf } from '@orch/protocol';
import { maskDeep } from '../secrets.ts';

export type Diff = ResultOf<Api['project.diff']>;

/** Without the secrets that change: to be done before any of it is shown. */
export function maskPlan<Shown extends Pick<Diff, 'plan'>>(shown: Shown): Shown {
	const { plan } = shown;
	const changed = plan.runtimes.changed.map((runtime) => ({ ...runtime, fields: runtime.fields.map(maskField) }));
	return { ...shown, plan: { ...plan, runtimes: { ...plan.runtimes, changed } } };
}

type Field = Diff['plan']['runtimes']['changed'][number]['fields'][number];

function maskField({ field, ...values }: Field): Field {
	const shown = Object.entries(values).map(([side, value]) => [side, maskDeep(value, field.split('.'))]);
	return { field, ...Object.fromEntries(shown) };
}

export function planText({ plan, orphans }: Diff, style: Style): string {
	const { runtimes, links, definitions } = plan;
	const arrow = (link: { from: string; type: string; to: string }) => printable(`${link.from} ─${link.type}→ ${link.to}`);
	const lines: string[] = [];
	for (const name of runtimes.added) lines.push(style.green(`+ ${name}`));
	for (const { name, fields, restart } of runtimes.changed) {
		const effect =
			restart.length > 0 ? style.yellow(`restarts: ${printable(restart.join(', '))}`) : style.dim('goes on as it runs');
		lines.push(`${style.yellow('~')} ${name}  ${effect}`);
		for (const field of fields) lines.push(fieldText(field, style));
	}
	for (const name of runtimes.removed) lines.push(style.red(`- ${name}`));
	for (const link of links.added) lines.push(style.green(`+ ${arrow(link)}`));
	for (const link of links.changed) {
		lines.push(`${style.yellow('~')} ${arrow(link)}`);
		for (const field of link.fields) lines.push(fieldText(field, style));
	}
	for (const link of links.removed) lines.push(style.red(`- ${arrow(link)}`));
	const signs = { added: style.green('+'), removed: style.red('-'), changed: style.yellow('~') };
	for (const { section, name, change } of definitions)
		lines.push(`${signs[change]} ${printable(`${section}${name === section ? '' : `.${name}`}`)}`);
	for (const name of orphans) lines.push(style.dim(`  ${name}  is not in the files any more; --remove-orphans takes it away`));
	return lines.map((line) => `${line}\n`).join('');
}

function fieldText({ field, before, after }: Field, style: Style): string {
	const shown = (value: unknown) => (value === undefined ? 'nothing' : valueText(field, value));
	return `    ${style.dim(printable(field))}  ${shown(before)} → ${shown(after)}`;
}

const longest = 80;

function valueText(field: string, value: unknown): string {
	const text = field.startsWith('env.') && typeof value === 'string' ? value : JSON.stringify(value);
	return cut(printable(text), longest);
}

export function isEmptyDiff({ plan: { runtimes, links, definitions } }: Pick<Diff, 'plan'>): boolean {
	return [runtimes.added, runtimes.changed, runtimes.removed, links.added, links.changed, links.removed, definitions].every(
		(list) => list.length === 0,
	);
}
