/** Environment files: `NAME=VALUE` lines, `#` comments, `export `, single and double quotes that may span lines. */

export type EnvFile =
	| { readonly env: Readonly<Record<string, string>> }
	| { readonly fault: { readonly line: number; readonly reason: string; readonly text: string } };

const escapes: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', '\\': '\\', '"': '"', $: '$' };

export function parseEnvFile(text: string): EnvFile {
	const env: Record<string, string> = {};
	const lines = text.replace(/^\uFEFF/, '').split(/\r\n|\r|\n/);
	for (let at = 0; at < lines.length; at++) {
		const line = lines[at] ?? '';
		const fault = (reason: string): EnvFile => ({ fault: { line: at + 1, reason, text: line } });
		if (/^\s*(#|$)/.test(line)) continue;
		const match = /^\s*(?:export\s+)?([^=\s]+)\s*=\s*(.*)$/.exec(line);
		if (!match) return fault('expected NAME=VALUE');
		const [, name = '', rest = ''] = match;
		const quote = rest[0];
		if (quote !== '"' && quote !== "'") {
			env[name] = rest.replace(/\s+#.*$/, '').trimEnd();
			continue;
		}
		const first = at;
		let body = rest.slice(1);
		let end = closing(body, quote);
		while (end < 0 && at + 1 < lines.length) {
			at++;
			body += `\n${lines[at] ?? ''}`;
			end = closing(body, quote);
		}
		if (end < 0) return { fault: { line: first + 1, reason: `the ${quote} is never closed`, text: line } };
		if (!/^\s*(#.*)?$/.test(body.slice(end + 1))) return fault('something follows the closing quote');
		const value = body.slice(0, end);
		env[name] = quote === "'" ? value : value.replace(/\\(.)/gs, (whole, letter: string) => escapes[letter] ?? whole);
	}
	return { env };
}

function closing(body: string, quote: string): number {
	for (let at = 0; at < body.length; at++) {
		if (quote === '"' && body[at] === '\\') at++;
		else if (body[at] === quote) return at;
	}
	return -1;
}
