/** How problems of project files look on a terminal, which nothing in those files can drive. */
import { printable, type Style } from '@orch/base/text';
import { type FileProblem, renderProblems } from '@orch/protocol/wire';

export function problemsText(problems: readonly FileProblem[], { bold, red, dim, cyan }: Style): string {
	const clean = JSON.parse(
		JSON.stringify(problems, (_key, value: unknown) => (typeof value === 'string' ? printable(value) : value)),
	);
	return renderProblems(clean as readonly FileProblem[], { place: bold, mark: red, frame: dim, hint: cyan });
}
