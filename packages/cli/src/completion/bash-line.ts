/**
 * A line as bash has it while it is typed: its words without their quotes, how the last one is quoted so far, and how a
 * candidate must be written to take the place of what readline will replace. Bash hands over raw text and takes raw text.
 */

export interface BashLine {
	readonly words: readonly string[];
	/** The quote that is still open around the end of the line. */
	readonly quote: '' | "'" | '"';
	/** Of the last word: how many letters stand before what readline replaces. */
	readonly kept: number;
}

/** `breaks` is COMP_WORDBREAKS: at these readline begins a new word of its own, within what the shell calls one. */
export function readBashLine(line: string, breaks: string): BashLine {
	const words: string[] = [];
	let word: string | undefined;
	let quote: BashLine['quote'] = '';
	let kept = 0;
	for (let at = 0; at < line.length; at++) {
		const letter = line[at] as string;
		const next = line[at + 1];
		if (quote === "'") {
			if (letter === "'") quote = '';
			else word += letter;
		} else if (quote === '"') {
			if (letter === '"') quote = '';
			else if (letter === '\\' && next !== undefined && '$`"\\\n'.includes(next)) {
				word += next;
				at++;
			} else word += letter;
		} else if (letter === '\\') {
			// the very last one escapes what is not typed yet
			word = (word ?? '') + (next ?? '');
			at++;
		} else if (/[ \t\n]/.test(letter)) {
			if (word !== undefined) words.push(word);
			word = undefined;
			kept = 0;
		} else if (letter === "'" || letter === '"') {
			word ??= '';
			quote = letter;
			// readline replaces what is behind the quote that is open
			kept = word.length;
		} else {
			word = (word ?? '') + letter;
			if (breaks.includes(letter)) kept = word.length;
		}
	}
	return { words: [...words, word ?? ''], quote, kept };
}

/** What has to stand on the line for `value`, without its first `kept` letters. */
export function writeForBash(value: string, { quote, kept }: Pick<BashLine, 'quote' | 'kept'>): string {
	const rest = value.slice(kept);
	if (quote === "'") return rest.replaceAll("'", "'\\''");
	if (quote === '"') return rest.replace(/[$`"\\]/g, '\\$&');
	const escaped = rest.replace(/[^A-Za-z0-9_./:=@%+,\u0080-\u{10ffff}-]/gu, '\\$&');
	return value === '' ? "''" : escaped;
}
