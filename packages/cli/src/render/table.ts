/** Rows in columns without borders; on a narrow terminal the least important columns are left out, never a line wrapped. */
import { plain, type Style } from './style.ts';
import { cut, displayWidth, printable } from './width.ts';

export interface Column<Row> {
	readonly header: string;
	readonly text: (row: Row) => string;
	/** What is left out first when there is no room: the highest. 0 always stays. */
	readonly rank: number;
	readonly align?: 'left' | 'right';
	/** May be cut down to so many columns before another column is left out. */
	readonly shrinkTo?: number;
	readonly paint?: (text: string, row: Row, style: Style) => string;
}

export interface TableOptions {
	/** Columns of the terminal; undefined: everything is shown whole. */
	readonly width?: number | undefined;
	readonly style?: Style;
}

const gap = 2;

/** Neither to be escaped nor to be measured: nearly every text. It is looked at once, for there may be thousands of cells. */
const plainText = /^[\u0020-\u007e]*$/;

interface Cells<Row> {
	readonly column: Column<Row>;
	readonly texts: readonly string[];
	/** How wide each text is on the screen; absent where each is as wide as it is long. */
	readonly widths: readonly number[] | undefined;
	width: number;
}

export function renderTable<Row>(rows: readonly Row[], columns: readonly Column<Row>[], options: TableOptions = {}): string {
	const { width = Number.POSITIVE_INFINITY, style = plain } = options;
	const shown = fit(
		columns.map((column) => measured(column, rows)),
		width,
	);
	const padded = shown.map((cells, index) => paddedColumn(cells, rows, style, index === shown.length - 1));
	let text = '';
	for (let at = 0; at <= rows.length; at++) {
		let line = '';
		for (const column of padded) line += column[at];
		text += `${line.trimEnd()}\n`;
	}
	return text;
}

/**
 * The header and the cells of a column, each as wide as the column and with the gap behind it. Column by column and with the engine's
 * own padding: there may be thousands of cells, in a program that has only just begun to run.
 */
function paddedColumn<Row>(
	{ column, texts, widths, width: room }: Cells<Row>,
	rows: readonly Row[],
	style: Style,
	isLast: boolean,
): string[] {
	const { align, paint } = column;
	const behind = isLast ? '' : ' '.repeat(gap);
	const pad = (painted: string, own: number): string => {
		if (align === 'right') return ' '.repeat(room - own) + painted + behind;
		return isLast ? painted : painted + ' '.repeat(room - own + gap);
	};
	const cutTo = (cell: string, own: number): [string, number] => {
		if (own <= room) return [cell, own];
		const short = cut(cell, room);
		return [short, displayWidth(short)];
	};
	const [header, headerWidth] = cutTo(column.header, displayWidth(column.header));
	const cells = [pad(style.dim(header), headerWidth)];
	// nothing to cut, to paint or to measure: nearly always so in a pipe
	if (!widths && (!paint || style === plain) && texts.every(({ length }) => length <= room)) {
		if (align === 'right') for (const each of texts) cells.push(each.padStart(room) + behind);
		else for (const each of texts) cells.push(each.padEnd(isLast ? 0 : room + gap));
		return cells;
	}
	for (let at = 0; at < texts.length; at++) {
		const whole = texts[at] as string;
		const [cell, own] = cutTo(whole, widths?.[at] ?? whole.length);
		cells.push(pad(paint?.(cell, rows[at] as Row, style) ?? cell, own));
	}
	return cells;
}

function measured<Row>(column: Column<Row>, rows: readonly Row[]): Cells<Row> {
	const texts = rows.map((row) => column.text(row));
	const headerWidth = displayWidth(column.header);
	// of all at once: a match of the whole costs as much as that of one
	if (plainText.test(texts.join(''))) {
		let width = headerWidth;
		for (const { length } of texts) if (length > width) width = length;
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
