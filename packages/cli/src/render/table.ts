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
	readonly texts: string[];
	readonly widths: number[];
	width: number;
}

export function renderTable<Row>(rows: readonly Row[], columns: readonly Column<Row>[], options: TableOptions = {}): string {
	const { width = Number.POSITIVE_INFINITY, style = plain } = options;
	const shown = fit(
		columns.map((column) => measured(column, rows)),
		width,
	);
	let text = '';
	for (let at = -1; at < rows.length; at++) {
		let line = '';
		for (const [index, { column, texts, widths, width: room }] of shown.entries()) {
			let cell = at < 0 ? column.header : (texts[at] ?? '');
			let own = at < 0 ? displayWidth(cell) : (widths[at] ?? 0);
			if (own > room) {
				cell = cut(cell, room);
				own = displayWidth(cell);
			}
			const painted = at < 0 ? style.dim(cell) : (column.paint?.(cell, rows[at] as Row, style) ?? cell);
			if (index > 0) line += '  ';
			if (column.align === 'right') line += ' '.repeat(room - own) + painted;
			else line += index === shown.length - 1 ? painted : painted + ' '.repeat(room - own);
		}
		text += `${line.trimEnd()}\n`;
	}
	return text;
}

function measured<Row>(column: Column<Row>, rows: readonly Row[]): Cells<Row> {
	const texts: string[] = [];
	const widths: number[] = [];
	let width = displayWidth(column.header);
	for (const row of rows) {
		const written = column.text(row);
		const isPlain = plainText.test(written);
		const text = isPlain ? written : printable(written);
		const own = isPlain ? text.length : displayWidth(text);
		texts.push(text);
		widths.push(own);
		if (own > width) width = own;
	}
	return { column, texts, widths, width };
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
