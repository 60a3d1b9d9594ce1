/** Environment files: `NAME=VALUE` lines, `#` comments, `export `, single and double quotes that may span lines. */

export interface EnvFile {
	readonly variables: ReadonlyMap<string, string>;
	/** Every line that is none, in order. */
	readonly faults: readonly EnvFileFault[];
}

export interface EnvFileFault {
	/** From 1. */
	readonly line: number;
	readonly reason: string;
	/** May be a secret that lost its name. */
	readonly text: string;
}

const escapes: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', '\\': '\\', '"': '"', $: '$' };

export function parseEnvFile(text: string): EnvFile {
	const variables = new Map<string, string>();
	const faults: EnvFileFault[] = [];
	const lines = text.replace(/^\uFEFF/, '').split(/\r?\n|\r$/);
	for (let at = 0; at < lines.length; at++) {
		const line = lines[at] ?? '';
		const first = at;
		const say = (reason: string) => void faults.push({ line: first + 1, reason, text: line });
		if (/^\s*(#|$)/.test(line)) continue;
		const match = /^\s*(?:export\s+)?([^=\s]+)\s*=(.*)$/.exec(line);
		if (!match) {
			say('expected NAME=VALUE');
			continue;
		}
		const [, name = '', rest = ''] = match;
		const quote = rest.trimStart()[0];
		if (quote !== '"' && quote !== "'") {
			// a `#` that follows the value at once is part of it: a colour, a fragment of an address
			variables.set(name, rest.replace(/\s+#.*$/, '').trim());
			continue;
		}
		let body = rest.trimStart().slice(1);
		let end = closing(body, quote);
		while (end < 0 && at + 1 < lines.length) {
			at++;
			body += `\n${lines[at] ?? ''}`;
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
	return { variables, faults };
}

function closing(body: string, quote: string): number {
	for (let at = 0; at < body.length; at++) {
		if (quote === '"' && body[at] === '\\') at++;
		else if (body[at] === quote) return at;
	}
	return -1;
}
