/** `.env` files: `NAME=VALUE` lines, `#` comments, `export `, single and double quotes that may span lines. */
import { type Problem, problem } from './problem.ts';
import { lineStart, lineText, type Source } from './source.ts';

const escapes: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', '\\': '\\', '"': '"', $: '$' };

export interface Dotenv {
	readonly variables: ReadonlyMap<string, string>;
	readonly problems: readonly Problem[];
}

export function readDotenv(source: Source): Dotenv {
	const variables = new Map<string, string>();
	const problems: Problem[] = [];
	const lines = source.lineStarts.map((_start, line) => lineText(source, line));
	for (let line = 0; line < lines.length; line++) {
		const text = lines[line] ?? '';
		if (/^\s*(#|$)/.test(text)) continue;
		const first = line;
		const say = (message: string) => {
			const start = lineStart(source, first);
			problems.push(problem('syntax', message, { at: { source, start, end: start + lineText(source, first).length } }));
		};
		const match = /^\s*(?:export\s+)?([A-Za-z_][^=\s]*)\s*=\s*(.*)$/.exec(text);
		if (!match) {
			say('expected NAME=VALUE');
			continue;
		}
		const [, name = '', rest = ''] = match;
		const quote = rest[0];
		if (quote !== '"' && quote !== "'") {
			variables.set(name, rest.replace(/(^|\s+)#.*$/, '').trimEnd());
			continue;
		}
		let body = rest.slice(1);
		let end = closing(body, quote);
		while (end < 0 && line + 1 < lines.length) {
			line++;
			body += `\n${lines[line] ?? ''}`;
			end = closing(body, quote);
		}
		if (end < 0) {
			say(`the ${quote} is never closed`);
			// what follows was swallowed by it
			break;
		}
		if (/^\s*(#.*)?$/.test(body.slice(end + 1))) {
			const value = body.slice(0, end);
			variables.set(name, quote === "'" ? value : value.replace(/\\(.)/gs, (whole, letter: string) => escapes[letter] ?? whole));
		} else say('something follows the closing quote');
	}
	return { variables, problems };
}

function closing(body: string, quote: string): number {
	for (let at = 0; at < body.length; at++) {
		if (quote === '"' && body[at] === '\\') at++;
		else if (body[at] === quote) return at;
	}
	return -1;
}
