/** `orch daemon logs`: what orchd has written down, also when it does not run. */
import { integer } from '../args/values.ts';
import { command } from '../command.ts';
import { followLog, lastRawLines, renderLogLine } from '../daemon-log.ts';
import { untilInterrupted } from '../interruption.ts';
import { flag, value } from '../option.ts';
import { inert } from '../render/json.ts';

export const daemonLogs = command({
	path: ['daemon', 'logs'],
	summary: 'Show the log of orchd, also of one that does not run any more',
	options: {
		follow: flag('-f, --follow', 'go on until Ctrl-C'),
		lines: value('-n, --lines N', 'the last N lines (20)', integer(0, 10_000_000)),
	},
	examples: ['orch daemon logs', 'orch daemon logs -f', 'orch daemon logs -n 1000 --json | jq -c \'select(.level == "error")\''],
	json: 'the lines as they are in the file: one object a line; {"msg"} around what is none, such as a warning of Node',
	async run(context, { options: { follow = false, lines = 20 } }) {
		const { world, places, json, pretty, style } = context;
		const shown = (line: string) => `${json ? asObject(line) : renderLogLine(line, style, pretty)}\n`;
		const last = lastRawLines(places.logFile, lines);
		const show = async (signal: AbortSignal): Promise<undefined> => {
			for (const line of last.lines) {
				await world.out.flow(shown(line), signal);
				signal.throwIfAborted();
			}
			if (last.lines.length === 0 && !follow) context.note(`orch: nothing in ${places.logFile}`);
			if (follow)
				for await (const line of followLog(places.logFile, last.end, world.clock, signal))
					await world.out.flow(shown(line), signal);
			await world.out.flushed(signal);
		};
		return untilInterrupted(context, show, { endless: follow });
	},
});

function asObject(line: string): string {
	try {
		const parsed: unknown = JSON.parse(line);
		if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) return inert(line);
	} catch {
		// no line of the logger
	}
	return inert(JSON.stringify({ msg: line }));
}
