/** A regular expression that a stranger has given: tried on lines, and ended when it takes too long. */
import { type Context, createContext, Script } from 'node:vm';
import { nextTurn } from './turns.ts';
import { canWatchTime } from './watchdog.ts';

/** After so long everything else gets its turn, and then the lines that are left. */
const stretchMs = 50;
/** For one line, by itself. What takes longer would take for ever. */
const longestMs = 250;
/** For all lines of a call: far more than those take of which none takes for ever, for a busy machine is no reason to give them up. */
const longestInAllMs = 10_000;

/** Run by itself, so that a watch over the time can end it: nothing else can stop an expression that backtracks. What it has found until then is kept. */
const script = new Script(
	'((expression, lines, end, found) => { while (found.length < end) found.push(expression.test(lines[found.length])); })(expression, lines, end, found)',
);
/** One for all patterns, made when the first of them looks: it takes 200 KB, where an expression takes next to nothing. */
let context: Context | undefined;

export class PatternError extends Error {
	override readonly name = 'PatternError';
}

export interface PatternOptions {
	readonly ignoreCase?: boolean;
	/** For all lines that are looked at together. */
	readonly mostMs?: number;
}

export interface Pattern {
	/** Which of the lines match; others get their turn meanwhile. Rejects with a PatternError where that takes too long, and when `signal` is aborted. */
	matches(lines: readonly string[], signal?: AbortSignal): Promise<readonly boolean[]>;
}

/** Throws a PatternError where it is not a regular expression. */
export function createPattern(source: string, { ignoreCase = false, mostMs = longestInAllMs }: PatternOptions = {}): Pattern {
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
		async matches(lines, signal) {
			const found: boolean[] = [];
			/** The next line takes longer than a stretch. */
			let isSlow = false;
			for (let leftMs = mostMs; leftMs > 0; ) {
				const before = found.length;
				const ms = isSlow ? longestMs : stretchMs;
				look({ expression, lines, end: isSlow ? before + 1 : lines.length, found }, ms);
				if (found.length === lines.length) return found;
				const isStuck = found.length === before;
				if (isStuck && isSlow)
					throw new PatternError(`/${source}/ takes too long on a line: it would look at it in too many ways`);
				isSlow = isStuck;
				leftMs -= ms;
				await nextTurn();
				signal?.throwIfAborted();
			}
			throw new PatternError(`/${source}/ takes too long on lines like these: it looks at each in too many ways`);
		},
	};
}

interface Looking {
	readonly expression: RegExp;
	readonly lines: readonly string[];
	/** The line to end before. */
	readonly end: number;
	/** Of the lines before, and then of those that were looked at: whether they match. */
	readonly found: boolean[];
}

/** Goes on behind what was found, for so long at most. */
function look(looking: Looking, ms: number): void {
	if (!canWatchTime()) throw Object.assign(new Error('too few file descriptors are left for a pattern'), { code: 'EMFILE' });
	context ??= createContext({});
	Object.assign(context, looking);
	try {
		script.runInContext(context, { timeout: ms });
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error;
	} finally {
		// what one pattern looked at is not held until the next one looks
		Object.assign(context, { expression: undefined, lines: undefined, found: undefined });
	}
}
