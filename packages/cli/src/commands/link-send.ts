/** `orch link send`: a message by hand. */
import { findJsonFault, jsonFrame } from '@orch/base/text';
import { maxPayloadBytes } from '@orch/protocol/wire';
import { integer, nonEmpty } from '../args/values.ts';
import { command } from '../command.ts';
import type { Context } from '../context.ts';
import { CliError } from '../errors.ts';
import { readInputFile } from '../input-file.ts';
import { flag, value } from '../option.ts';
import { plural } from '../render/time.ts';

export const linkSend = command({
	path: ['link', 'send'],
	summary: 'Send a message by hand',
	notes: [
		'With --to it goes straight in, as @cli; no link is needed. With --from it goes by the links of that runtime, as if it had sent it.',
		'The body is JSON: an argument, - for standard input, or -f FILE; without one it is null. --raw sends the bytes as they are.',
	],
	args: [{ name: 'JSON' }],
	usage: '(--to RUNTIME | --from RUNTIME) --type TYPE [JSON | - | -f FILE]',
	options: {
		type: value('--type TYPE', 'the type of the message', nonEmpty),
		to: value('--to RUNTIME', 'who receives it', nonEmpty),
		from: value('--from RUNTIME', 'as whom it is sent', nonEmpty),
		file: value('-f, --file FILE', 'the body from a file', nonEmpty),
		raw: flag('--raw', 'bytes, not JSON'),
		count: value('--count N', 'so many times', integer(1, 10_000_000)),
	},
	examples: [
		`orch link send --to pong --type Ping '{"seq":1}'`,
		'date +%s | orch link send --to pong --type Ping -',
		`orch link send --from ping --type Ping --count 1000 '{"seq":1}'`,
	],
	json: '{"accepted", "dropped"}: into how many mailboxes it went, and drops by reason',
	async run(context, { args: [typed], options: { type, to, from, file, raw = false, count = 1 } }) {
		const usage = (what: string) => new CliError('usage.missing', { what, command: 'orch link send' });
		if (type === undefined) throw usage('--type TYPE');
		if ((to === undefined) === (from === undefined)) {
			if (to === undefined) throw usage('--to RUNTIME or --from RUNTIME');
			throw new CliError('usage.conflict', {
				reason: 'a message goes --to a runtime, or by the links of the one it is --from, not both',
				hint: 'orch help link send',
			});
		}
		const body = await readBody(context, typed, file, raw);
		const params = {
			type,
			body,
			codec: raw ? ('raw' as const) : ('json' as const),
			...(to === undefined ? {} : { to }),
			...(from === undefined ? {} : { from }),
		};
		const sent = await sendMany(context, count, () => context.act('link.send', params));
		if (context.json) context.printJson(sent);
		else report(context, sent, count);
		return sent.accepted === 0 ? 1 : undefined;
	},
});

interface Sent {
	accepted: number;
	readonly dropped: Record<string, number>;
}

/** Requests under way; the next one goes out when the oldest is answered, so that messages keep their order. */
const underWay = 16;

async function sendMany(_context: Context, count: number, send: () => Promise<Readonly<Sent>>): Promise<Sent> {
	const sum: Sent = { accepted: 0, dropped: {} };
	const waiting: Promise<Readonly<Sent>>[] = [];
	const settle = async () => {
		const { accepted, dropped } = (await waiting.shift()) as Sent;
		sum.accepted += accepted;
		for (const [reason, each] of Object.entries(dropped)) sum.dropped[reason] = (sum.dropped[reason] ?? 0) + each;
	};
	for (let at = 0; at < count; at++) {
		const answer = send();
		// looked at in its turn; the first failure ends the sending
		answer.catch(() => {});
		waiting.push(answer);
		if (waiting.length >= underWay) await settle();
	}
	while (waiting.length > 0) await settle();
	return sum;
}

function report(context: Context, { accepted, dropped }: Sent, count: number): void {
	const drops = Object.entries(dropped).filter(([, each]) => each > 0);
	const what = count === 1 ? 'sent' : `sent ${count} times`;
	if (accepted === 0 && drops.length === 0) context.note(`${what}, but no link takes it`);
	else
		context.note(
			`${what}: into ${accepted === 1 ? '1 mailbox' : `${accepted} mailboxes`}${drops.map(([reason, each]) => `, ${plural(each, 'drop')} (${reason})`).join('')}`,
		);
}

async function readBody(
	context: Context,
	typed: string | undefined,
	file: string | undefined,
	raw: boolean,
): Promise<Uint8Array> {
	const { world } = context;
	if (typed !== undefined && file !== undefined)
		throw new CliError('usage.conflict', { reason: 'the body is an argument or a file, not both', hint: 'orch help link send' });
	const fromInput = typed === '-' || file === '-';
	const what = fromInput ? 'standard input' : (file ?? 'message body');
	const bytes = fromInput
		? await world.input.read(maxPayloadBytes)
		: file === undefined
			? Buffer.from(typed ?? (raw ? '' : 'null'))
			: readInputFile(file, world.cwd);
	// of what is longer not all has been read
	if (bytes.length > maxPayloadBytes)
		throw new CliError('message.too_long', { what, bytes: fromInput ? undefined : bytes.length, limit: maxPayloadBytes });
	if (!raw) checkJson(bytes, what, typed !== undefined && !fromInput);
	return bytes;
}

function checkJson(bytes: Uint8Array, what: string, typed: boolean): void {
	const text = Buffer.from(bytes).toString('utf8');
	const fault = findJsonFault(text);
	if (!fault) return;
	const { line, column, frame } = jsonFrame(text, fault.at);
	throw new CliError('message.invalid', {
		what,
		reason: `${fault.reason} at line ${line}, column ${column}`,
		frame,
		hint: typed ? `quote it for the shell: '{"seq":1}' · from a file: -f body.json · raw bytes: --raw` : 'raw bytes: --raw',
	});
}
