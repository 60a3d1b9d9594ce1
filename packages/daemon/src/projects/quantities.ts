/** Durations, sizes and commands as people write them, read by one rule each. */

/** `500ms`, `10s`, `1m30s`, `2h`, `1d`; 0 needs no unit. */
export const durationPattern = '^(0|(\\d+(\\.\\d+)?(ms|s|m|h|d))+)$';
/** `65536`, `64k`, `512M`, `8MiB`, `1GB`; K, M and G count in 1024, KB, MB and GB in 1000. */
export const sizePattern = '^\\d+(\\.\\d+)?([kKmMgG]([iI]?[bB])?|[bB])?$';

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
/** What a timer takes. */
export const longestMs = 2_147_483_647;

/** Of a text that fits the pattern; more than a timer takes is the most that it takes. */
export function durationMs(text: string): number {
	let total = 0;
	for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g))
		total += Number(amount) * (unitMs[unit ?? ''] ?? 0);
	return Math.min(longestMs, Math.round(total));
}

export function sizeBytes(text: string): number {
	const match = /^(\d+(?:\.\d+)?)(?:([kmg])(i?b)?|b)?$/i.exec(text);
	if (!match) return Number.NaN;
	const [, amount, letter, suffix] = match;
	const base = suffix?.toLowerCase() === 'b' ? 1000 : 1024;
	return Math.round(Number(amount) * base ** (letter === undefined ? 0 : 'kmg'.indexOf(letter.toLowerCase()) + 1));
}

/** `5/60s`: so many failures within so long. */
export const giveUpPattern = '^(never|[1-9]\\d{0,4}/(\\d+(\\.\\d+)?(ms|s|m|h|d))+)$';

export type Split = { readonly words: readonly string[] } | { readonly fault: string };

/** Words of a command line by quotes and backslashes alone: no variable, no pattern, no pipe means anything here. */
export function splitCommand(text: string): Split {
	const words: string[] = [];
	let word: string | undefined;
	let bare = true;
	const finish = (): string | undefined => {
		if (word === undefined) return undefined;
		if (bare && shellWords.has(word)) return word;
		words.push(word);
		word = undefined;
		bare = true;
		return undefined;
	};
	for (let at = 0; at < text.length; at++) {
		const character = text[at] as string;
		if (/\s/.test(character)) {
			const shell = finish();
			if (shell !== undefined) return { fault: needsShell(shell) };
		} else if (character === "'" || character === '"') {
			const end = closing(text, at + 1, character);
			if (end < 0) return { fault: `the ${character} in it is never closed` };
			const inner = text.slice(at + 1, end);
			word = (word ?? '') + (character === '"' ? inner.replace(/\\(["\\])/g, '$1') : inner);
			bare = false;
			at = end;
		} else if (character === '\\' && at + 1 < text.length) {
			word = (word ?? '') + text[++at];
			bare = false;
		} else {
			word = (word ?? '') + character;
		}
	}
	const shell = finish();
	if (shell !== undefined) return { fault: needsShell(shell) };
	return words.length === 0 ? { fault: 'it is empty' } : { words };
}

const shellWords = new Set(['|', '||', '&', '&&', ';', '>', '>>', '<', '<<', '2>', '2>&1', '&>']);
const needsShell = (word: string): string => `'${word}' means something to a shell only, and none is involved`;

function closing(text: string, from: number, quote: string): number {
	for (let at = from; at < text.length; at++) {
		if (quote === '"' && text[at] === '\\') at++;
		else if (text[at] === quote) return at;
	}
	return -1;
}
