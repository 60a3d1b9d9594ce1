/** What an `up` tells while it goes on, and at its end. */
import type { Style } from '@orch/base/text';
import type { Api, ItemOf, ResultOf } from '@orch/protocol';
import type { Context } from '../context.ts';

export type Progress = ItemOf<Api['project.up']>;
export type Report = ResultOf<Api['project.up']>;

const ends: ReadonlySet<string> = new Set(['ready', 'running', 'succeeded', 'failed', 'pending', 'scheduled', 'removed']);

/** A line for each runtime once it is where it goes. */
export class UpTeller {
	readonly #context: Context;
	readonly #project: (name: string) => string;
	#width = 8;

	constructor(context: Context, project: (name: string) => string) {
		this.#context = context;
		this.#project = project;
	}

	tell({ name, kind, reason, ms, runner }: Progress): void {
		const shown = runner === undefined ? this.#project(name) : name;
		this.#width = Math.max(this.#width, shown.length);
		const { noteStyle: style, world } = this.#context;
		if (kind === 'waiting' && world.err.isTerminal)
			this.#context.note(` ${style.yellow('…')} ${shown.padEnd(this.#width)}  waits for ${reason}`);
		if (!ends.has(kind)) return;
		this.#context.note(outcomeLine(shown.padEnd(this.#width), { kind, reason, ms }, style));
	}
}

function outcomeLine(name: string, { kind, reason, ms }: Pick<Progress, 'kind' | 'reason' | 'ms'>, style: Style): string {
	const mark = kind === 'failed' ? style.red('✗') : kind === 'pending' ? style.yellow('…') : style.green('✓');
	const time = `${(ms / 1000).toFixed(1)}s`.padStart(6);
	return ` ${mark} ${name}  ${kind.padEnd(9)} ${time}${reason === null ? '' : `   ${reason}`}`;
}

/** How each came out, where nothing was told on the way. */
export function outcomeLines(outcomes: Report['outcomes'], style: Style): string[] {
	const width = Math.max(0, ...outcomes.map(({ name }) => name.length));
	return outcomes.map((outcome) => outcomeLine(outcome.name.padEnd(width), outcome, style));
}

/** `orch: 2 ready, 1 failed (project shop)`. */
export function summary({ name, outcomes, plan }: Report): string {
	const counts = new Map<string, number>();
	for (const { kind } of outcomes) counts.set(kind, (counts.get(kind) ?? 0) + 1);
	const order = ['ready', 'running', 'succeeded', 'scheduled', 'pending', 'failed'];
	const parts = order.flatMap((kind) => (counts.has(kind) ? [`${counts.get(kind)} ${kind}`] : []));
	const restarted = plan.runtimes.changed.filter(({ restart }) => restart.length > 0);
	if (restarted.length > 0) parts.push(`${restarted.length} restarted`);
	if (plan.runtimes.removed.length > 0) parts.push(`${plan.runtimes.removed.length} removed`);
	return `orch: ${parts.join(', ') || 'nothing to run'} (project ${name})`;
}

/** Why what was restarted was. */
export function reasons({ plan, orphans, faults }: Report, style: Style): string[] {
	const lines = plan.runtimes.changed
		.filter(({ restart }) => restart.length > 0)
		.map(({ name, restart }) => `  ${style.yellow('~')} ${name} was restarted: ${restart.join(', ')}`);
	const left = orphans.map((name) => `  ${name} is not in the files any more; orch up --remove-orphans takes it away`);
	return [...lines, ...left, ...faults.map((fault) => `  ${style.red('✗')} ${fault}`)];
}

/** By start order and time, for who wants to know what an `up` waits for. */
export function timing({ outcomes }: Report): string[] {
	const width = Math.max(0, ...outcomes.map(({ name }) => name.length));
	return [...outcomes]
		.sort((one, other) => one.ms - other.ms)
		.map(({ name, ms }) => `  ${name.padEnd(width)}  ${(ms / 1000).toFixed(2)}s`);
}

export const exitOf = ({ outcomes, faults }: Pick<Report, 'outcomes' | 'faults'>): number => {
	if (outcomes.some(({ kind }) => kind === 'failed') || faults.length > 0) return 1;
	return outcomes.some(({ kind }) => kind === 'pending') ? 124 : 0;
};
