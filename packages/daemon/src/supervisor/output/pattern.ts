/** A regular expression that a stranger has given: tried on lines, and ended when it takes too long. */
import { type Context, createContext, Script } from 'node:vm';

/** For a few hundred lines of 64 KiB at most. What takes longer would take for ever. */
const longestMs = 250;

/** Run by itself, so that a watch over the time can end it: nothing else can stop an expression that backtracks. */
const script = new Script('lines.map((line) => expression.test(line))');
/** One for all patterns, made when the first of them looks: it takes 200 KB, where an expression takes next to nothing. */
let context: Context | undefined;

export class PatternError extends Error {
	override readonly name = 'PatternError';
}

export interface Pattern {
	/** Which of the lines match. Throws a PatternError where that takes too long. */
	matches(lines: readonly string[]): readonly boolean[];
}

/** Throws a PatternError where it is not a regular expression. */
export function createPattern(source: string, { ignoreCase = false }: { readonly ignoreCase?: boolean } = {}): Pattern {
	let expression: RegExp;
	try {
		expression = new RegExp(source, ignoreCase ? 'iu' : 'u');
	} catch {
		try {
			// what the stricter grammar refuses, such as \- outside of a class, people write all the same
			expression = new RegExp(source, ignoreCase ? 'i' : '');
		} catch (error) {
			throw new PatternError((error as Error).message);
		}
	}
	return {
		matches(lines) {
			context ??= createContext({});
			Object.assign(context, { expression, lines });
			try {
				return script.runInContext(context, { timeout: longestMs }) as readonly boolean[];
			} catch (error) {
				if ((error as NodeJS.ErrnoException).code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error;
				throw new PatternError(`/${source}/ takes too long on a line: it would look at it in too many ways`);
			} finally {
				// what one pattern looked at is not held until the next one looks
				Object.assign(context, { expression: undefined, lines: undefined });
			}
		},
	};
}
