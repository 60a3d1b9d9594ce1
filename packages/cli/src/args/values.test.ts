import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BadValue } from './bad-value.ts';
import { parseDuration } from './duration.ts';
import { parseNeed } from './needs.ts';
import { parseSize } from './size.ts';
import { assignment, choice, giveUp, integer, runtimeName, signalName, uuid } from './values.ts';

const refusal = (read: () => unknown): { expected: string; candidates: readonly string[] } => {
	try {
		read();
	} catch (error) {
		if (error instanceof BadValue) return { expected: error.expected, candidates: error.candidates };
		throw error;
	}
	throw new Error('it was taken');
};

describe('a duration', () => {
	it.each([
		['500ms', 500],
		['10s', 10_000],
		['1.5m', 90_000],
		['2h', 7_200_000],
		['1d', 86_400_000],
		['1m30s', 90_000],
		['0', 0],
		['0.5s', 500],
	])('%s is %i ms', (text, ms) => expect(parseDuration(text)).toBe(ms));

	it('needs a unit, and offers both that may have been meant', () => {
		expect(refusal(() => parseDuration('10')).candidates).toEqual(['10s', '10ms']);
	});

	it.each(['', 's', '10 s', '-1s', '1s2', 'soon', '1e3s', '10sec'])('%j is refused', (text) => {
		expect(refusal(() => parseDuration(text)).expected).toContain('a duration with its unit');
	});

	it('longer than a timer can be is refused', () => expect(refusal(() => parseDuration('25d')).expected).toBe('at most 24 days'));
});

describe('a size', () => {
	it.each([
		['4096', 4096],
		['64k', 65_536],
		['64K', 65_536],
		['8MiB', 8_388_608],
		['8M', 8_388_608],
		['8MB', 8_000_000],
		['1.5G', 1_610_612_736],
		['100b', 100],
	])('%s is %i bytes', (text, bytes) => expect(parseSize(text)).toBe(bytes));

	it.each(['', 'k', '8 MiB', '-1', '1T', '8iB'])('%j is refused', (text) => {
		expect(refusal(() => parseSize(text)).expected).toContain('a size in bytes');
	});
});

describe('a signal', () => {
	it.each(['TERM', 'SIGTERM', 'sigterm', 'term', '15'])('%s is SIGTERM', (text) => expect(signalName(text)).toBe('SIGTERM'));

	it('that does not exist brings near ones', () => {
		expect(refusal(() => signalName('TREM'))).toEqual({
			expected: 'a signal, such as HUP, SIGTERM or 15',
			candidates: ['TERM', 'TRAP'],
		});
		expect(refusal(() => signalName('999')).candidates).toEqual([]);
	});
});

describe('other values', () => {
	it('a choice names all of them and the nearest', () => {
		expect(refusal(() => choice(['no', 'on-failure', 'always'])('alway'))).toEqual({
			expected: 'one of: no, on-failure, always',
			candidates: ['always'],
		});
	});

	it('a UUID is taken in capitals and kept in small letters', () => {
		expect(uuid('0195FC7B-33E6-70E3-BEE1-AC515185FAC7')).toBe('0195fc7b-33e6-70e3-bee1-ac515185fac7');
		expect(refusal(() => uuid('0195fc7b')).expected).toContain('a UUID');
	});

	it('an integer keeps to its range', () => {
		expect(integer(1, 10)('10')).toBe(10);
		for (const text of ['0', '11', '-1', '1.5', 'x', ''])
			expect(refusal(() => integer(1, 10)(text)).expected).toBe('a whole number from 1 to 10');
	});

	it('give-up is failures within a time, or never', () => {
		expect(giveUp('5/60s')).toEqual({ failures: 5, withinMs: 60_000 });
		expect(giveUp('never')).toEqual({ failures: 0 });
		for (const text of ['5', '0/60s', '5/60', '5/60s/1', '']) expect(() => giveUp(text)).toThrow(BadValue);
	});

	it('a variable is assigned, or taken from here', () => {
		expect(assignment('A=b=c')).toEqual({ name: 'A', value: 'b=c' });
		expect(assignment('A=')).toEqual({ name: 'A', value: '' });
		expect(assignment('A')).toEqual({ name: 'A', value: undefined });
		for (const text of ['=x', '', 'A B=1', '1A=foo', 'setInterval(()=>{},1000)'])
			expect(() => assignment(text)).toThrow(BadValue);
	});

	it('a name is what the daemon takes', () => {
		for (const name of ['ping', 'ping-2', '_x', 'a.b+c', '9']) expect(runtimeName(name)).toBe(name);
		for (const name of ['-x', '.x', 'a b', 'ä', '', 'x'.repeat(65)]) expect(() => runtimeName(name)).toThrow(BadValue);
	});

	it('a need is of a runtime, of a project as well', () => {
		expect(parseNeed('db')).toEqual({ runtime: 'db', condition: 'started' });
		expect(parseNeed('shop/db:ready:restart')).toEqual({ runtime: 'shop/db', condition: 'ready', onRestart: 'restart' });
		for (const text of ['', '/db', 'shop/', 'a/b/c', 'shop/-x', `shop/${'x'.repeat(140)}`])
			expect(refusal(() => parseNeed(text)).expected).toContain('PROJECT/NAME');
		expect(refusal(() => parseNeed('shop/db:redy')).candidates).toEqual(['shop/db:ready']);
	});

	it('no text breaks a reader in another way than by a refusal', () => {
		const readers = [
			parseNeed,
			parseDuration,
			parseSize,
			signalName,
			uuid,
			runtimeName,
			giveUp,
			assignment,
			choice(['a']),
			integer(0, 9),
		];
		fc.assert(
			fc.property(fc.string(), fc.constantFrom(...readers), (text, read) => {
				try {
					(read as (text: string) => unknown)(text);
				} catch (error) {
					expect(error).toBeInstanceOf(BadValue);
				}
			}),
		);
	});
});
