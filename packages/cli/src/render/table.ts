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

export function renderTable<Row>(rows: readonly Row[], columns: readonly Column<Row>[], options: TableOptions = {}): string {
	const { width = Number.POSITIVE_INFINITY, style = plain } = options;
	const cells = columns.map((column) => ({
		column,
		texts: rows.map((row) => printable(column.text(row))),
		width: 0,
	}));
	for (const cell of cells) cell.width = Math.max(displayWidth(cell.column.header), ...cell.texts.map(displayWidth));
	const shown = fit(cells, width);
	const line = (texts: readonly string[], paint: (text: string, at: number) => string) =>
		texts
			.map((text, at) => {
				const cell = shown[at] as (typeof shown)[number];
				const fitted = cut(text, cell.width);
				const padding = ' '.repeat(cell.width - displayWidth(fitted));
				const painted = paint(fitted, at);
				if (cell.column.align === 'right') return padding + painted;
				return at === texts.length - 1 ? painted : painted + padding;
			})
			.join(' '.repeat(gap))
			.trimEnd();
	const lines = [
		line(
			shown.map(({ column }) => column.header),
			(text) => style.dim(text),
		),
		...rows.map((row, at) =>
			line(
				shown.map(({ texts }) => texts[at] ?? ''),
				(text, index) => shown[index]?.column.paint?.(text, row, style) ?? text,
			),
		),
	];
	return `${lines.join('\n')}\n`;
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
