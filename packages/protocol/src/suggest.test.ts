import { describe, expect, it } from 'vitest';
import { editDistance, suggest } from './suggest.ts';

describe('did-you-mean', () => {
	it('names the nearest first, numbered ones with them', () => {
		expect(suggest('wroker', ['api', 'worker-2', 'worker', 'db'])).toEqual(['worker', 'worker-2']);
	});

	it('knows beginnings, swapped letters and other cases', () => {
		expect(suggest('runt', ['runtime', 'link'])).toEqual(['runtime']);
		expect(suggest('Pnig', ['Ping', 'Config'])).toEqual(['Ping']);
		expect(suggest('PING', ['ping'])).toEqual(['ping']);
	});

	it('says nothing rather than nonsense', () => {
		expect(suggest('zebra', ['api', 'db', 'worker'])).toEqual([]);
		expect(suggest('x', ['a', 'b'])).toEqual([]);
	});

	it('counts a swap of neighbours as one edit, and stops counting at the limit', () => {
		expect(editDistance('wroker', 'worker', 2)).toBe(1);
		expect(editDistance('kitten', 'sitting', 5)).toBe(3);
		expect(editDistance('aaaa', 'bbbb', 2)).toBe(3);
	});
});
