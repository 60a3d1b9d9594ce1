/** Text of programs for a terminal or a pipe: colours may pass, and nothing else that would drive a terminal. */
import { drivingLetters, escapedLetter } from '@orch/base/text';

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const sequences = /\u001b[\]PX^_][^\u0007\u001b]*(?:\u0007|\u001b\\)?|(?:\u001b\[|\u009b)[0-?]*[ -/]*[@-~]?|\u001b[ -/]*[0-~]?/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: likewise
const colours = /^(?:\u001b\[|\u009b)[0-9;:]*m$/;
/** But for the tab, and what is left of sequences. */
const controls = new RegExp(`[\\u0000-\\u0008\\u000a-\\u001a\\u001c-\\u001f${drivingLetters}]`, 'g');

const resetColours = '\u001b[0m';

/** For a terminal: colours where they are wanted, and every other control visible or gone. */
export function terminalText(text: string, isColoured: boolean): string {
	let last = '';
	const safe = text.replace(sequences, (sequence) => {
		if (!isColoured || !colours.test(sequence)) return '';
		last = sequence;
		return sequence;
	});
	const shown = safe.replace(controls, (letter) => (letter === '\r' ? '\\r' : escapedLetter(letter)));
	// what a line begins in colour it does not leave to the next one
	return last === '' || /\[0?m$/.test(last) ? shown : `${shown}${resetColours}`;
}

/** For a pipe or a file: the text, without what only terminals make sense of. */
export const plainText = (text: string, keepColours: boolean): string =>
	text.replace(sequences, (sequence) => (keepColours && colours.test(sequence) ? sequence : ''));
