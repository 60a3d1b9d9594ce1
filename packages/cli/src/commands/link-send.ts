/** `orch link send`: a message by hand. */
import { findJsonFault, jsonFrame, printable } from '@orch/base/text';
import type { Api, ParamsOf, ResultOf } from '@orch/protocol';
import { maxPayloadBytes } from '@orch/protocol/wire';
import { parseRate } from '../args/rate.ts';
import { integer, nonEmpty } from '../args/values.ts';
import { command } from '../command.ts';
import { answerMs, type Context } from '../context.ts';
import { CliError } from '../errors.ts';
import { readInputFile } from '../input-file.ts';
import { untilInterrupted } from '../interruption.ts';
import { flag, value } from '../option.ts';
import { bodyMember, bodyPreview } from '../render/body.ts';
import { toJson } from '../render/json.ts';
import { plural } from '../render/time.ts';
import { paced, type PacedOptions } from './paced.ts';

export const linkSend = command({
	path: ['link', 'send'],
	summary: 'Send a message by hand',
	notes: [
		'With --to it goes straight in, as @cli; no link is needed. With --from it goes by the links of that runtime, as if it had sent it.',
		'The body is JSON: an argument, - for standard input, or -f FILE; without one it is null. --raw sends the bytes as they are.',
		'--rate sends no faster than that: --count times, or until Ctrl-C.',
		'--reply sends it as a request, to one runtime only, and prints the body of its reply; it waits for 10s, or for --timeout, and then ends with 124.',
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
		rate: value('--rate N/s', 'so many a second (also 30/m, 1/5s)', parseRate),
		reply: flag('--reply', 'as a request: waits for the reply and prints its body'),
	},
	examples: [
		`orch link send --to pong --type Ping '{"seq":1}'`,
		'date +%s | orch link send --to pong --type Ping -',
		`orch link send --from ping --type Ping --count 1000 --rate 100/s '{"seq":1}'`,
		"orch link send --to calc --type Add --reply '[1,2]' --timeout 2s",
	],
	json: '{"accepted", "dropped"}: into how many mailboxes it went, and drops by reason; with --reply {"from", "codec", "bytes", "data" | "b64"}, of several one a line',
	async run(context, { args: [typed], options: { type, to, from, file, raw = false, count: times, rate, reply = false } }) {
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
		const count = times ?? (rate === undefined ? 1 : Number.POSITIVE_INFINITY);
		const pace = { count, rate, clock: context.world.clock };
		// each has its own time
		if (reply) return untilInterrupted(context, (signal) => ask(context, params, { ...pace, signal }), { endless: true });
		const sent: Sent = { times: 0, accepted: 0, dropped: {} };
		const send = () => context.act('link.send', params);
		const sendAll = async (signal: AbortSignal): Promise<undefined> => {
			await paced({ ...pace, signal, act: send, take: (result) => add(sent, result) });
		};
		const exitCode = await untilInterrupted(context, sendAll, { endless: true });
		if (context.json) context.printJson({ accepted: sent.accepted, dropped: sent.dropped });
		else report(context, sent);
		return exitCode ?? (sent.accepted === 0 ? 1 : undefined);
	},
});

type SendParams = ParamsOf<Api['link.send']>;
type Pace = Pick<PacedOptions<unknown>, 'count' | 'rate' | 'clock' | 'signal'>;

async function ask(context: Context, params: SendParams, pace: Pace): Promise<undefined> {
	const timeoutMs = context.globals.timeout ?? answerMs;
	await paced({
		...pace,
		// orchd says by itself that no reply came; it is given the time to
		act: () => context.act('link.request', { ...params, timeoutMs }, timeoutMs + answerMs),
		take: (reply) => printReply(context, reply, pace.count > 1),
	});
}

function printReply(context: Context, { from, codec, body }: ResultOf<Api['link.request']>, isOneOfMany: boolean): void {
	const reply = { codec, body, bytes: body.length };
	if (context.json)
		context.print(toJson({ from, codec, bytes: body.length, ...bodyMember(reply) }, context.pretty && !isOneOfMany));
	else if (codec !== 'raw') context.print(`${bodyPreview(reply)}\n`);
	else if (context.pretty) context.print(`${printable(new TextDecoder().decode(body))}\n`);
	else context.world.out.write(body);
}

interface Sent {
	times: number;
	accepted: number;
	readonly dropped: Record<string, number>;
}

function add(sum: Sent, { accepted, dropped }: ResultOf<Api['link.send']>): void {
	sum.times++;
	sum.accepted += accepted;
	for (const [reason, each] of Object.entries(dropped)) sum.dropped[reason] = (sum.dropped[reason] ?? 0) + each;
}

function report(context: Context, { times, accepted, dropped }: Sent): void {
	const drops = Object.entries(dropped).filter(([, each]) => each > 0);
	const what = times === 1 ? 'sent' : `sent ${times} times`;
	if (times > 0 && accepted === 0 && drops.length === 0) context.note(`${what}, but no link takes it`);
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
