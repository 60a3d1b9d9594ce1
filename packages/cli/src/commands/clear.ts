/** `orch clear`: stops everything, forgets everything. */
import { command } from '../command.ts';
import type { Context } from '../context.ts';
import { CliError } from '../errors.ts';
import { flag } from '../option.ts';
import { droppedText } from '../render/dropped.ts';
import { plural } from '../render/time.ts';
import { canAsk, confirmed } from './confirm.ts';

export const clear = command({
	path: ['clear'],
	summary: 'Stop all runtimes and forget them, with their output and all links',
	notes: ['On a terminal it asks; elsewhere it needs --yes. orchd itself goes on.'],
	options: { yes: flag('-y, --yes', 'do not ask') },
	examples: ['orch clear', 'orch clear --yes'],
	json: '{"runtimes", "links", "droppedMessages"}: how many there were, and how many messages waited',
	async run(context, { options: { yes = false } }) {
		if (!yes) await askFirst(context);
		const cleared = await context.act('clear', {});
		const { runtimes, links, droppedMessages } = cleared;
		const dropped = droppedText(droppedMessages);
		if (context.json) context.printJson(cleared);
		else context.note(`cleared: ${plural(runtimes, 'runtime')} and ${plural(links, 'link')} removed${dropped}`);
		return undefined;
	},
});

async function askFirst(context: Context): Promise<void> {
	if (!canAsk(context))
		throw new CliError('confirmation.needed', { what: 'stopping and forgetting everything', command: 'orch clear --yes' });
	const status = await context.read('daemon.status', {});
	const runtimes = Object.values(status.runtimes).reduce((sum, count) => sum + count, 0);
	const running = status.runtimes['running'] ?? 0;
	const what = `${plural(runtimes, 'runtime')}${running > 0 ? ` (${running} running)` : ''} and ${plural(status.links, 'link')}`;
	if (!(await confirmed(context, `Stop and forget ${what}, with all output?`))) throw new CliError('confirmation.refused', {});
}
