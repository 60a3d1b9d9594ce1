/** `orch runtime stdout` and `orch runtime stderr`: the bytes as the program wrote them, backlog first, then live. */
import { integer } from '../args/values.ts';
import { type Command, command } from '../command.ts';
import type { Context } from '../context.ts';
import { flag, value } from '../option.ts';
import { toJson } from '../render/json.ts';
import { bytes as byteCount } from '../render/time.ts';
import { untilInterrupted } from '../interruption.ts';

const outputOf = (stream: 'stdout' | 'stderr', words: string): Command =>
	command({
		path: ['runtime', stream],
		summary: `Show what a runtime writes to its ${words}: the backlog, then live`,
		notes: [
			'Bytes go to standard output as they are. Unless --no-follow, it follows, also a runtime that has not been started yet, until Ctrl-C or until the runtime is removed; Ctrl-C only ends the showing.',
		],
		args: [{ name: 'RUNTIME', required: true }],
		options: {
			lines: value('-n, --lines N', 'begin with the last N lines instead of everything there is', integer(0, 10_000_000)),
			follow: flag('-f, --follow', 'go on with what comes (unless said otherwise)'),
			noFollow: flag('--no-follow', 'end after what there is'),
		},
		examples: [
			`orch runtime ${stream} ping`,
			`orch runtime ${stream} ping -n 20 --no-follow`,
			`orch runtime ${stream} ping | grep error`,
		],
		json: 'a stream of {"bytes": {"b64"}, "removedBytes"}, one a line; removedBytes of what was removed right before them, by its limit',
		run: (context, { args: [runtime = ''], options: { lines, noFollow = false } }) =>
			showOutput(context, stream, { runtime, follow: !noFollow, ...(lines === undefined ? {} : { lines }) }),
	});

export const runtimeStdout = outputOf('stdout', 'standard output');
export const runtimeStderr = outputOf('stderr', 'standard error');

async function showOutput(
	context: Context,
	stream: 'stdout' | 'stderr',
	params: { readonly runtime: string; readonly follow: boolean; readonly lines?: number },
): Promise<number | undefined> {
	const { json, world } = context;
	const { out } = world;
	const show = async (signal: AbortSignal): Promise<undefined> => {
		const items = context.follow(`runtime.${stream}`, params, signal);
		// the next portion is asked for only once this one is out: a full pipe holds up nothing but itself
		for await (const item of items) {
			const { bytes, removedBytes } = item;
			if (removedBytes !== undefined && !json)
				context.note(`orch: ${byteCount(removedBytes)} of its output had been removed before they could be shown`);
			await out.flow(json ? toJson(item, false) : bytes, signal);
		}
		await out.flushed(signal);
	};
	return untilInterrupted(context, show, { endless: params.follow });
}
