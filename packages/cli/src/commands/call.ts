/** `orch call`: any operation by hand, with its params and result as they are. */
import { findJsonFault, jsonFrame, renderTable } from '@orch/base/text';
import type { OperationName } from '@orch/protocol';
import { command } from '../command.ts';
import type { Context } from '../context.ts';
import { CliError } from '../errors.ts';
import { operations } from '../generated/operations.ts';
import { untilInterrupted } from '../interruption.ts';
import { fromJson, toJson } from '../render/json.ts';

export const call = command({
	path: ['call'],
	summary: 'Call any operation by hand; without one it lists them',
	notes: [
		'Params are JSON: an argument, or - for standard input. Bytes are {"b64": "…"}. A stream prints one item a line, until its end or Ctrl-C.',
	],
	args: [{ name: 'OPERATION' }, { name: 'JSON' }],
	examples: ['orch call', 'orch call runtime.list', `orch call runtime.stop '{"runtime":"ping"}'`],
	json: 'the result of the operation, with or without --json',
	async run(context, { args: [name, typed] }) {
		if (name === undefined) {
			listOperations(context);
			return undefined;
		}
		const text = typed === '-' ? Buffer.from(await context.world.input.read()).toString('utf8') : (typed ?? '{}');
		const params = readParams(text);
		return callAny(context, name, params);
	},
});

/** Asked for as a stream, which an operation that answers once also is: one without items. */
async function callAny(context: Context, name: string, params: unknown): Promise<number | undefined> {
	const { out } = context.world;
	const isStream = operations[name]?.stream === true;
	const show = async (signal: AbortSignal): Promise<undefined> => {
		const stream = context.follow(name as OperationName, params as never, signal);
		let items = 0;
		for (let next = await stream.next(); ; next = await stream.next()) {
			await out.flow(toJson(next.value, next.done === true && context.pretty && items === 0 && !isStream), signal);
			if (next.done) break;
			items++;
		}
		await out.flushed(signal);
	};
	return untilInterrupted(context, show, { endless: isStream });
}

function readParams(text: string): unknown {
	const fault = findJsonFault(text);
	if (!fault) return fromJson(text);
	const { line, column, frame } = jsonFrame(text, fault.at);
	throw new CliError('message.invalid', {
		what: 'what follows the operation',
		reason: `${fault.reason} at line ${line}, column ${column}`,
		frame,
		hint: `quote it for the shell: orch call runtime.show '{"runtime":"ping"}'`,
	});
}

function listOperations(context: Context): void {
	const rows = Object.entries(operations).map(([name, operation]) => ({ name, ...operation }));
	if (context.json) return context.printJson(rows);
	if (context.namesOnly) return context.print(rows.map(({ name }) => `${name}\n`).join(''));
	const table = renderTable(
		rows,
		[
			{ header: 'OPERATION', rank: 0, text: ({ name }) => name, paint: (text, _row, style) => style.bold(text) },
			{ header: 'PARAMS', rank: 2, text: ({ params }) => params.join(', ') || '–', shrinkTo: 20 },
			{ header: 'SUMMARY', rank: 1, text: ({ summary, stream }) => `${summary}${stream ? ' (a stream)' : ''}`, shrinkTo: 24 },
		],
		{ width: context.tableWidth, style: context.style },
	);
	context.print(table);
}
