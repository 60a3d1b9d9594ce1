/** `orch link tap`: messages live, as they pass, without touching them. */
import { duration } from '@orch/base/text';
import { Sampling } from '@orch/protocol/wire';
import { parseRate } from '../args/rate.ts';
import { choice, integer, nonEmpty } from '../args/values.ts';
import { millisecondsOf } from '../clock.ts';
import { command } from '../command.ts';
import type { Context } from '../context.ts';
import { CliError } from '../errors.ts';
import { untilInterrupted } from '../interruption.ts';
import { flag, type OptionValues, value } from '../option.ts';
import { bodyPreview } from '../render/body.ts';
import { toJson } from '../render/json.ts';
import { type Message, messageObject, messageText, previewBytes, type Shown, wholeBytes } from '../render/tapped.ts';
import { bytes, plural, rate } from '../render/time.ts';
import { filterOf, isFiltered, linkFilter } from './link-text.ts';

const options = {
	...linkFilter,
	count: value('-n, --count N', 'end after N messages', integer(1, Number.MAX_SAFE_INTEGER)),
	grep: value('--grep REGEX', 'only messages whose body matches a regular expression of JavaScript', nonEmpty),
	ignoreCase: flag('-i, --ignore-case', 'large and small letters match each other'),
	sample: value('--sample N/s', 'at most N a second (also 30/m, 1/5s): the first ones, the others are left out', parseRate),
	headers: flag('--headers', 'without bodies'),
	body: flag('--body', 'nothing but bodies'),
	hex: flag('--hex', 'bodies as bytes, sixteen a line'),
	output: value(
		'-o, --output FORMAT',
		'table, json, or raw (the bytes of the bodies and nothing else)',
		choice(['table', 'wide', 'json', 'name', 'raw']),
	),
} as const;

export const linkTap = command({
	path: ['link', 'tap'],
	summary: 'Show messages live as they pass, without touching them',
	notes: [
		'Until Ctrl-C, or -n messages. What this reader is too slow for is skipped and said; nobody else waits for it, and it costs nothing while nobody taps.',
		'In a pipe bodies are whole up to 64 KiB and times are RFC 3339. With --json one object a line: the body in "data", or in "b64" where it is not whole or not text ("hex" with --hex); {"skipped": N} for what was skipped.',
		'--grep looks at a body as text, its first 64 KiB; with it -n and --sample count what matches.',
	],
	args: [{ name: 'LINK' }],
	options,
	examples: [
		'orch link tap',
		'orch link tap --type Ping -n 10',
		'orch link tap 7c1e09aa --grep \'"level":"error"\' --body',
		'orch link tap --from sensor --sample 5/s --hex',
		"orch link tap --json | jq 'select(.bytes > 1000)'",
		'orch link tap --type Image -n 1 -o raw | file -',
	],
	json: 'a stream of {"at", "from", "to", "type", "link", "seq", "bytes", "codec", "data" | "b64"}, one a line',
	async run(context, { args: [link], options: given }) {
		checkTogether(context, link, given);
		const { world, json, pretty } = context;
		const { count = Number.POSITIVE_INFINITY, grep, sample } = given;
		const shows: Shown = { part: given.headers ? 'headers' : given.body ? 'body' : 'all', hex: given.hex ?? false };
		const isRaw = given.output === 'raw';
		const isWhole = json || isRaw || !pretty || grep !== undefined;
		const wanted = await choosing(given);
		const startedMs = world.clock.monotonicMs();
		let shown = 0;
		let skipped = 0;
		const tap = async (signal: AbortSignal): Promise<undefined> => {
			const params = {
				...(link === undefined ? {} : { link }),
				...filterOf(given),
				bodyBytes: given.headers && grep === undefined ? 0 : isWhole ? wholeBytes : previewBytes,
				// of what matches a pattern only those who have looked can tell
				...(sample === undefined || grep !== undefined ? {} : { sample }),
			};
			const taps = context.follow('link.tap', params, signal);
			tapping: for await (const item of taps) {
				if (item.skipped > 0) {
					skipped += item.skipped;
					if (json) await world.out.flow(toJson({ skipped: item.skipped }, false), signal);
					else context.note(`orch: ${plural(item.skipped, 'message')} skipped: they came faster than they were read here`);
				}
				for (const message of await wanted(item.messages, signal)) {
					await world.out.flow(isRaw ? rawBody(context, message) : textOf(context, message, shows), signal);
					if (++shown >= count) break tapping;
				}
			}
			await world.out.flushed(signal);
		};
		const exitCode = await untilInterrupted(context, tap, { endless: !Number.isFinite(count) });
		if (exitCode && !json) {
			const ms = world.clock.monotonicMs() - startedMs;
			const lost = skipped > 0 ? `, ${skipped} skipped` : '';
			context.note(
				`orch: ${plural(shown, 'message')} in ${duration(ms)} (${rate((shown / Math.max(1, ms)) * 1000)}/s)${lost}; nothing was consumed or changed`,
			);
		}
		return exitCode;
	},
});

type Given = OptionValues<typeof options>;

function checkTogether({ json }: Context, link: string | undefined, given: Given): void {
	const refuse = (reason: string): never => {
		throw new CliError('usage.conflict', { reason, hint: 'orch help link tap' });
	};
	if (link !== undefined && isFiltered(given)) refuse('a link is named by its id, or by --from, --type and --to, not by both');
	if (given.headers && given.body) refuse('--headers leaves out bodies, and --body all but them');
	if (given.headers && given.hex) refuse('--hex is how bodies are shown, and --headers leaves them out');
	if (given.ignoreCase && given.grep === undefined) refuse('--ignore-case is for the pattern of --grep, which is missing');
	if (given.output !== 'raw') return;
	if (json) refuse('-o raw is nothing but the bytes of bodies, --json objects');
	if (given.headers || given.hex)
		refuse(`-o raw is nothing but the bytes of bodies: without ${given.hex ? '--hex' : '--headers'}`);
}

type Choosing = (messages: readonly Message[], signal: AbortSignal) => Promise<readonly Message[]>;

/** Those whose bodies match, and of them those of the sample; all, where no pattern is given. */
async function choosing({ grep, ignoreCase = false, sample }: Given): Promise<Choosing> {
	if (grep === undefined) return async (messages) => messages;
	const { createPattern, PatternError } = await import('@orch/base/pattern');
	const refused = (error: unknown, expected: (message: string) => string): unknown =>
		error instanceof PatternError
			? new CliError('usage.bad_value', { option: '--grep', value: grep, expected: expected(error.message), candidates: [] })
			: error;
	const sampling = sample && new Sampling(sample);
	let pattern: ReturnType<typeof createPattern>;
	try {
		pattern = createPattern(grep, { ignoreCase });
	} catch (error) {
		throw refused(error, (message) => `a regular expression (${message})`);
	}
	return async (messages, signal) => {
		try {
			const matches = await pattern.matches(messages.map(bodyText), signal);
			const matching = messages.filter((_message, at) => matches[at]);
			return sampling ? matching.filter(({ at }) => sampling.take(1, millisecondsOf(at)) > 0) : matching;
		} catch (error) {
			throw refused(error, (message) => `simpler: ${message}`);
		}
	};
}

const bodyText = (message: Message): string =>
	message.codec === 'msgpack' ? bodyPreview(message) : new TextDecoder().decode(message.body);

const textOf = (context: Context, message: Message, shows: Shown): string =>
	context.json ? toJson(messageObject(message, shows), false) : messageText(context, message, shows);

function rawBody(context: Context, { body, bytes: whole, type, seq }: Message): Uint8Array {
	if (body.length < whole)
		context.note(`orch: the body of ${type} #${seq} is cut: ${bytes(body.length)} of ${bytes(whole)} are shown`);
	return body;
}
