/** Bodies are JSON text: the one place where they become text and come back. */
import { StoreError } from './errors.ts';

export function textOf(body: unknown): string {
	const text = JSON.stringify(body);
	// JSON has no word for undefined, functions and symbols: nothing would come back
	if (text === undefined) throw new TypeError(`Cannot store ${typeof body}: only what JSON can tell`);
	return text;
}

export function bodyOf(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch (error) {
		throw new StoreError('corrupt', 'Cannot read the state: a body is not JSON', { cause: error });
	}
}
