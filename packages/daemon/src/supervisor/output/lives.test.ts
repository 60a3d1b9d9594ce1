/** Who wrote what, also where it could not be read at once. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '@orch/base';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { canTakeDescriptors, takeDescriptors } from '@orch/base/testing';
import { closeLook, openLook } from '../shortage.ts';
import { Lives } from './lives.ts';

let directory: string;
beforeEach(() => {
	directory = mkdtempSync(join(tmpdir(), 'orch-lives-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

/** What is held for looks, where any look before this test has made it be held. */
function takeReserve(): number[] {
	const held: number[] = [];
	try {
		for (;;) held.push(openLook('/dev/null'));
	} catch {
		return held;
	}
}

const from = { stdout: 10, stderr: 2 };
const until = { stdout: 30, stderr: 2 };

test('is the same to who reads it anew', () => {
	const path = join(directory, 'processes');
	const first = new Lives(path, silentLogger);
	first.began(1, 1_000, { stdout: 0, stderr: 0 });
	first.ended(1, 2_000, from);
	first.began(2, 3_000, from);
	first.never(2, 3_500);
	first.began(3, 4_000, from);
	expect(new Lives(path, silentLogger).list).toEqual(first.list);
	expect(first.list.map(({ generation }) => generation)).toEqual([1, 3]);
});

test.skipIf(!canTakeDescriptors)(
	'is read once it can be, where there was no descriptor for it, and knows what came meanwhile',
	() => {
		const path = join(directory, 'processes');
		new Lives(path, silentLogger).began(7, 1_000, from);
		const giveBack = takeDescriptors();
		const held = takeReserve();
		let lives: Lives;
		try {
			lives = new Lives(path, silentLogger);
			expect(lives.list).toEqual([]);
			lives.began(8, 2_000, until);
		} finally {
			for (const descriptor of held) closeLook(descriptor);
			giveBack();
		}
		expect(lives.list).toEqual([
			{ generation: 7, at: 1_000, from, until: undefined },
			{ generation: 8, at: 2_000, from: until, until: undefined },
		]);
		lives.ended(7, 3_000, until);
		expect(lives.list[0]?.until).toEqual(until);
	},
);
