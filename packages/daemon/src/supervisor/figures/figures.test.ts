import { silentLogger } from '@orch/base';
import { ManualClock, settle } from '@orch/base/testing';
import { afterEach, describe, expect, it, test } from 'vitest';
import { createProcessSet, type ProcessSet } from '../process-set.ts';
import type { Sum } from './census.ts';
import { Figures, glanceMs, liveMs, longestQuietMs, quietMs, quietReads, type Subject } from './figures.ts';
import { sizeText, type Usage } from './usage.ts';

interface Fake extends Subject {
	sets: ProcessSet[];
	limitBytes: number | undefined;
	sum: Sum;
	readonly usages: Usage[];
	readonly condemned: string[];
}

const MiB = 2 ** 20;
const figuresMade: Figures[] = [];
afterEach(() => {
	for (const each of figuresMade.splice(0)) each.close();
});

function watched(count: number) {
	const clock = new ManualClock();
	const subjects: Fake[] = [];
	const looks: { readonly summed: number; readonly at: number }[] = [];
	const add = (): Fake => {
		const set = createProcessSet({ processId: `p${subjects.length}`, root: undefined, outputDirectory: undefined });
		const usages: Usage[] = [];
		const condemned: string[] = [];
		const bornMs = clock.monotonicMs();
		const subject: Fake = {
			sets: [set],
			get livedMs() {
				return clock.monotonicMs() - bornMs;
			},
			limitBytes: undefined,
			sum: { ticks: 0, memoryBytes: MiB, processes: 1 },
			used: (usage) => void (usage && usages.push(usage)),
			condemn: (reason) => condemned.push(reason),
			usages,
			condemned,
		};
		subjects.push(subject);
		return subject;
	};
	for (let at = 0; at < count; at++) add();
	const sumOf = (set: ProcessSet): Sum => subjects.find(({ sets }) => sets.includes(set))?.sum as Sum;
	const figures = new Figures({
		clock,
		log: silentLogger,
		subjects: () => subjects,
		census: {
			sizes: () => new Map(subjects.flatMap(({ sets }) => sets.map((set) => [set, 1] as const))),
			async look(_sets, summed) {
				looks.push({ summed: summed.size, at: clock.monotonicMs() });
				return new Map([...summed].map((set) => [set, sumOf(set)]));
			},
		},
	});
	figuresMade.push(figures);
	return { clock, subjects, looks, figures, add };
}

test('scenario 41: 500 idle runtimes cost ever fewer looks while nobody looks, each of no more processes however many there are', async () => {
	const { clock, looks, figures, add } = watched(500);
	figures.poke(false);
	await clock.advance(60 * 60_000);
	// after 15 s, 30 s, a minute, two, and from then on every four minutes
	expect(looks.slice(0, 5).map(({ at }) => at / quietMs)).toEqual([1, 3, 7, 15, 31]);
	expect(looks.length).toBeLessThanOrEqual(4 + 3_600_000 / longestQuietMs);
	expect(Math.max(...looks.map(({ summed }) => summed))).toBe(quietReads);
	expect(clock.pending).toBe(1);
	// one that starts is looked at soon
	looks.length = 0;
	add();
	figures.poke(false);
	await clock.advance(quietMs);
	expect(looks.length).toBe(1);
});

describe('figures', () => {
	it('are taken every second while somebody looks, and no longer', async () => {
		const { clock, looks, figures } = watched(3);
		const release = figures.watch();
		const second = figures.watch();
		await settle();
		expect(looks).toEqual([{ summed: 3, at: 0 }]);
		await clock.advance(10 * liveMs);
		expect(looks.length).toBe(11);
		release();
		release();
		await clock.advance(liveMs);
		expect(looks.length).toBe(12);
		second();
		looks.length = 0;
		await clock.advance(2 * quietMs);
		expect(looks.length).toBeLessThanOrEqual(3);
	});

	it('of who asks once are there at once, fresh for a second, and taken for a while in case that was not all', async () => {
		const { clock, looks, figures, subjects } = watched(2);
		await figures.glance();
		expect(subjects[0]?.usages.at(-1)).toMatchObject({ memoryBytes: MiB, processes: 1, cpuPercent: undefined });
		await figures.glance();
		expect(looks.length).toBe(1);
		await clock.advance(glanceMs);
		expect(looks.length).toBe(1 + glanceMs / liveMs);
		looks.length = 0;
		await clock.advance(3 * quietMs);
		expect(looks.length).toBeLessThanOrEqual(4);
	});

	it('wake nobody where nothing runs', async () => {
		const { clock, looks, figures, add } = watched(0);
		figures.poke(false);
		await figures.glance();
		expect([clock.pending, looks.length]).toEqual([0, 0]);
		add();
		figures.poke(false);
		expect(clock.pending).toBe(1);
	});

	it('tell the share of one core over some seconds, and over its life at the first look', async () => {
		const { clock, figures, subjects } = watched(1);
		const [one] = subjects as [Fake];
		await clock.advance(4_000);
		one.sum = { ...one.sum, ticks: 100 };
		figures.watch();
		await settle();
		expect(one.usages.at(-1)?.cpuPercent).toBe(25);
		one.sum = { ...one.sum, ticks: 50 };
		await clock.advance(6 * liveMs);
		expect(one.usages.at(-1)?.cpuPercent).toBe(50);
		one.sum = { ...one.sum, ticks: 0 };
		await clock.advance(2 * liveMs);
		expect(one.usages.at(-1)?.cpuPercent).toBe(30);
	});

	it('end what is above its limit twice in a row, and nothing for a moment above it', async () => {
		const { clock, figures, subjects, looks } = watched(3);
		const [one, other] = subjects as [Fake, Fake];
		one.limitBytes = 512 * MiB;
		other.limitBytes = 512 * MiB;
		one.sum = { ...one.sum, memoryBytes: 611.4 * MiB };
		other.sum = { ...other.sum, memoryBytes: 600 * MiB };
		figures.poke(true);
		await clock.advance(liveMs);
		// who asks in between is no tick
		await figures.glance();
		other.sum = { ...other.sum, memoryBytes: 500 * MiB };
		expect(one.condemned).toEqual([]);
		await clock.advance(liveMs);
		expect([one.condemned, other.condemned]).toEqual([['used 612 MiB, limit 512 MiB'], []]);
		await clock.advance(2 * liveMs);
		expect(one.condemned.length).toBe(2);
		// only what has a limit is read every second
		await clock.advance(glanceMs);
		looks.length = 0;
		await clock.advance(10 * liveMs);
		expect([looks.length, Math.min(...looks.map(({ summed }) => summed))]).toEqual([10, 2]);
	});

	it('survive a look that fails', async () => {
		const clock = new ManualClock();
		const { subjects } = watched(1);
		let fails = 0;
		const figures = new Figures({
			clock,
			log: silentLogger,
			subjects: () => subjects,
			census: {
				sizes: () => new Map(),
				async look() {
					fails++;
					throw new Error('no descriptor left');
				},
			},
		});
		figuresMade.push(figures);
		figures.watch();
		await settle();
		await clock.advance(3 * liveMs);
		expect(fails).toBe(4);
	});
});

it('a size above a limit never reads like the limit', () => {
	expect([
		sizeText(512 * MiB),
		sizeText(512 * MiB + 1),
		sizeText(1.5 * 1024 * MiB),
		sizeText(1000),
		sizeText(100 * 1024),
	]).toEqual(['512 MiB', '513 MiB', '1.5 GiB', '1 KiB', '100 KiB']);
});
