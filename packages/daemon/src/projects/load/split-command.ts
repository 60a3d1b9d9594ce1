/** Command lines as a project file has them, taken apart where no shell is involved. */

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
