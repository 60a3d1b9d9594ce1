/** Looks at JSON without decoding it: whether a value is well formed and where it ends. Bytes of a number or a text stay what they are. */
import { maxJsonDepth, maxLineMembers } from './limits.ts';

const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const colon = 0x3a;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;

const isBlank = (byte: number): boolean => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
const isDigit = (byte: number): boolean => byte >= 0x30 && byte <= 0x39;
const isHex = (byte: number): boolean => isDigit(byte) || (byte >= 0x41 && byte <= 0x46) || (byte >= 0x61 && byte <= 0x66);

export function skipBlanks(bytes: Uint8Array, start: number, end: number): number {
	let at = start;
	while (at < end && isBlank(bytes[at] as number)) at++;
	return at;
}

/** Where the text that begins at `start` with a quote ends, behind its closing quote; -1 when it is not well formed. */
export function scanText(bytes: Uint8Array, start: number, end: number): number {
	for (let at = start + 1; at < end; at++) {
		const byte = bytes[at] as number;
		if (byte === quote) return at + 1;
		if (byte < 0x20) return -1;
		if (byte !== backslash) continue;
		at += 1;
		if (at >= end) return -1;
		switch (bytes[at]) {
			case 0x75: // u
				if (at + 4 >= end) return -1;
				for (let digit = 1; digit <= 4; digit++) if (!isHex(bytes[at + digit] as number)) return -1;
				at += 4;
				break;
			case quote:
			case backslash:
			case 0x2f: // /
			case 0x62: // b
			case 0x66: // f
			case 0x6e: // n
			case 0x72: // r
			case 0x74: // t
				break;
			default:
				return -1;
		}
	}
	return -1;
}

function scanNumber(bytes: Uint8Array, start: number, end: number): number {
	let at = start;
	if (bytes[at] === 0x2d) at++;
	if (at >= end) return -1;
	if (bytes[at] === 0x30) at++;
	else {
		if (!isDigit(bytes[at] as number)) return -1;
		while (at < end && isDigit(bytes[at] as number)) at++;
	}
	if (at < end && bytes[at] === 0x2e) {
		at++;
		if (at >= end || !isDigit(bytes[at] as number)) return -1;
		while (at < end && isDigit(bytes[at] as number)) at++;
	}
	if (at < end && ((bytes[at] as number) | 0x20) === 0x65) {
		at++;
		if (at < end && (bytes[at] === 0x2b || bytes[at] === 0x2d)) at++;
		if (at >= end || !isDigit(bytes[at] as number)) return -1;
		while (at < end && isDigit(bytes[at] as number)) at++;
	}
	return at;
}

const words = ['true', 'false', 'null'].map((word) => Buffer.from(word));

function scanWord(bytes: Uint8Array, start: number, end: number): number {
	for (const word of words) {
		if (start + word.length > end) continue;
		let same = 0;
		while (same < word.length && bytes[start + same] === word[same]) same++;
		if (same === word.length) return start + same;
	}
	return -1;
}

/** A value that is neither list nor object. */
function scanPlain(bytes: Uint8Array, at: number, end: number): number {
	const byte = bytes[at] as number;
	if (byte === quote) return scanText(bytes, at, end);
	if (byte === 0x2d || isDigit(byte)) return scanNumber(bytes, at, end);
	return scanWord(bytes, at, end);
}

/** One bit for each open bracket: whether it is an object's. */
const nesting = new Uint8Array(maxJsonDepth);

/** Where the value that begins at `start` ends; -1 when it is not well formed or too deep. No blanks before it. */
export function scanValue(bytes: Uint8Array, start: number, end: number): number {
	let at = start;
	let depth = 0;
	for (;;) {
		// here a value begins
		if (at >= end) return -1;
		const byte = bytes[at] as number;
		if (byte === openBrace || byte === openBracket) {
			if (depth === maxJsonDepth) return -1;
			const object = byte === openBrace;
			at = skipBlanks(bytes, at + 1, end);
			if (at >= end) return -1;
			if (bytes[at] === (object ? closeBrace : closeBracket)) at++;
			else {
				nesting[depth] = object ? 1 : 0;
				depth++;
				if (!object) continue;
				at = scanKey(bytes, at, end);
				if (at < 0) return -1;
				continue;
			}
		} else {
			at = scanPlain(bytes, at, end);
			if (at < 0) return -1;
		}
		// here a value has ended
		for (;;) {
			if (depth === 0) return at;
			at = skipBlanks(bytes, at, end);
			if (at >= end) return -1;
			const object = nesting[depth - 1] === 1;
			const next = bytes[at] as number;
			at++;
			if (next === (object ? closeBrace : closeBracket)) {
				depth--;
				continue;
			}
			if (next !== comma) return -1;
			at = skipBlanks(bytes, at, end);
			if (object) {
				at = scanKey(bytes, at, end);
				if (at < 0) return -1;
			}
			break;
		}
	}
}

/** A key, its colon and the blanks behind: where its value begins. */
function scanKey(bytes: Uint8Array, start: number, end: number): number {
	if (start >= end || bytes[start] !== quote) return -1;
	const keyEnd = scanText(bytes, start, end);
	if (keyEnd < 0) return -1;
	const at = skipBlanks(bytes, keyEnd, end);
	if (at >= end || bytes[at] !== colon) return -1;
	return skipBlanks(bytes, at + 1, end);
}

export interface Member {
	readonly key: string;
	readonly start: number;
	readonly end: number;
}

/** The members of the object that fills `start` to `end` (blanks around it allowed); undefined when it is none. Not looked at to its end where they are too many. */
export function scanMembers(bytes: Uint8Array, start: number, end: number): Member[] | 'too_many' | undefined {
	let at = skipBlanks(bytes, start, end);
	if (at >= end || bytes[at] !== openBrace) return undefined;
	const members: Member[] = [];
	at = skipBlanks(bytes, at + 1, end);
	if (at < end && bytes[at] === closeBrace) return skipBlanks(bytes, at + 1, end) === end ? members : undefined;
	for (;;) {
		if (members.length === maxLineMembers) return 'too_many';
		const keyStart = at;
		const valueStart = scanKey(bytes, at, end);
		if (valueStart < 0) return undefined;
		const keyEnd = scanText(bytes, keyStart, end);
		const valueEnd = scanValue(bytes, valueStart, end);
		if (valueEnd < 0) return undefined;
		members.push({ key: decodeText(bytes, keyStart, keyEnd), start: valueStart, end: valueEnd });
		at = skipBlanks(bytes, valueEnd, end);
		if (at >= end) return undefined;
		if (bytes[at] === closeBrace) return skipBlanks(bytes, at + 1, end) === end ? members : undefined;
		if (bytes[at] !== comma) return undefined;
		at = skipBlanks(bytes, at + 1, end);
	}
}

/** The text of a scanned value that begins with a quote. */
export const decodeText = (bytes: Uint8Array, start: number, end: number): string =>
	JSON.parse(textOf(bytes, start, end)) as string;

export const textOf = (bytes: Uint8Array, start: number, end: number): string =>
	Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('utf8');

/** Whether all of it, blanks around it allowed, is one well-formed value. */
export function isJson(bytes: Uint8Array, start: number, end: number): boolean {
	const at = skipBlanks(bytes, start, end);
	const after = scanValue(bytes, at, end);
	return after >= 0 && skipBlanks(bytes, after, end) === end;
}

/** Whether there are more than so many values, keys among them, in well-formed JSON. */
export function hasMoreJsonValues(bytes: Uint8Array, start: number, end: number, most: number): boolean {
	if (end - start <= most) return false;
	// each is the first, or follows one of these
	let values = 1;
	for (let at = start; at < end; at++) {
		const byte = bytes[at];
		if (byte === quote) {
			const after = scanText(bytes, at, end);
			if (after < 0) return false;
			at = after - 1;
		} else if (byte === comma || byte === colon) values++;
		else if ((byte === openBrace || byte === openBracket) && !isClosing(bytes[skipBlanks(bytes, at + 1, end)])) values++;
		if (values > most) return true;
	}
	return false;
}

const isClosing = (byte: number | undefined): boolean => byte === closeBrace || byte === closeBracket;
