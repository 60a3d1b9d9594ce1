import { expect, it } from 'vitest';
import { cpuText, memory, memoryText, percent } from './usage.ts';

it('memory has three digits at most, in powers of 1024', () => {
	const MiB = 2 ** 20;
	expect([0, 1536, 84 * MiB, 999 * MiB, 1000 * MiB, 1.5 * 1024 * MiB, 15.6 * 1024 * MiB].map(memory)).toEqual([
		'0K',
		'2K',
		'84M',
		'999M',
		'1G',
		'1.5G',
		'16G',
	]);
});

it('processor time is told in percent of one core', () => {
	expect([0, 0.4, 3.14, 99.9, 99.96, 187.2].map(percent)).toEqual(['0.0%', '0.4%', '3.1%', '99.9%', '100%', '187%']);
});

it('what is not known is a dash', () => {
	expect([cpuText({ usage: null }), memoryText({ usage: null })]).toEqual(['–', '–']);
	const usage = { cpuPercent: null, memoryBytes: 2 ** 20, processes: 1, at: '2026-01-01T00:00:00.000Z' };
	expect([cpuText({ usage }), memoryText({ usage })]).toEqual(['–', '1M']);
});
