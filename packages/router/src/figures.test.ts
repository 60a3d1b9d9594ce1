import { expect, test } from 'vitest';
import { LatencyHistogram, RateMeter } from './figures.ts';

test('a rate is of the last ten seconds, and of less while there is less', () => {
	const meter = new RateMeter();
	meter.add(50_000, 100, 1_000);
	expect(meter.rates(50_500)).toEqual({ messagesPerSecond: 100, bytesPerSecond: 1_000 });
	expect(meter.rates(54_000).messagesPerSecond).toBe(25);
	for (let second = 55; second < 70; second++) meter.add(second * 1000, 30, 0);
	expect(meter.rates(69_999).messagesPerSecond).toBeCloseTo(30, 0);
	expect(meter.rates(90_000)).toEqual({ messagesPerSecond: 0, bytesPerSecond: 0 });
});

test('a rate is of fewer seconds where they are asked for', () => {
	const meter = new RateMeter();
	for (let second = 50; second < 60; second++) meter.add(second * 1000, second < 58 ? 10 : 100, second);
	expect(meter.rates(60_000, 1)).toEqual({ messagesPerSecond: 100, bytesPerSecond: 59 });
	expect(meter.rates(60_000, 2)).toEqual({ messagesPerSecond: 100, bytesPerSecond: 58.5 });
	expect(meter.rates(60_000, 5).messagesPerSecond).toBe(46);
	expect(meter.rates(60_000, 10)).toEqual(meter.rates(60_000));
	meter.add(60_000, 50, 0);
	expect(meter.rates(60_500, 1).messagesPerSecond).toBe(100);
});

test('percentiles are within ten per cent of the truth', () => {
	const latency = new LatencyHistogram();
	expect(latency.percentileMs(0.5)).toBeUndefined();
	for (let micros = 1; micros <= 1_000; micros++) latency.add(micros);
	expect(Math.abs((latency.percentileMs(0.5) as number) - 0.5)).toBeLessThan(0.05);
	expect(Math.abs((latency.percentileMs(0.99) as number) - 0.99)).toBeLessThan(0.1);
});
