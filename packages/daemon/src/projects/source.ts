/** A file of a project as text with places in it: offsets become lines and columns, and frames for problems. */

export interface Source {
	/** As people know it: what problems call it. */
	readonly name: string;
	/** Absolute. */
	readonly path: string;
	readonly text: string;
	/** The offset at which each line starts. */
	readonly lineStarts: readonly number[];
}

/** A stretch of a source; `end` is behind its last character. */
export interface Span {
	readonly source: Source;
	readonly start: number;
	readonly end: number;
}

/** Where something is, as people count: from 1, columns in characters. */
export interface Place {
	readonly file: string;
	readonly line: number;
	readonly column: number;
}

/** The lines around a place, and what is marked in the last of them. */
export interface Frame {
	/** The number of the first line. */
	readonly first: number;
	readonly lines: readonly string[];
	/** From 1, in characters of the last line. */
	readonly column: number;
	readonly width: number;
	/** What is said beside the mark; may be empty. */
	readonly note: string;
}

export function createSource(file: { readonly name: string; readonly path: string; readonly text: string }): Source {
	const text = file.text.startsWith('\uFEFF') ? file.text.slice(1) : file.text;
	const lineStarts = [0];
	for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) lineStarts.push(at + 1);
	return { name: file.name, path: file.path, text, lineStarts };
}

export function placeOf({ source, start }: Pick<Span, 'source' | 'start'>): Place {
	const line = lineAt(source, start);
	return { file: source.name, line: line + 1, column: characters(lineStart(source, line), start, source) + 1 };
}

const linesBefore = 2;
const longestLine = 200;

export function frameOf({ source, start, end }: Span, note = ''): Frame {
	const line = lineAt(source, start);
	const first = Math.max(0, line - linesBefore);
	const lines: string[] = [];
	for (let at = first; at <= line; at++) lines.push(shown(lineText(source, at)));
	const column = characters(lineStart(source, line), start, source) + 1;
	const lineEnd = lineStart(source, line) + lineText(source, line).length;
	const width = Math.max(1, characters(start, Math.min(end, lineEnd), source));
	// a mark beyond what is shown would point at nothing
	return { first: first + 1, lines, column: Math.min(column, longestLine), width: Math.min(width, longestLine), note };
}

/** What of a span is in its first line: a mark below several lines would say nothing. */
export function firstLine(span: Span): Span {
	const length = span.source.text.slice(span.start, span.end).search(/\r?\n|$/);
	return { ...span, end: span.start + Math.max(1, length) };
}

/** The text of a line, from 0, without its end. */
export function lineText(source: Source, line: number): string {
	const start = lineStart(source, line);
	const next = source.lineStarts[line + 1];
	return source.text.slice(start, next === undefined ? undefined : next - 1).replace(/\r$/, '');
}

/** The line, from 0, that an offset is in. */
export function lineAt({ lineStarts }: Source, offset: number): number {
	let low = 0;
	let high = lineStarts.length - 1;
	while (low < high) {
		const middle = (low + high + 1) >> 1;
		if ((lineStarts[middle] ?? 0) <= offset) low = middle;
		else high = middle - 1;
	}
	return low;
}

export const lineStart = (source: Source, line: number): number => source.lineStarts[line] ?? 0;

/** Marks stand below characters, not below the halves of a pair. */
const characters = (from: number, to: number, { text }: Source): number => [...text.slice(from, Math.max(from, to))].length;

/** A tab is as wide as the mark below it takes it to be; control characters would move the terminal's cursor. */
const shown = (line: string): string =>
	[...line]
		.slice(0, longestLine)
		.join('')
		// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is replaced
		.replace(/[\u0000-\u001f\u007f-\u009f]/g, ' ');
