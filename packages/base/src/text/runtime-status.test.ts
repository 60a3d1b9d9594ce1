import { expect, test } from 'vitest';
import { exitText, lifetimeText } from './runtime-status.ts';

const exit = { code: null, signal: null, coreDumped: false, by: 'itself', reason: null, at: '2026-01-01T00:00:40.000Z' } as const;
const asItIs = (time: string) => time;

test('an end that nobody saw is told with both of its bounds', () => {
	const unseen = { ...exit, notBefore: '2026-01-01T00:00:00.600Z' };
	expect(exitText(exit, asItIs)).toBe('exit unknown, 2026-01-01T00:00:40.000Z');
	expect(exitText(unseen, asItIs)).toBe('exit unknown, between 2026-01-01T00:00:00.600Z and 2026-01-01T00:00:40.000Z');
	expect([lifetimeText(exit, 40_000), lifetimeText(unseen, 40_000)]).toEqual(['40s', '0.6s to 40s']);
});
