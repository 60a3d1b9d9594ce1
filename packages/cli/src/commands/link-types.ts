/** `orch link types`: who sends and gets which types, what they have to be like, and how they look. */
import { ago, type Column, printable, renderTable } from '@orch/base/text';
import type { Api, ResultOf } from '@orch/protocol';
import { command } from '../command.ts';
import type { Context } from '../context.ts';
import { CliError } from '../errors.ts';
import { flag } from '../option.ts';
import { bodyMember, bodyPreview } from '../render/body.ts';
import { renderDetails } from '../render/details.ts';
import { toJson } from '../render/json.ts';
import { bytes } from '../render/time.ts';

type TypeInfo = ResultOf<Api['link.types']>[number];

export const linkTypes = command({
	path: ['link', 'types'],
	summary: 'Show the types of messages: who sends and gets them, their schemas, a recent message',
	notes: [
		'Every type that a project declares, that a link carries, or that has been sent since the router was started. With TYPE everything about one, its schemas among it; with --schema nothing but those.',
		'Bodies are cut to 512 bytes, and looked at once a second for each sender.',
	],
	args: [{ name: 'TYPE' }],
	options: { schema: flag('--schema', 'only the JSON Schema of TYPE') },
	examples: ['orch link types', 'orch link types Ping', 'orch link types Ping --schema'],
	json: 'an array of types, the body of a recent message in "data", or in "b64" where it is not whole or not text; with TYPE one type; with --schema the schema',
	async run(context, { args: [type], options: { schema = false } }) {
		if (schema && type === undefined) throw new CliError('usage.missing', { what: 'TYPE', command: 'orch link types --schema' });
		const types = await context.read('link.types', type === undefined ? {} : { type });
		if (type === undefined) {
			if (context.json) context.printJson(types.map(toObject));
			else if (context.namesOnly) context.print(types.map(({ name }) => `${shownName(context, name)}\n`).join(''));
			else if (types.length === 0) context.note('no types: nothing is declared, linked or was sent');
			else context.print(renderTable(types, columns(context), { width: context.tableWidth, style: context.style }));
			return undefined;
		}
		// the daemon has said so where there is none
		const [only] = types;
		if (only === undefined) return undefined;
		if (schema) printSchema(context, only);
		else if (context.json) context.printJson(toObject(only));
		else if (context.namesOnly) context.print(`${shownName(context, only.name)}\n`);
		else context.print(details(context, only));
		return undefined;
	},
});

/** For a script as it is: it is to be given to another command. */
const shownName = ({ pretty }: Context, name: string): string => (pretty ? printable(name) : name);

/** One schema; of several that projects have, a list. */
function printSchema(context: Context, { name, schemas }: TypeInfo): void {
	const [first, second] = schemas;
	if (first === undefined) throw new CliError('type.no_schema', { type: name });
	const shown = second === undefined ? first.schema : schemas.map(({ project, schema }) => ({ project, schema }));
	context.print(toJson(shown, true));
}

function columns({ pretty, world }: Context): Column<TypeInfo>[] {
	const now = world.clock.now();
	return [
		{
			header: 'TYPE',
			rank: 0,
			shrinkTo: 10,
			text: ({ name }) => printable(name),
			paint: (text, _type, style) => style.bold(text),
		},
		{ header: 'FROM', rank: 1, shrinkTo: 10, text: ({ producers }) => names(producers) },
		{ header: 'TO', rank: 1, shrinkTo: 10, text: ({ consumers }) => names(consumers) },
		{ header: 'MESSAGES', rank: 2, align: 'right', text: ({ messages }) => String(messages) },
		{
			header: 'REFUSED',
			rank: 2,
			align: 'right',
			text: ({ refused }) => String(refused),
			paint: (text, { refused }, style) => (refused > 0 ? style.red(text) : text),
		},
		{
			header: 'SCHEMA',
			rank: 3,
			text: ({ schemas }) =>
				schemas.map(({ project, problem }) => (problem === null ? project : `${project} (not enforced)`)).join(', ') || '–',
			paint: (text, { schemas }, style) => (schemas.some(({ problem }) => problem !== null) ? style.yellow(text) : text),
		},
		{ header: 'LAST', rank: 4, text: ({ last }) => (last === null ? '–' : pretty ? ago(last.at, now) : last.at) },
		{ header: 'BODY', rank: 5, shrinkTo: 12, text: ({ last }) => (last === null ? '–' : bodyPreview(last)) },
	];
}

function details(
	{ style, pretty, world }: Context,
	{ name, producers, consumers, schemas, last, lastRefused }: TypeInfo,
): string {
	const when = (at: string) => (pretty ? ago(at, world.clock.now()) : at);
	const sent = producers.map((each) => {
		const refused = each.refused > 0 ? style.red(`, ${each.refused} refused`) : '';
		return `${printable(each.name)}  ${each.messages} sent${refused}`;
	});
	return `${style.bold(printable(name))}\n${renderDetails(
		[
			['from', sent.join('\n') || '–'],
			['to', names(consumers) || '–'],
			['last', last === null ? undefined : `${when(last.at)} from ${printable(last.from)}, ${bytes(last.bytes)}, ${last.codec}`],
			['body', last === null ? undefined : bodyPreview(last)],
			[
				'refused',
				lastRefused === null
					? undefined
					: style.red(`${when(lastRefused.at)} from ${printable(lastRefused.from)}: ${printable(lastRefused.reason)}`),
			],
			...schemas.map(
				({ project, problem, schema }) =>
					[
						`schema of ${project}`,
						`${problem === null ? '' : style.yellow(`not enforced: ${printable(problem)}\n`)}${toJson(schema, true).trimEnd()}`,
					] as const,
			),
		],
		style,
	)}`;
}

const names = (parties: readonly { readonly name: string }[]): string =>
	parties.map(({ name }) => printable(name)).join(', ') || '–';

function toObject({ last, ...type }: TypeInfo): object {
	if (last === null) return { ...type, last };
	const { body: _body, ...rest } = last;
	return { ...type, last: { ...rest, ...bodyMember(last) } };
}
