/** Shows the same thing again every second, until Ctrl-C: drawn over itself on a terminal, one below the other in a pipe. */
import type { Context } from '../context.ts';
import { untilInterrupted } from '../interruption.ts';

const everyMs = 1000;

/** `text` gives what is shown now; with --json that is one line, and stands for itself. */
export function again(context: Context, text: (signal: AbortSignal) => Promise<string>): Promise<number | undefined> {
	const { world, json, pretty } = context;
	const show = async (signal: AbortSignal): Promise<never> => {
		for (let drawn: number | undefined; ; ) {
			const now = json ? await text(signal) : fitToScreen(await text(signal), pretty ? world.out.rows : undefined);
			const back = pretty && !json && drawn !== undefined ? `${drawn > 0 ? `\u001b[${drawn}A` : ''}\u001b[J` : '';
			const apart = !pretty && !json && drawn !== undefined ? '\n' : '';
			await world.out.flow(back + apart + now, signal);
			drawn = now.split('\n').length - 1;
			await world.clock.sleep(everyMs, signal);
		}
	};
	return untilInterrupted(context, show, { endless: true });
}

/** What would scroll away could not be drawn over. */
function fitToScreen(text: string, rows: number | undefined): string {
	const lines = text.trimEnd().split('\n');
	if (rows === undefined || lines.length < rows) return text;
	const kept = Math.max(1, rows - 2);
	return `${lines.slice(0, kept).join('\n')}\n… ${lines.length - kept} more\n`;
}
