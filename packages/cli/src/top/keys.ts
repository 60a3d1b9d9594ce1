/** Keys out of what a terminal in raw mode sends. */

/** A letter as it is typed, or the name of a key. */
export type Key = string;

const sequences: Readonly<Record<string, Key>> = {
	'\u001b[A': 'up',
	'\u001bOA': 'up',
	'\u001b[B': 'down',
	'\u001bOB': 'down',
	'\u001b[C': 'right',
	'\u001b[D': 'left',
	'\u001b[5~': 'page-up',
	'\u001b[6~': 'page-down',
	'\u001b[H': 'home',
	'\u001b[1~': 'home',
	'\u001b[F': 'end',
	'\u001b[4~': 'end',
	'\r': 'enter',
	'\n': 'enter',
	'\t': 'tab',
	'\u007f': 'backspace',
	'\b': 'backspace',
	'\u0003': 'ctrl-c',
	'\u0004': 'ctrl-d',
	'\u000c': 'ctrl-l',
	'\u0015': 'ctrl-u',
	'\u001a': 'ctrl-z',
	'\u001b': 'escape',
};

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what terminals send
const oneKey = /\u001b\[[0-?]*[ -/]*[@-~]|\u001bO[A-Za-z]|\u001b[^\u0000-\u001f\u007f]?|./gsu;

/** What is not known is no key: a sequence that we do not understand must not be read as letters. */
export function keysOf(text: string): Key[] {
	return (text.match(oneKey) ?? []).flatMap((one) => {
		const named = sequences[one];
		if (named !== undefined) return [named];
		return one < ' ' || one === '\u007f' || one.startsWith('\u001b') ? [] : [one];
	});
}
