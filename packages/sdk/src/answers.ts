/** What comes back for what was asked: replies of other programs, and orchd's answers to control requests. */
import { FrameFlag } from '@orch/protocol/data';
import { decode } from './codec.ts';
import { OrchError } from './error.ts';
import type { PendingTable } from './pending.ts';
import { unpack } from './plain-msgpack.ts';
import type { Receiver } from './receiver.ts';

export function takeReply(
	pending: PendingTable,
	types: Pick<Receiver, 'codecOf'>,
	bytes: Buffer,
	view: DataView,
	at: number,
	end: number,
): void {
	const corr = view.getUint32(at + 20, true);
	const payloadAt = at + (bytes[at + 3] as number) * 4;
	if ((bytes[at + 2] as number) & FrameFlag.error) {
		pending.fail(corr, errorOf(bytes, payloadAt, end));
		return;
	}
	const codec = types.codecOf(view.getUint32(at + 8, true));
	if (!codec) {
		pending.fail(corr, new OrchError('protocol', 'The reply is of a type that was never defined'));
		return;
	}
	let data: unknown;
	try {
		data = decode(codec, bytes, payloadAt, end);
	} catch (cause) {
		pending.fail(corr, new OrchError('codec', `The reply cannot be read as ${codec}`, { cause }));
		return;
	}
	pending.answer(corr, codec === 'raw' ? (data as Uint8Array).slice() : data);
}

/** `[1, id, result]` or `[2, id, error]`. */
export function takeControlAnswer(pending: PendingTable, answer: unknown): void {
	const [kind, id, value] = answer as [number, number, unknown];
	if (kind === 1) pending.answer(id, value);
	else pending.fail(id, asError(value));
}

/** The payload is whatever the one who answered has written. */
function errorOf(bytes: Buffer, payloadAt: number, end: number): OrchError {
	try {
		return asError(unpack(bytes, payloadAt, end));
	} catch (cause) {
		return new OrchError('codec', 'The error reply cannot be read', { cause });
	}
}

function asError(body: unknown): OrchError {
	const { code, message } = Object(body) as { code?: unknown; message?: unknown };
	return new OrchError(
		typeof code === 'string' ? code : 'error',
		typeof message === 'string' ? message : 'The answer is an error without a message',
	);
}
