/** What a bench found: rows of a table, with a verdict where there is a bar. */
import { median, readable } from './figures.mjs';
import { medianRatio } from './interleave.mjs';

/**
 * A comparison. `ours` and `theirs` hold one figure per round; `bar` is {atLeast} or {atMost} of ours / theirs.
 */
export function comparison({ name, unit, ours, theirs, baseline, bar }) {
	const ratio = medianRatio(ours, theirs);
	return {
		kind: 'comparison',
		name,
		unit,
		ours,
		theirs,
		baseline,
		ratio,
		ratios: ours.map((value, round) => value / theirs[round]),
		bar,
		verdict: verdictOf(ratio, bar),
	};
}

/** A figure of its own, without a bar. */
export const figure = ({ name, unit, values }) => ({ kind: 'figure', name, unit, ours: values });

/** Something that either holds or does not. */
export const fact = ({ name, holds, detail }) => ({ kind: 'fact', name, detail, verdict: holds ? 'PASS' : 'MISS' });

function verdictOf(ratio, bar) {
	if (bar === undefined) return undefined;
	if (!Number.isFinite(ratio)) return 'MISS';
	return (bar.atLeast === undefined || ratio >= bar.atLeast) && (bar.atMost === undefined || ratio <= bar.atMost)
		? 'PASS'
		: 'MISS';
}

const barText = (bar) => (bar === undefined ? '' : bar.atLeast !== undefined ? `≥ ${bar.atLeast}` : `≤ ${bar.atMost}`);

function cells(row) {
	if (row.kind === 'fact') return [row.name, row.detail, '', '', '', row.verdict];
	const ours = readable(median(row.ours), row.unit);
	if (row.kind === 'figure') return [row.name, ours, '', '', '', ''];
	return [
		row.name,
		ours,
		`${readable(median(row.theirs), row.unit)}`,
		`${row.ratio.toFixed(2)} ×`,
		barText(row.bar),
		row.verdict ?? '',
	];
}

/** Lines of text: one table for each bench. */
export function printReport({ letter, title, baseline, rows = [], notes = [], skipped }) {
	const lines = [``, `(${letter}) ${title}`];
	if (rows.length > 0) {
		const table = [['', 'orch', baseline ?? 'baseline', 'ratio', 'bar', ''], ...rows.map(cells)];
		const widths = table[0].map((_, column) => Math.max(...table.map((row) => row[column].length)));
		for (const row of table) {
			lines.push(
				`  ${row.map((cell, column) => (column === 0 ? cell.padEnd(widths[column]) : cell.padStart(widths[column]))).join('  ')}`.trimEnd(),
			);
		}
	}
	if (skipped !== undefined) lines.push(`  skipped: ${skipped}`);
	for (const note of notes) lines.push(`  ${note}`);
	return lines.join('\n');
}
