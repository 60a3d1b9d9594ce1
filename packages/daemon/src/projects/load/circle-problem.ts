/** Circles as people are shown them: every edge with its place. */
import { circles, type Needs } from '../order.ts';
import { type Problem, problem } from '../problem.ts';
import { placeOf, type Span } from '../source.ts';

export function circleProblems(needs: Needs, what: string, spanOf: (from: string, to: string) => Span): Problem[] {
	return circles(needs).map((names) => {
		const [first = ''] = names;
		const at = spanOf(first, names[1] ?? first);
		const count = countWords[names.length] ?? String(names.length);
		const hint = names.length === 1 ? 'remove the need' : `remove one of the ${count} \`needs\``;
		const width = Math.max(...names.map((name) => name.length));
		const facts = names.map((from, index) => {
			const to = names[(index + 1) % names.length] as string;
			const { file, line, column } = placeOf(spanOf(from, to));
			const last = index === names.length - 1 ? '   ← closes the circle' : '';
			return `${from.padEnd(width)} needs  ${to.padEnd(width)}     ${file}:${line}:${column}${last}`;
		});
		return problem('cycle', `${what} need each other in a circle`, { at, bare: true, facts, hint });
	});
}

const countWords = ['', '', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten'];
