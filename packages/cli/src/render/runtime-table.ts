/** Runtimes as a table, where it goes: to a person, or into a pipe. */
import { renderRuntimes } from '@orch/base/text';
import type { RuntimeColumns } from '@orch/protocol';
import { shortId } from '@orch/protocol/wire';
import type { Context } from '../context.ts';

export const noRuntimes = 'no runtimes; add one: orch runtime add ./program';

/** `nothing` is told where there is none. */
export function printRuntimes(context: Context, runtimes: RuntimeColumns, nothing = noRuntimes): void {
	if (context.namesOnly) return context.print(runtimes.name.map((name) => `${name}\n`).join(''));
	printTable(context, tableOf(context, runtimes), nothing);
}

export function tableOf({ pretty, style, tableWidth, world }: Context, runtimes: RuntimeColumns, width = tableWidth): string {
	if (runtimes.name.length === 0) return '';
	const shown = { ...runtimes, id: runtimes.id.map(shortId) };
	return renderRuntimes(shown, { forPeopleAt: pretty ? world.clock.now() : undefined, width, style });
}

/** A table that is text already. */
export function printTable(context: Context, text: string, nothing: string): void {
	if (text === '') context.note(nothing);
	else context.print(text);
}
