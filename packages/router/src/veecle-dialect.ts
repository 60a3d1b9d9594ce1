/**
 * Veecle's JSON Lines, exactly as its own programs write and read them. A fault of such a client is counted; it has no
 * words for most of them, and its connection goes on.
 */
import type { DropReason } from '@orch/protocol/data';
import { decodeText, isJson, type Member, scanMembers, textOf } from './json-scan.ts';
import { maxVeecleLineBytes } from './limits.ts';
import type { Dialect, Form, Line, LineSpeaker } from './dialect.ts';
import { oneLine, toLineValue } from './lines.ts';
import type { Sender } from './link.ts';
import type { ControlOutcome } from './peer.ts';

/** Telemetry is routed like any message, under this type, so that whoever wants it can be linked to it. */
export const telemetryType = 'Telemetry';
const quote = 0x22;
const priorities = ['high', 'normal', 'low'];
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
/** Answers carry no number, so they go out in the order of the requests; more requests than this are refused. */
const maxWaiting = 64;
/** Refusals of those that wait for their turn; what is asked on top of that is only counted. */
const maxWaitingRefusals = 65_536;

interface Waiting {
	line: string | undefined;
	/** orchd has been asked. */
	isTaken: boolean;
	/** Requests in a row that are answered by it. */
	times: number;
}

export function createVeecleDialect(): Dialect {
	const waiting: Waiting[] = [];

	const answer = (speaker: LineSpeaker, slot: Waiting, line: string): void => {
		slot.line = line;
		for (let first = waiting[0]; first?.line !== undefined; first = waiting[0]) {
			waiting.shift();
			if (first.isTaken) speaker.put(first.line);
			else for (let said = 0; said < first.times; said++) speaker.refuse(first.line);
		}
	};

	const refuse = (speaker: LineSpeaker, reason: string): void => {
		const slot: Waiting = { line: undefined, isTaken: false, times: 1 };
		waiting.push(slot);
		answer(speaker, slot, errorLine(reason));
	};

	const ask = (speaker: LineSpeaker, operation: string, params: object, word: 'Started' | 'Stopped'): void => {
		const slot: Waiting = { line: undefined, isTaken: true, times: 1 };
		waiting.push(slot);
		const refusal = speaker.control(operation, params, (outcome) => answer(speaker, slot, outcomeLine(word, outcome)));
		if (refusal === undefined) return;
		slot.isTaken = false;
		answer(speaker, slot, outcomeLine(word, refusal));
	};

	/** In its place, too: one line for all of them, however many there are. */
	const refuseCrowd = (speaker: LineSpeaker): void => {
		const last = waiting.at(-1);
		if (last?.line !== crowdLine) waiting.push({ line: crowdLine, isTaken: false, times: 1 });
		else if (last.times < maxWaitingRefusals) last.times += 1;
		else speaker.complain('busy', 'too many refusals wait for their turn');
	};

	const takeControl = (speaker: LineSpeaker, buffer: Buffer, { start, end }: Member): void => {
		if (waiting.length >= maxWaiting) return refuseCrowd(speaker);
		const [asked] = membersOf(buffer, start, end);
		if (asked?.key !== 'StartRuntime' && asked?.key !== 'StopRuntime') return refuse(speaker, 'unknown control request');
		const details = membersOf(buffer, asked.start, asked.end);
		const id = textAt(buffer, details, 'id');
		if (id === undefined || !uuid.test(id)) return refuse(speaker, 'a control request names the id of a runtime');
		const runtime = id.toLowerCase();
		const priority = textAt(buffer, details, 'priority')?.toLowerCase();
		if (priority === undefined ? !isLeftOut(buffer, details, 'priority') : !priorities.includes(priority))
			return refuse(speaker, 'a priority is high, normal or low');
		if (asked.key === 'StopRuntime') return ask(speaker, 'runtime.stop', { runtime }, 'Stopped');
		ask(speaker, 'runtime.start', priority === undefined ? { runtime } : { runtime, priority }, 'Started');
	};

	return {
		codec: 'veecle',
		answers: false,
		form: (sender) => ({
			prefix: Buffer.from(`{"Storable":{"type_name":${JSON.stringify(sender.type)},"value":`),
			suffix: Buffer.from('}}\n'),
		}),
		line: writeLine,
		take(speaker, buffer, start, end, valid) {
			const members = valid ? membersOf(buffer, start, end) : [];
			const only = members.length === 1 ? members[0] : undefined;
			switch (only?.key) {
				case 'Storable':
					return takeStorable(speaker, buffer, only);
				case 'Telemetry':
					speaker.message(telemetryType, 'json', buffer, only.start, only.end);
					return;
				case 'ControlRequest':
					return takeControl(speaker, buffer, only);
				default:
					return speaker.complain('protocol', 'a line is none of Storable, Telemetry and ControlRequest');
			}
		},
		notice: () => undefined,
		error: () => undefined,
		reply: () => 'codec',
	};
}

/** None of what is no object, or has more of them than are looked at. */
function membersOf(buffer: Buffer, start: number, end: number): readonly Member[] {
	const members = scanMembers(buffer, start, end);
	return members === undefined || members === 'too_many' ? [] : members;
}

function textAt(buffer: Buffer, members: readonly Member[], key: string): string | undefined {
	const member = members.findLast((one) => one.key === key);
	return member !== undefined && buffer[member.start] === quote ? decodeText(buffer, member.start, member.end) : undefined;
}

/** It is not there, or null. */
function isLeftOut(buffer: Buffer, members: readonly Member[], key: string): boolean {
	const member = members.findLast((one) => one.key === key);
	return member === undefined || textOf(buffer, member.start, Math.min(member.end, member.start + 8)) === 'null';
}

function takeStorable(speaker: LineSpeaker, buffer: Buffer, storable: Member): void {
	const members = membersOf(buffer, storable.start, storable.end);
	const type = textAt(buffer, members, 'type_name');
	const value = textAt(buffer, members, 'value');
	if (type === undefined || value === undefined) {
		speaker.complain('protocol', 'a Storable has type_name and value, both texts');
		return;
	}
	const payload = oneLine(Buffer.from(value));
	if (!isJson(payload, 0, payload.length)) {
		speaker.complain('protocol', 'the value of a Storable is JSON in a text');
		return;
	}
	speaker.message(type, 'json', payload, 0, payload.length);
}

function writeLine(form: Form, sender: Sender, payload: Buffer): Line {
	if (sender.codec === 'raw') return 'codec' satisfies DropReason;
	// what cannot fit is not read: of JSON each byte stands in the line, of MessagePack a number of nine bytes may be one digit
	const mostBytes = (maxVeecleLineBytes - form.prefix.length - form.suffix.length) * (sender.codec === 'json' ? 1 : 9);
	if (payload.length > mostBytes) return 'too_large' satisfies DropReason;
	const value = toLineValue(sender.codec, payload, sender.checked);
	if (typeof value === 'string') return value;
	if (value.kind !== 'json') return 'codec' satisfies DropReason;
	const text = Buffer.from(JSON.stringify(value.text.toString('utf8')));
	// the newline does not count
	if (form.prefix.length + text.length + form.suffix.length - 1 > maxVeecleLineBytes) return 'too_large' satisfies DropReason;
	return { before: form.prefix, payload: text, after: form.suffix };
}

const asError = (message: string): string => JSON.stringify({ ControlResponse: { Error: message } });

/** Cut where it would be longer than a line may be. */
function errorLine(message: string): string {
	const room = maxVeecleLineBytes - asError('').length;
	let keptBytes = 0;
	let kept = 0;
	let all = 0;
	for (const character of message) {
		// as it stands in the line, where some have a backslash or more before them
		keptBytes += Buffer.byteLength(JSON.stringify(character)) - 2;
		if (keptBytes > room) return asError(`${message.slice(0, kept)}…`);
		all += character.length;
		if (keptBytes <= room - ellipsisBytes) kept = all;
	}
	return asError(message);
}

const ellipsisBytes = 3;
const crowdLine = errorLine('too many control requests are under way');

function outcomeLine(word: 'Started' | 'Stopped', outcome: ControlOutcome): string {
	if ('ok' in outcome) return JSON.stringify({ ControlResponse: word });
	const { message } = Object(outcome.error) as { message?: unknown };
	return errorLine(typeof message === 'string' ? message : 'the request failed');
}
