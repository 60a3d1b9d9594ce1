/** Our JSON Lines: `{"type":"Ping","data":…}`, with short keys (`t`, `v`) for clients that use them first. */
import type { DropReason } from '@orch/protocol/data';
import { payloadAt } from './frame-input.ts';
import { decodeText, hasMoreJsonValues, type Member, scanMembers, scanValue, skipBlanks, textOf } from './json-scan.ts';
import { maxLineBytes, maxLineMembers, maxTranscodedValues } from './limits.ts';
import type { Dialect, Form, Line, LineSpeaker } from './dialect.ts';
import { jsonValue, toLineValue, type Unsaid } from './lines.ts';
import { tooManyValues } from './controls.ts';
import type { Notice, Sender } from './link.ts';
import type { ControlOutcome, PendingRequest, Reply } from './peer.ts';
import { errorBody } from './reply-error.ts';
import type { Source } from './source.ts';

const closeBrace = 0x7d;
const quote = 0x22;
/** Ids of requests are kept until their replies come. */
const maxIdBytes = 128;

/** The beginning that messages of one source were seen to have: up to where the value begins. */
interface Prefix {
	readonly bytes: Buffer;
	readonly source: Source;
}

/** How the first line of a client with short keys begins. */
const shortStart = /^\s*\{\s*"t"\s*:/;

/** `beginning`: the first bytes of the client, which tell the keys before anything that waits for it goes out. */
export function createJsonDialect(beginning = ''): Dialect {
	let short: boolean | undefined = shortStart.test(beginning) ? true : undefined;
	let prefix: Prefix | undefined;
	const typeKey = () => (short === true ? 't' : 'type');
	const dataKey = () => (short === true ? 'v' : 'data');

	const take = (speaker: LineSpeaker, buffer: Buffer, start: number, end: number, valid: boolean): void => {
		if (!valid) {
			speaker.complain('protocol', 'a line is not UTF-8');
			return;
		}
		if (prefix !== undefined && takeLike(speaker, prefix, buffer, start, end)) return;
		const members = scanMembers(buffer, start, end);
		if (members === undefined) {
			speaker.complain(
				'protocol',
				`a line is not a JSON object: ${textOf(buffer, start, Math.min(end, start + 40))}${end - start > 40 ? '…' : ''}`,
			);
			return;
		}
		if (members === 'too_many') {
			speaker.complain('protocol', `a line has more than ${maxLineMembers} members`);
			return;
		}
		const value = (key: string): Member | undefined => members.findLast((member) => member.key === key);
		const type = value('type') ?? value('t');
		const re = value('re');
		if (type !== undefined && short === undefined) short = type.key === 't';
		if (re !== undefined) return takeReply(speaker, buffer, re, value);
		if (type !== undefined) {
			const source = takeMessage(speaker, buffer, type, value);
			// the same beginning again, with nothing behind the value, is the same message with another value
			const last = members[1];
			if (
				source !== undefined &&
				last !== undefined &&
				members.length === 2 &&
				members[0] === type &&
				(last.key === 'data' || last.key === 'v')
			) {
				prefix = { bytes: Buffer.from(buffer.subarray(start, last.start)), source };
			}
			return;
		}
		const ready = value('ready');
		if (ready !== undefined) {
			if (textOf(buffer, ready.start, ready.end) === 'true') speaker.ready();
			else speaker.complain('protocol', 'readiness is said by {"ready":true}');
			return;
		}
		const control = value('ctl');
		if (control !== undefined) return takeControl(speaker, buffer, control);
		if (value('hello') !== undefined || members.length === 0) return;
		speaker.complain('protocol', 'a line names its type: {"type":"Ping","data":…}');
	};

	return {
		codec: 'json',
		answers: true,
		form: (sender) => ({
			prefix: Buffer.from(`{"${typeKey()}":${JSON.stringify(sender.type)},"${sender.codec === 'raw' ? 'b64' : dataKey()}":`),
			suffix: Buffer.from(`,"from":${JSON.stringify(sender.name)}}\n`),
		}),
		line: writeLine,
		take,
		notice: ({ type, count, reason, from }: Notice) => JSON.stringify({ dropped: { type, count, reason, from } }),
		error: (code, message, re, of) =>
			`{"error":${JSON.stringify({ code, message, ...of })}${re === undefined ? '' : `,"re":${re}`}}`,
		reply: (request, reply, id) => writeReply(typeKey(), dataKey(), request, reply, id),
	};
}

/** A line that begins as the last one did: only its value is looked at. False when there is more to it. */
function takeLike(speaker: LineSpeaker, { bytes, source }: Prefix, buffer: Buffer, start: number, end: number): boolean {
	if (end - start <= bytes.length) return false;
	for (let index = 0; index < bytes.length; index++) if (buffer[start + index] !== bytes[index]) return false;
	const valueStart = start + bytes.length;
	const valueEnd = scanValue(buffer, valueStart, end);
	if (valueEnd < 0) return false;
	const close = skipBlanks(buffer, valueEnd, end);
	if (close !== end - 1 || buffer[close] !== closeBrace) return false;
	speaker.add(source, buffer, valueStart, valueEnd);
	return true;
}

function takeMessage(
	speaker: LineSpeaker,
	buffer: Buffer,
	type: Member,
	value: (key: string) => Member | undefined,
): Source | undefined {
	const name = textMember(buffer, type);
	if (name === undefined) {
		speaker.complain('invalid_type', 'the name of a type is a text');
		return undefined;
	}
	const payload = payloadOf(buffer, value);
	const id = value('id');
	if (payload === undefined) {
		speaker.complain('protocol', '"b64" is base64 in a text', id && textOf(buffer, id.start, id.end));
		return undefined;
	}
	if (id === undefined) {
		const source = speaker.message(name, payload.codec, payload.bytes, payload.start, payload.end);
		return payload.codec === 'json' ? source : undefined;
	}
	if (id.end - id.start > maxIdBytes || !isPlain(buffer, id)) {
		speaker.complain('protocol', `the id of a request is a text or a number of at most ${maxIdBytes} bytes`);
		return undefined;
	}
	speaker.request(
		name,
		payload.codec,
		Buffer.from(payload.bytes.subarray(payload.start, payload.end)),
		textOf(buffer, id.start, id.end),
	);
	return undefined;
}

function takeReply(speaker: LineSpeaker, buffer: Buffer, re: Member, value: (key: string) => Member | undefined): void {
	const id = textMember(buffer, re);
	if (id === undefined) {
		speaker.complain('protocol', 'a reply carries in "re" the "id" of its request, as the text that it was');
		return;
	}
	const error = value('error');
	if (error !== undefined) {
		const told = memberOf(buffer, error);
		const [code, message] = [told('code'), told('message')];
		speaker.answer(id, {
			kind: 'error',
			code: (code && textMember(buffer, code)) ?? 'error',
			message: (message && textMember(buffer, message)) ?? '',
		});
		return;
	}
	const payload = payloadOf(buffer, value);
	if (payload === undefined) {
		speaker.complain('protocol', '"b64" is base64 in a text');
		return;
	}
	const bytes = Buffer.from(payload.bytes.subarray(payload.start, payload.end));
	speaker.answer(id, payload.codec === 'raw' ? { kind: 'bytes', bytes } : { kind: 'json', text: bytes });
}

/** Of an object in a line: its members by their keys. */
function memberOf(buffer: Buffer, { start, end }: Member): (key: string) => Member | undefined {
	const members = scanMembers(buffer, start, end);
	return (key) =>
		members === undefined || members === 'too_many' ? undefined : members.findLast((member) => member.key === key);
}

function takeControl(speaker: LineSpeaker, buffer: Buffer, control: Member): void {
	const asked = memberOf(buffer, control);
	const [idMember, opMember, paramsMember] = [asked('id'), asked('op'), asked('params')];
	const op = opMember && textMember(buffer, opMember);
	if (idMember === undefined || op === undefined) {
		speaker.complain('protocol', 'a control request is {"ctl":{"id":1,"op":"runtime.start","params":{…}}}');
		return;
	}
	if (idMember.end - idMember.start > maxIdBytes) {
		speaker.complain('protocol', `the id of a control request has at most ${maxIdBytes} bytes`);
		return;
	}
	const id: unknown = JSON.parse(textOf(buffer, idMember.start, idMember.end));
	const line = (outcome: ControlOutcome): string => {
		const text = JSON.stringify({ ctl: { id, ...outcome } }, jsonValue);
		return Buffer.byteLength(text) <= maxLineBytes ? text : line(tooLong);
	};
	if (paramsMember !== undefined && hasMoreJsonValues(buffer, paramsMember.start, paramsMember.end, maxTranscodedValues)) {
		speaker.refuse(line({ error: tooManyValues }));
		return;
	}
	const params: unknown = paramsMember && JSON.parse(textOf(buffer, paramsMember.start, paramsMember.end));
	const refusal = speaker.control(op, params ?? {}, (outcome) => speaker.put(line(outcome)));
	if (refusal !== undefined) speaker.refuse(line(refusal));
}

const tooLong: ControlOutcome = {
	error: { code: 'too_large', message: 'the answer is longer than a line may be, which is 16 MiB' },
};

/** Undefined where there is "b64" that is none. */
function payloadOf(
	buffer: Buffer,
	value: (key: string) => Member | undefined,
): { codec: 'json' | 'raw'; bytes: Buffer; start: number; end: number } | undefined {
	const data = value('data') ?? value('v');
	if (data !== undefined) return { codec: 'json', bytes: buffer, start: data.start, end: data.end };
	const base64 = value('b64');
	if (base64 === undefined) return { codec: 'json', bytes: nullText, start: 0, end: nullText.length };
	const text = textMember(buffer, base64);
	if (text === undefined || !/^[A-Za-z0-9+/_-]*={0,2}$/.test(text)) return undefined;
	const bytes = Buffer.from(text, 'base64');
	return { codec: 'raw', bytes, start: 0, end: bytes.length };
}

const nullText = Buffer.from('null');

const textMember = (buffer: Buffer, { start, end }: Member): string | undefined =>
	buffer[start] === quote ? decodeText(buffer, start, end) : undefined;

/** A text or a number. */
const isPlain = (buffer: Buffer, { start }: Member): boolean => {
	const first = buffer[start] as number;
	return first === quote || first === 0x2d || (first >= 0x30 && first <= 0x39);
};

function writeLine(
	form: Form,
	sender: Sender,
	payload: Buffer,
	request: { readonly src: number; readonly corr: number } | undefined,
): Line {
	const value = toLineValue(sender.codec, payload, sender.checked);
	if (typeof value === 'string') return value;
	const text = value.kind === 'json' ? value.text : Buffer.from(`"${value.text}"`);
	const after =
		request === undefined
			? form.suffix
			: Buffer.from(`,"from":${JSON.stringify(sender.name)},"id":"${request.src}.${request.corr}"}\n`);
	if (form.prefix.length + text.length + after.length - 1 > maxLineBytes) return 'too_large' satisfies DropReason;
	return { before: form.prefix, payload: text, after };
}

function writeReply(
	typeKey: string,
	dataKey: string,
	request: PendingRequest,
	reply: Reply,
	id: string,
): { readonly line: string } | Unsaid {
	const head = `{"${typeKey}":${JSON.stringify(request.type)}`;
	const tail = `,"from":${JSON.stringify(request.replier.name)},"re":${id}}`;
	switch (reply.kind) {
		case 'json':
			return { line: `${head},"${dataKey}":${reply.text.toString('utf8')}${tail}` };
		case 'bytes':
			return { line: `${head},"b64":"${reply.bytes.toString('base64')}"${tail}` };
		case 'error':
			return { line: `${head},"error":${JSON.stringify({ code: reply.code, message: reply.message })}${tail}` };
		case 'frame': {
			const frame = reply.buffer.subarray(reply.start, reply.end);
			const payload = frame.subarray(payloadAt(frame, 0));
			if (reply.error) return { line: `${head},"error":${JSON.stringify(errorBody(payload))}${tail}` };
			const value = toLineValue(request.codec, payload, false);
			if (typeof value === 'string') return value;
			const member = value.kind === 'json' ? `"${dataKey}":${value.text.toString('utf8')}` : `"b64":"${value.text}"`;
			return { line: `${head},${member}${tail}` };
		}
	}
}
