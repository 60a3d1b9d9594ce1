/** Text in columns of a terminal: how wide it is, cut to fit, and free of what would move the cursor. */

import { drivingLetters, escapedLetter } from './driving.ts';

const unprintable = new RegExp(`[\\u0000-\\u001f${drivingLetters}]`, 'g');

/** Escapes control characters (a program's arguments, names and messages may hold any) so that they cannot drive the terminal. */
export function printable(text: string): string {
	return text.replace(unprintable, (letter) => {
		if (letter === '\n') return '\\n';
		if (letter === '\t') return '\\t';
		if (letter === '\r') return '\\r';
		return escapedLetter(letter);
	});
}

export function displayWidth(text: string): number {
	if (isAscii(text)) return text.length;
	let width = 0;
	for (const letter of text) width += letterWidth(letter.codePointAt(0) ?? 0);
	return width;
}

/** At most `width` columns wide; `…` stands for what was cut. */
export function cut(text: string, width: number): string {
	if (displayWidth(text) <= width) return text;
	let kept = '';
	let used = 1;
	for (const letter of text) {
		used += letterWidth(letter.codePointAt(0) ?? 0);
		if (used > width) break;
		kept += letter;
	}
	return width < 1 ? '' : `${kept}…`;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII is meant
const isAscii = (text: string): boolean => /^[\u0000-\u007f]*$/.test(text);

function letterWidth(code: number): 0 | 1 | 2 {
	if (/\p{Mn}|\p{Me}|\p{Cf}/u.test(String.fromCodePoint(code))) return 0;
	// those that are pictures by themselves, but for the letters of flags, of which it takes two
	if (/(?!\p{RI})\p{Emoji_Presentation}/u.test(String.fromCodePoint(code))) return 2;
	return wideRanges.some(([from, to]) => code >= from && code <= to) ? 2 : 1;
}

/** East Asian wide and full-width letters, and emoji, as terminals draw them. */
const wideRanges: readonly (readonly [number, number])[] = [
	[0x1100, 0x115f],
	[0x2e80, 0x303e],
	[0x3041, 0xa4cf],
	[0xac00, 0xd7a3],
	[0xf900, 0xfaff],
	[0xfe30, 0xfe6f],
	[0xff00, 0xff60],
	[0xffe0, 0xffe6],
	[0x1f300, 0x1f64f],
	[0x1f680, 0x1f6ff],
	[0x1f900, 0x1f9ff],
	[0x20000, 0x3fffd],
];
