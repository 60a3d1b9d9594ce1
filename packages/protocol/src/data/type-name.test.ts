import { describe, expect, it } from 'vitest';
import { typeNameFault } from './type-name.ts';

describe('the name of a type', () => {
	it.each(['Ping', 'a b', '注文', '🦊', 'ö'.repeat(127), 'x'.repeat(255)])('%s is one', (name) => {
		expect(typeNameFault(name)).toBeUndefined();
	});

	it.each([
		['', 'is empty'],
		['x'.repeat(256), 'takes 256 bytes, at most 255 are possible'],
		['ö'.repeat(128), 'takes 256 bytes, at most 255 are possible'],
		['🦊'.repeat(64), 'takes 256 bytes, at most 255 are possible'],
		...['\u0000', 'a\nb', '\u007f', '\u0080', '\u009f', '\ud83e'].map((name) => [name, 'holds control characters']),
	])('%j is none', (name, fault) => {
		expect(typeNameFault(name ?? '')).toBe(fault);
	});
});
