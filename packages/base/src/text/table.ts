/** Rows in columns without borders; on a narrow terminal the least important columns are left out, never a line wrapped. */
import { plain, type Style } from './style.ts';
import { cut, displayWidth, printable } from './width.ts';

interface Look {
	readonly header: string;
	/** What is left out first when there is no room: the highest. 0 always stays. */
	readonly rank: number;
	readonly align?: 'left' | 'right';
	/** May be cut down to so many columns before another column is left out. */
	readonly shrinkTo?: number;
}

export interface Column<Row> extends Look {
	readonly text: (row: Row) => string;
	readonly paint?: (text: string, row: Row, style: Style) => string;
}

/** A column whose texts are there, one for each row. */
export interface TextColumn extends Look {
	readonly texts: readonly string[];
	readonly paint?: ((text: string, at: number, style: Style) => string) | undefined;
}

export interface TableOptions {
	/** Columns of the terminal; undefined: everything is shown whole. */
	readonly width?: number | undefined;
	readonly style?: Style;
}

const gap = 2;

/** Neither to be escaped nor to be measured: nearly every text. It is looked at once, for there may be thousands of cells. */
const plainText = /^[\u0020-\u007e]*$/;

interface Cells {
	readonly column: TextColumn;
	readonly texts: readonly string[];
	/** How wide each text is on the screen; absent where each is as wide as it is long. */
	readonly widths: readonly number[] | undefined;
	width: number;
}

export function renderTable<Row>(rows: readonly Row[], columns: readonly Column<Row>[], options: TableOptions = {}): string {
	const filled = columns.map(({ text, paint, ...look }) => ({
		...look,
		texts: rows.map((row) => text(row)),
		paint: paint && ((cell: string, at: number, style: Style) => paint(cell, rows[at] as Row, style)),
	}));
	return renderColumns(filled, options);
}

/** Of each cell: what stands before it, its text, what stands behind it. */
const partsPerCell = 3;

/**
 * All cells are put into one list and joined at the end, by the engine: there may be thousands of them, in a program that has only just
 * begun to run, and each text that is made on the way is one more for the collector.
 */
export function renderColumns(columns: readonly TextColumn[], options: TableOptions = {}): string {
	const { width = Number.POSITIVE_INFINITY, style = plain } = options;
	const shown = fit(columns.map(measured), width);
	const lines = 1 + (columns[0]?.texts.length ?? 0);
	const parts = new Array<string>(lines * shown.length * partsPerCell);
	shown.forEach((cells, index) => {
		fill(parts, finished(cells, style), {
			at: index * partsPerCell,
			step: shown.length * partsPerCell,
			isLast: index === shown.length - 1,
		});
	});
	const text = parts.join('');
	// only where a last cell is empty, or was cut at a blank
	if (!text.includes(' \n')) return text;
	// line by line: a pattern would look at a long run of blanks from each of them
	return text
		.split('\n')
		.map((line) => line.trimEnd())
		.join('\n');
}

interface Place {
	/** Of the header; the cells follow in steps. */
	readonly at: number;
	readonly step: number;
	readonly isLast: boolean;
}

function fill(parts: string[], { column, texts, widths, width: room }: Cells, { at: first, step, isLast }: Place): void {
	const isRight = column.align === 'right';
	const behind = isLast ? '\n' : blanks(gap);
	for (let row = 0, at = first; row < texts.length; row++, at += step) {
		const text = texts[row] as string;
		const missing = room - (widths ? (widths[row] as number) : text.length);
		parts[at] = isRight ? blanks(missing) : '';
		parts[at + 1] = text;
		parts[at + 2] = isRight || isLast ? behind : blanks(missing + gap);
	}
}

const known: string[] = [];
const blanks = (count: number): string => (known[count] ??= ' '.repeat(count));

/** With the header, cut to the room there is, and painted. */
function finished(cells: Cells, style: Style): Cells {
	const { column, texts, widths, width } = cells;
	const { paint } = column;
	const cutToRoom = (text: string): string => (displayWidth(text) <= width ? text : cut(text, width));
	const header = cutToRoom(column.header);
	// nothing to cut, to paint or to measure: nearly always so in a pipe
	if (!widths && style === plain && texts.every(({ length }) => length <= width)) return { ...cells, texts: [header, ...texts] };
	const shown = texts.map(cutToRoom);
	const painted = paint ? shown.map((text, at) => paint(text, at, style)) : shown;
	return {
		column,
		texts: [style.dim(header), ...painted],
		widths: [displayWidth(header), ...shown.map(displayWidth)],
		width,
	};
}

function measured(column: TextColumn): Cells {
	const { texts } = column;
	const headerWidth = displayWidth(column.header);
	// of all at once: a match of the whole costs as much as that of one
	if (plainText.test(texts.join(''))) {
		let width = headerWidth;
		for (let at = 0; at < texts.length; at++) width = Math.max(width, (texts[at] as string).length);
		return { column, texts, widths: undefined, width };
	}
	const printed = texts.map((written) => (plainText.test(written) ? written : printable(written)));
	const widths = printed.map((text) => displayWidth(text));
	return { column, texts: printed, widths, width: widths.reduce((most, own) => Math.max(most, own), headerWidth) };
}

interface Fitted {
	readonly column: { readonly rank: number; readonly shrinkTo?: number };
	width: number;
}

function fit<Cell extends Fitted>(all: readonly Cell[], width: number): Cell[] {
	const shown = [...all];
	const total = () => shown.reduce((sum, cell) => sum + cell.width, gap * (shown.length - 1));
	for (;;) {
		const slack = shown.reduce((sum, { width: own, column }) => sum + own - Math.min(own, column.shrinkTo ?? own), 0);
		if (total() - slack <= width) break;
		const last = shown.reduce((worst, cell) => (cell.column.rank > worst.column.rank ? cell : worst));
		if (last.column.rank === 0) break;
		shown.splice(shown.indexOf(last), 1);
	}
	for (let over = total() - width; over > 0 && over < Number.POSITIVE_INFINITY; over = total() - width) {
		// the widest gives first, down to what it may shrink to; where that is not enough, any gives
		const shrinkable = shown.filter((cell) => cell.width > (cell.column.shrinkTo ?? Number.POSITIVE_INFINITY));
		const from = shrinkable.length > 0 ? shrinkable : shown;
		const widest = from.reduce((most, cell) => (cell.width > most.width ? cell : most));
		if (widest.width <= 1) break;
		const least = shrinkable.length > 0 ? (widest.column.shrinkTo ?? 1) : 1;
		widest.width = Math.max(least, widest.width - over);
	}
	return shown;
}
