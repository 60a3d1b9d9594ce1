import { appendFileSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '@orch/base';
import { ManualClock, until } from '@orch/base/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { GrowthWatch } from './growth-watch.ts';

let directory: string;
let clock: ManualClock;
let watch: GrowthWatch;
beforeEach(() => {
	directory = mkdtempSync(join(tmpdir(), 'orch-watch-'));
	clock = new ManualClock();
	watch = new GrowthWatch({ clock, log: silentLogger });
});
afterEach(() => {
	watch.close();
	expect(clock.pending).toBe(0);
	rmSync(directory, { recursive: true });
});

const add = (name: string) => {
	const folder = join(directory, name);
	mkdirSync(folder);
	const file = join(folder, 'stdout.log');
	writeFileSync(file, '');
	const seen = { size: 0, looks: 0 };
	const remove = watch.add({
		directory: folder,
		matters: (changed) => changed === 'stdout.log',
		look() {
			seen.looks++;
			const { size } = statSync(file);
			const grew = size !== seen.size;
			seen.size = size;
			return grew;
		},
	});
	return { file, seen, remove };
};

test('what is written is noticed without any time passing, and what is quiet is not looked at', async () => {
	const quiet = Array.from({ length: 50 }, (_, index) => add(`quiet-${index}`));
	const one = add('one');
	expect(clock.pending).toBe(1);
	for (let round = 1; round <= 10; round++) {
		appendFileSync(one.file, 'x');
		await until('it is noticed', () => one.seen.size === round);
	}
	expect(quiet.map(({ seen }) => seen.looks)).toEqual(quiet.map(() => 1));
	// nothing but the look for safety waits, once in five minutes
	expect(clock.pending).toBe(1);
	expect(clock.nextMs).toBe(300_000);
});

test('what writes much is looked at in turns by one timer, and told of by the system again when it is quiet', async () => {
	const many = [add('one'), add('two'), add('three')];
	await until('all are looked at in turns', () => {
		for (const { file } of many) appendFileSync(file, 'x');
		return watch.inTurns === 3;
	});
	expect(clock.pending).toBe(2);
	for (const { file } of many) appendFileSync(file, 'more');
	await clock.advance(25);
	expect(many.map(({ file, seen }) => statSync(file).size - seen.size)).toEqual([0, 0, 0]);
	await clock.advance(25 * 41);
	expect([watch.inTurns, clock.pending]).toEqual([0, 1]);
	for (const { file, seen } of many) {
		appendFileSync(file, 'again');
		await until('it is noticed', () => statSync(file).size === seen.size);
	}
});

test('what the system did not tell of is found by the look for safety', async () => {
	const one = add('one');
	// its directory is another one now, which nobody watches
	rmSync(join(directory, 'one'), { recursive: true });
	mkdirSync(join(directory, 'one'));
	writeFileSync(one.file, 'unheard of');
	const before = one.seen.looks;
	await clock.advance(300_000);
	expect(one.seen.looks).toBeGreaterThan(before);
	expect(one.seen.size).toBe(10);
});

test('what is removed is looked at no more', async () => {
	const one = add('one');
	one.remove();
	const { looks } = one.seen;
	appendFileSync(one.file, 'x');
	await clock.advance(120_000);
	expect(one.seen.looks).toBe(looks);
});
