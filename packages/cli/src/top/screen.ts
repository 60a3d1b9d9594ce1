/** Draws lines on a terminal: on its alternate screen, only those that have changed, each frame at once. */

export interface Screen {
	/** As many lines as the screen has, none wider. */
	draw(lines: readonly string[]): void;
	/** The next frame draws everything. */
	forget(): void;
}

const synchronized = { begin: '\u001b[?2026h', end: '\u001b[?2026l' } as const;
/** Colours are off at the end of a line, whatever it was made of. */
const restOfLine = '\u001b[0m\u001b[K';

/** The alternate screen, without a cursor and without wrapping; and back. */
export const enterScreen = '\u001b[?1049h\u001b[?25l\u001b[?7l\u001b[2J';
export const leaveScreen = '\u001b[?2026l\u001b[0m\u001b[?7h\u001b[?25h\u001b[?1049l';

export function createScreen(write: (text: string) => void): Screen {
	let shown: readonly string[] = [];
	return {
		draw(lines) {
			const changes = lines.flatMap((line, at) => (shown[at] === line ? [] : [`\u001b[${at + 1};1H${line}${restOfLine}`]));
			// of a screen that was higher before
			if (shown.length > lines.length) changes.push(`\u001b[${lines.length + 1};1H\u001b[J`);
			shown = [...lines];
			if (changes.length > 0) write(`${synchronized.begin}${changes.join('')}${synchronized.end}`);
		},
		forget() {
			shown = [];
		},
	};
}
