/** `.env` beside a project file: what is wrong in it, in its place. */
import { parseEnvFile } from '@orch/base/text';
import { type Problem, problem } from '../problem.ts';
import { lineStart, lineText, type Source } from '../source.ts';

export interface Dotenv {
	readonly variables: ReadonlyMap<string, string>;
	readonly problems: readonly Problem[];
}

export function readDotenv(source: Source): Dotenv {
	const { variables, faults } = parseEnvFile(source.text);
	const problems = faults.map(({ line, reason }) => {
		const start = lineStart(source, line - 1);
		return problem('syntax', reason, { at: { source, start, end: start + lineText(source, line - 1).length } });
	});
	return { variables, problems };
}
