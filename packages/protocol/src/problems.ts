/** Problems of a project's files as text: each with its place, the lines around it, a mark and what would do. */

/** As it travels: what the daemon found, so that each face shows it in its own way. */
export interface FileProblem {
	readonly kind: string;
	readonly number: string;
	readonly message: string;
	readonly at?: { readonly file: string; readonly line: number; readonly column: number };
	readonly frame?: {
		readonly first: number;
		readonly lines: readonly string[];
		readonly column: number;
		readonly width: number;
		readonly note: string;
	};
	readonly facts: readonly string[];
	readonly hint?: string;
}

/** What makes the parts stand out; as they are where nothing does. */
export interface ProblemStyle {
	readonly place: (text: string) => string;
	readonly mark: (text: string) => string;
	readonly frame: (text: string) => string;
	readonly hint: (text: string) => string;
}

const asItIs = (text: string): string => text;
const plain: ProblemStyle = { place: asItIs, mark: asItIs, frame: asItIs, hint: asItIs };

/** How many are shown; the others are counted. */
const mostShown = 20;
const numberWidth = 5;

/** A blank line between them; without a name before the first. */
export function renderProblems(problems: readonly FileProblem[], style: ProblemStyle = plain): string {
	const shown = problems.slice(0, mostShown).map((problem) => renderProblem(problem, style));
	const more = problems.length - shown.length;
	return [...shown, ...(more > 0 ? [`and ${more} more`] : [])].join('\n\n');
}

export function renderProblem({ kind, message, at, frame, facts, hint }: FileProblem, style: ProblemStyle = plain): string {
	// a circle has a place for each of its edges
	const place = at === undefined ? '' : kind === 'cycle' ? `${at.file}: ` : `${at.file}:${at.line}:${at.column}: `;
	const lines = [`${style.place(place)}${message}`];
	if (frame) {
		frame.lines.forEach((line, index) => {
			lines.push(`${style.frame(`${String(frame.first + index).padStart(numberWidth)} │`)} ${line}`.trimEnd());
		});
		const mark = style.mark('^'.repeat(frame.width) + (frame.note === '' ? '' : ` ${frame.note}`));
		lines.push(`${style.frame(`${' '.repeat(numberWidth)} │`)} ${' '.repeat(frame.column - 1)}${mark}`);
	}
	for (const fact of facts) lines.push(`    ${fact}`);
	if (hint !== undefined) lines.push(`${style.hint('hint:')} ${hint}`);
	return lines.join('\n');
}
