/** Where a text stops being JSON: V8 tells it in words that change with every version, and often not the place. */

export interface JsonFault {
	/** Index into the text of what was not expected. */
	readonly at: number;
	readonly reason: string;
}

/** Undefined where the text is one JSON value. */
export function findJsonFault(text: string): JsonFault | undefined {
	try {
		JSON.parse(text);
		return undefined;
	} catch {
		// what it says of it is not for people
	}
	try {
		new Scanner(text).whole();
		return { at: 0, reason: 'it cannot be read' };
	} catch (error) {
		if (error instanceof Fault) return error;
		throw error;
	}
}

/** The line and a caret under the place, cut to what fits; for a message. */
export function jsonFrame(
	text: string,
	at: number,
): { readonly line: number; readonly column: number; readonly frame: string[] } {
	const before = text.slice(0, at);
	const line = before.split('\n').length;
	const lineStart = before.lastIndexOf('\n') + 1;
	const lineEnd = text.indexOf('\n', at);
	const whole = text.slice(lineStart, lineEnd < 0 ? text.length : lineEnd).replace(/[\t\r]/g, ' ');
	const column = at - lineStart;
	const from = Math.max(0, Math.min(column - 40, whole.length - 72));
	const shown = `${from > 0 ? '…' : ''}${whole.slice(from, from + 72)}${from + 72 < whole.length ? '…' : ''}`;
	return { line, column: column + 1, frame: [shown, `${' '.repeat(column - from + (from > 0 ? 1 : 0))}^`] };
}

class Fault extends Error implements JsonFault {
	readonly at: number;
	readonly reason: string;
	constructor(at: number, reason: string) {
		super(reason);
		this.at = at;
		this.reason = reason;
	}
}

const deepest = 1000;

class Scanner {
	readonly #text: string;
	#at = 0;
	#depth = 0;

	constructor(text: string) {
		this.#text = text;
	}

	whole(): void {
		this.#value();
		this.#blank();
		if (this.#at < this.#text.length) this.#fail(`unexpected ${this.#seen()} after the end`);
	}

	#value(): void {
		this.#blank();
		const first = this.#text[this.#at];
		if (first === '{') return this.#members('}', () => this.#pair());
		if (first === '[') return this.#members(']', () => this.#value());
		if (first === '"') return this.#string();
		const rest = this.#text.slice(this.#at, this.#at + 400);
		const literal = /^(?:true|false|null)(?![A-Za-z0-9_])/.exec(rest);
		if (literal) {
			this.#at += literal[0].length;
			return;
		}
		if (first !== undefined && /[-0-9]/.test(first)) return this.#number();
		this.#fail(first === undefined ? 'unexpected end' : `unexpected ${this.#seen()}`);
	}

	#members(close: string, member: () => void): void {
		if (++this.#depth > deepest) this.#fail('nested too deeply to say more');
		this.#at++;
		this.#blank();
		if (this.#text[this.#at] === close) {
			this.#at++;
			this.#depth--;
			return;
		}
		for (;;) {
			member();
			this.#blank();
			const next = this.#text[this.#at];
			if (next !== ',' && next !== close)
				this.#fail(next === undefined ? 'unexpected end' : `expected , or ${close}, found ${this.#seen()}`);
			this.#at++;
			if (next === close) break;
		}
		this.#depth--;
	}

	#pair(): void {
		this.#blank();
		if (this.#text[this.#at] !== '"')
			this.#fail(this.#at >= this.#text.length ? 'unexpected end' : `expected a key in double quotes, found ${this.#seen()}`);
		this.#string();
		this.#blank();
		if (this.#text[this.#at] !== ':')
			this.#fail(this.#at >= this.#text.length ? 'unexpected end' : `expected :, found ${this.#seen()}`);
		this.#at++;
		this.#value();
	}

	#string(): void {
		this.#at++;
		for (; this.#at < this.#text.length; this.#at++) {
			const letter = this.#text[this.#at] as string;
			if (letter === '"') {
				this.#at++;
				return;
			}
			if (letter < ' ') this.#fail('a control character inside a string must be escaped');
			if (letter !== '\\') continue;
			const escaped = this.#text[++this.#at];
			if (escaped === 'u') {
				if (!/^[0-9a-fA-F]{4}$/.test(this.#text.slice(this.#at + 1, this.#at + 5))) this.#fail('\\u needs four hex digits');
				this.#at += 4;
			} else if (escaped === undefined) {
				break;
			} else if (!'"\\/bfnrt'.includes(escaped)) {
				this.#fail(`\\${escaped} is no escape`);
			}
		}
		this.#fail('unexpected end: a string is not closed');
	}

	#number(): void {
		const pattern = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?/y;
		pattern.lastIndex = this.#at;
		const match = pattern.exec(this.#text);
		if (!match) this.#fail('not a number');
		this.#at += match[0].length;
		if (/[0-9.eE+-]/.test(this.#text[this.#at] ?? '')) this.#fail('not a number');
	}

	#blank(): void {
		while (/[ \t\r\n]/.test(this.#text[this.#at] ?? '')) this.#at++;
	}

	#seen(): string {
		return this.#text[this.#at] === "'" ? 'a single quote' : `'${String.fromCodePoint(this.#text.codePointAt(this.#at) ?? 0)}'`;
	}

	#fail(reason: string): never {
		throw new Fault(Math.min(this.#at, this.#text.length), reason);
	}
}
