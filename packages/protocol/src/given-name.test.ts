import { describe, expect, it } from 'vitest';
import { isGivenName, isRuntimeName } from './given-name.ts';

describe('a name that somebody gives', () => {
	it.each(['a', 'web-2', '_x', '9', 'g++', 'a.b', 'x'.repeat(64)])('%s is one', (name) => {
		expect(isGivenName(name)).toBe(true);
		expect(isRuntimeName(name)).toBe(true);
	});

	it.each(['', '-a', '.a', '+a', 'a b', 'a:b', 'ä', 'a\n', 'x/y/z', '/x', 'x/'])('%j is none, also not of a runtime', (name) => {
		expect(isGivenName(name)).toBe(false);
		expect(isRuntimeName(name)).toBe(false);
	});

	it('is that of a runtime also behind the name of its project', () => {
		expect(isRuntimeName('shop/web-2')).toBe(true);
		expect(isGivenName('shop/web-2')).toBe(false);
	});

	it('has its longest length', () => {
		expect(isGivenName('x'.repeat(65))).toBe(false);
		expect(isRuntimeName(`${'p'.repeat(64)}/${'x'.repeat(75)}`)).toBe(true);
		expect(isRuntimeName(`${'p'.repeat(64)}/${'x'.repeat(76)}`)).toBe(false);
	});
});
