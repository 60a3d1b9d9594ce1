/** What a type of messages may be called: the same for operations and for project files, and what the router takes. */
import { maxTypeNameBytes } from './bodies.ts';
import { utf8Encoder } from '../platform.ts';

/**
 * No control characters, and no halves of characters, which UTF-8 cannot write. By what is neither: for a class by its name V8
 * loads a MiB of tables.
 */
export const typeNamePattern = '^[ -~\\u00a0-\\ud7ff\\ue000-\\u{10ffff}]+$';
const fit = new RegExp(typeNamePattern, 'u');

/** It goes over the wire as UTF-8 behind one byte that says how long it is. */
export const typeNameBytes = (name: string): number => utf8Encoder.encode(name).length;

export const tooManyBytes = (bytes: number): string => `takes ${bytes} bytes, at most ${maxTypeNameBytes} are possible`;

/** What is wrong with a name, to be said behind it; undefined where nothing is. */
export function typeNameFault(name: string): string | undefined {
	if (name === '') return 'is empty';
	const bytes = typeNameBytes(name);
	if (bytes > maxTypeNameBytes) return tooManyBytes(bytes);
	return fit.test(name) ? undefined : 'holds control characters';
}
