/** `orch link add`: routes messages of a type from one runtime to another. */
import { parseSize } from '../args/size.ts';
import { choice, integer, nonEmpty } from '../args/values.ts';
import { command } from '../command.ts';
import { CliError } from '../errors.ts';
import { value } from '../option.ts';
import { linkText } from './link-text.ts';

export const linkAdd = command({
	path: ['link', 'add'],
	summary: 'Route messages of a type from one runtime to another; prints the id of the link',
	notes: [
		"--from '*' takes the type from anybody; an exact link beats it. Overflow says what happens when the mailbox is full: block (back-pressure to the sender), drop-oldest, drop-newest, latest (keeps only the newest).",
		'Messages wait in the mailbox while the receiver is down; --while-down block holds the sender up instead of dropping when it is full then.',
		'Starts orchd where none runs, unless ORCH_AUTOSTART=0.',
	],
	usage: '--from RUNTIME --type TYPE --to RUNTIME',
	options: {
		from: value('--from RUNTIME', "who sends; '*' for anybody", nonEmpty),
		type: value('--type TYPE', 'the type of the messages', nonEmpty),
		to: value('--to RUNTIME', 'who receives', nonEmpty),
		queue: value('--queue N', 'messages that its mailbox holds (1024)', integer(1, 10_000_000)),
		queueBytes: value('--queue-bytes SIZE', 'bytes that its mailbox holds (8MiB)', parseSize),
		overflow: value(
			'--overflow POLICY',
			'block (unless said otherwise), drop-oldest, drop-newest or latest',
			choice(['block', 'drop-oldest', 'drop-newest', 'latest']),
		),
		whileDown: value('--while-down POLICY', 'drop (unless said otherwise) or block', choice(['drop', 'block'])),
	},
	examples: [
		'orch link add --from ping --type Ping --to pong',
		"orch link add --from '*' --type Log --to logger --queue 10000 --overflow drop-oldest",
	],
	json: 'the link',
	async run(context, { options }) {
		const { from, type, to, queue, queueBytes, overflow, whileDown } = options;
		if (from === undefined) throw missing('--from RUNTIME');
		if (type === undefined) throw missing('--type TYPE');
		if (to === undefined) throw missing('--to RUNTIME');
		await context.connectionOrStart();
		const link = await context.act('link.add', {
			from,
			type,
			to,
			...(queue === undefined ? {} : { queue }),
			...(queueBytes === undefined ? {} : { queueBytes }),
			...(overflow === undefined ? {} : { overflow }),
			...(whileDown === undefined ? {} : { whileDown }),
		});
		if (context.json) context.printJson(link);
		else context.print(`${link.id}\n`);
		context.note(`linked ${linkText(link)}`);
		for (const notice of link.notices) context.note(`  ${notice}`);
		return undefined;
	},
});

const missing = (what: string) => new CliError('usage.missing', { what, command: 'orch link add' });
