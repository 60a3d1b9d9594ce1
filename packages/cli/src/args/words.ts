/** A command as one text: words and quotes as in a shell, and nothing else of a shell. */
import { BadValue } from './bad-value.ts';

/** `'drain --now "two words"'` is three words. Nothing is expanded. */
export function words(text: string): string[] {
	const found: string[] = [];
	let word: string | undefined;
	let quote: string | undefined;
	for (let at = 0; at < text.length; at++) {
		const letter = text[at] ?? '';
		if (quote === undefined && (letter === "'" || letter === '"')) {
			quote = letter;
			word ??= '';
		} else if (letter === quote) quote = undefined;
		else if (letter === '\\' && quote !== "'" && at + 1 < text.length) word = (word ?? '') + text[++at];
		else if (quote === undefined && /\s/.test(letter)) {
			if (word !== undefined) found.push(word);
			word = undefined;
		} else word = (word ?? '') + letter;
	}
	if (quote !== undefined) throw new BadValue(`a command in which every ${quote} is closed`, []);
	if (word !== undefined) found.push(word);
	if (found.length === 0) throw new BadValue('a command, such as "./drain --now"', []);
	return found;
}
