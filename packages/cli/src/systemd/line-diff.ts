/** What differs between two short texts, line by line. */

/** Lines of both, those of one alone marked with `-` and `+`, with nothing of what is the same farther away. */
export function lineDiff(before: string, after: string, around = 1): string[] {
	const a = before.split('\n');
	const b = after.split('\n');
	// length of the longest common tail of what follows, for every pair of places
	const common = Array.from({ length: a.length + 1 }, () => new Array<number>(b.length + 1).fill(0));
	const at = (row: number, column: number): number => common[row]?.[column] ?? 0;
	for (let row = a.length - 1; row >= 0; row--)
		for (let column = b.length - 1; column >= 0; column--)
			(common[row] as number[])[column] =
				a[row] === b[column] ? at(row + 1, column + 1) + 1 : Math.max(at(row + 1, column), at(row, column + 1));
	const lines: string[] = [];
	for (let row = 0, column = 0; row < a.length || column < b.length; ) {
		if (row < a.length && column < b.length && a[row] === b[column]) {
			lines.push(`  ${a[row]}`);
			row++;
			column++;
		} else if (row < a.length && (column >= b.length || at(row + 1, column) >= at(row, column + 1))) {
			lines.push(`- ${a[row++]}`);
		} else {
			lines.push(`+ ${b[column++]}`);
		}
	}
	const changed = lines.map((line) => !line.startsWith('  '));
	return lines.filter((_line, index) => changed.slice(Math.max(0, index - around), index + around + 1).some(Boolean));
}
