/** A message that a tap has seen, as it is shown: a line, its head or its body alone, a dump of its bytes, or an object. */
import { cut, printable } from '@orch/base/text';
import type { Api, ItemOf } from '@orch/protocol';
import type { Context } from '../context.ts';
import { bodyMember, bodyPreview } from './body.ts';
import { hexDump } from './hex.ts';
import { bytes, clockTime } from './time.ts';

export type Message = ItemOf<Api['link.tap']>['messages'][number];

export interface Shown {
	/** What of a message. */
	readonly part: 'all' | 'headers' | 'body';
	/** Bodies as bytes. */
	readonly hex: boolean;
}

/** Of a body: what a terminal may show, and what there is at most. */
export const previewBytes = 1024;
export const wholeBytes = 65_536;

export function messageText(context: Context, message: Message, { part, hex }: Shown): string {
	if (part === 'headers') return `${head(context, message).trimEnd()}\n`;
	if (hex && part === 'body') return dump(context, message, '');
	if (hex) return `${head(context, message).trimEnd()}\n${dump(context, message, '  ')}`;
	if (part === 'body') return `${bodyPreview(shown(context, message))}\n`;
	const room = (context.world.out.columns ?? Number.POSITIVE_INFINITY) - plainWidth(message, context.pretty);
	return `${head(context, message)}  ${cut(bodyPreview(message), Math.max(20, room))}\n`;
}

export function messageObject(message: Message, { part, hex }: Shown): object {
	const { body, ...headers } = message;
	if (part === 'headers') return headers;
	const shownBody = hex ? { hex: Buffer.from(body).toString('hex') } : bodyMember(message);
	return part === 'body' ? shownBody : { ...headers, ...shownBody };
}

function head({ pretty, style }: Context, message: Message): string {
	return [
		pretty ? style.dim(clockTime(message.at)) : message.at,
		printable(`${message.from} → ${message.to}`),
		style.bold(printable(message.type)),
		style.dim(`#${message.seq}`),
		`${bytes(message.bytes)}`.padEnd(6),
	].join('  ');
}

function dump(context: Context, message: Message, indent: string): string {
	const { body } = shown(context, message);
	const left = message.bytes - body.length;
	return hexDump(body, indent) + (left > 0 ? `${indent}… ${bytes(left)} more\n` : '');
}

/** More of it may be there than is shown, for a pattern to look at. */
const shown = ({ pretty }: Context, message: Message): Message =>
	pretty && message.body.length > previewBytes ? { ...message, body: message.body.subarray(0, previewBytes) } : message;

const plainWidth = ({ from, to, type, seq }: Message, pretty: boolean): number =>
	(pretty ? 12 : 24) + from.length + to.length + 3 + type.length + String(seq).length + 1 + 6 + 10 + 1;
