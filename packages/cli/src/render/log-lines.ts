/** Lines of many runtimes, one under the other: whose they are, when they came, what they say. */
import { displayWidth, plain, type Style } from '@orch/base/text';
import type { Api, ItemOf } from '@orch/protocol';
import { plainText, terminalText } from './log-text.ts';
import { clockTime, plural } from './time.ts';

export type LogLine = ItemOf<Api['runtime.logs']>['lines'][number];
export type Dropped = ItemOf<Api['runtime.logs']>['dropped'][number];

export interface LogLinesOptions {
	readonly style: Style;
	readonly isTerminal: boolean;
	/** Names that are known to come: what the columns are made for. */
	readonly names: readonly string[];
	readonly hasPrefix: boolean;
	readonly hasTimes: boolean;
}

const palette = ['cyan', 'yellow', 'green', 'magenta', 'blue'] as const satisfies readonly (keyof Style)[];

export class LogLines {
	readonly #options: LogLinesOptions;
	readonly #colours = new Map<string, (typeof palette)[number]>();
	#width: number;
	/** The stream whose line is not at its end yet. */
	#open: string | undefined;

	constructor(options: LogLinesOptions) {
		this.#options = options;
		this.#width = Math.max(0, ...options.names.map(displayWidth));
		for (const name of options.names) this.#colourOf(name);
	}

	/** Makes room for names before the first of them is shown. */
	widen(names: readonly string[]): void {
		this.#width = Math.max(this.#width, ...names.map(displayWidth));
	}

	text(line: LogLine): string {
		const { style, isTerminal } = this.#options;
		const key = `${line.runtime} ${line.stream}`;
		const shown = isTerminal ? terminalText(line.text ?? '', style !== plain) : plainText(line.text ?? '', style !== plain);
		const isRest = this.#open === key;
		const before = this.#open === undefined || isRest ? '' : '\n';
		this.#open = line.goesOn ? key : undefined;
		return `${before}${isRest ? '' : this.#head(line)}${shown}${line.goesOn ? '' : '\n'}`;
	}

	/** In the place of what is not there any more. */
	dropped({ name, dropped, bytes, stream, about }: Dropped): string {
		const { style } = this.#options;
		const sentence = `… ${about ? 'about ' : ''}${plural(dropped, 'line')} (${bytes} bytes) of ${name}’s ${stream} had been removed before they could be shown`;
		return `${this.end()}${style.yellow(sentence)}\n`;
	}

	/** Ends a line that is still open. */
	end(): string {
		const isOpen = this.#open !== undefined;
		this.#open = undefined;
		return isOpen ? '\n' : '';
	}

	#head(line: LogLine): string {
		const { style, hasPrefix, hasTimes } = this.#options;
		const time = hasTimes ? `${style.dim(this.#time(line))} ` : '';
		if (!hasPrefix) return time;
		this.widen([line.name]);
		const name = `${line.name}${' '.repeat(this.#width - displayWidth(line.name))}`;
		const bar = line.stream === 'stderr' ? style.red('|') : style.dim('|');
		return `${time}${style[this.#colourOf(line.name)](name)} ${bar} `;
	}

	/** An interval, of what came while no orchd looked, as in ISO 8601. */
	#time({ at, atEnd }: LogLine): string {
		const { isTerminal } = this.#options;
		if (!isTerminal) return atEnd === undefined ? at : `${at}/${atEnd}`;
		return atEnd === undefined ? clockTime(at) : `${clockTime(at, false)}–${clockTime(atEnd, false)}`;
	}

	/** The same for a name wherever it can be, and no two alike as long as there are enough. */
	#colourOf(name: string): (typeof palette)[number] {
		const known = this.#colours.get(name);
		if (known) return known;
		let hash = 0;
		for (const letter of name) hash = (hash * 31 + (letter.codePointAt(0) ?? 0)) >>> 0;
		const taken = new Set(this.#colours.values());
		const wishes = palette.map((_colour, at) => palette[(hash + at) % palette.length] ?? 'cyan');
		const colour = wishes.find((wish) => !taken.has(wish)) ?? wishes[0] ?? 'cyan';
		this.#colours.set(name, colour);
		return colour;
	}
}
