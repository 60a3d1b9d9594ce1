import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '@orch/base';
import { ManualClock, settle } from '@orch/base/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { WriteAheadLog } from './write-ahead-log.ts';

const directories: string[] = [];
afterEach(() => {
	for (const directory of directories.splice(0)) rmSync(directory, { recursive: true, force: true });
});

function make() {
	const directory = mkdtempSync(join(tmpdir(), 'orch-log-'));
	directories.push(directory);
	const path = join(directory, 'orch.db');
	writeFileSync(`${path}-wal`, '');
	const clock = new ManualClock();
	const syncs: { readonly done: () => void; readonly fail: (error: Error) => void }[] = [];
	const faults: { checkpoint: Error | undefined } = { checkpoint: undefined };
	let checkpoints = 0;
	const log = new WriteAheadLog({
		path,
		clock,
		log: silentLogger,
		checkpoint() {
			checkpoints += 1;
			if (faults.checkpoint) throw faults.checkpoint;
		},
		sync: () => new Promise<void>((done, fail) => syncs.push({ done, fail })),
	});
	const settled = () => {
		const told: { state: string } = { state: 'waits' };
		log.settled().then(
			() => {
				told.state = 'settled';
			},
			(error: Error) => {
				told.state = error.message;
			},
		);
		return told;
	};
	return { log, clock, syncs, faults, settled, checkpoints: () => checkpoints };
}

describe('the write-ahead log', () => {
	it('is settled at once while nothing has been written', async () => {
		const { settled, syncs } = make();
		const told = settled();
		await settle();
		expect([told.state, syncs.length]).toEqual(['settled', 0]);
	});

	it('is settled by a sync that began after the last commit, one for all who wait', async () => {
		const { log, settled, syncs } = make();
		log.committed();
		const first = settled();
		log.committed();
		const others = [settled(), settled(), settled()];
		expect(syncs).toHaveLength(1);
		syncs[0]?.done();
		await settle();
		// the sync that ran may have missed the second commit
		expect(first.state).toBe('settled');
		expect(others.map(({ state }) => state)).toEqual(['waits', 'waits', 'waits']);
		expect(syncs).toHaveLength(2);
		syncs[1]?.done();
		await settle();
		expect(others.map(({ state }) => state)).toEqual(['settled', 'settled', 'settled']);
		expect(syncs).toHaveLength(2);
		settled();
		await settle();
		expect(syncs).toHaveLength(2);
	});

	it('goes to the disk a second after a commit without anybody asking', async () => {
		const { log, clock, syncs } = make();
		log.committed();
		await clock.advance(999);
		log.committed();
		expect(syncs).toHaveLength(0);
		await clock.advance(1);
		expect(syncs).toHaveLength(1);
		syncs[0]?.done();
		await settle();
		expect(clock.pending).toBe(0);
	});

	it('says so when the disk refuses, and trusts no later sync until the content went another way', async () => {
		const { log, settled, syncs, faults, checkpoints } = make();
		log.committed();
		const first = settled();
		syncs[0]?.fail(new Error('EIO'));
		await settle();
		expect(first.state).toMatch(/^Cannot bring the state to the disk .*EIO$/);
		faults.checkpoint = new Error('no checkpoint either');
		const second = settled();
		await settle();
		expect([second.state, syncs.length, checkpoints()]).toEqual(['no checkpoint either', 1, 1]);
		faults.checkpoint = undefined;
		const third = settled();
		await settle();
		expect([third.state, syncs.length, checkpoints()]).toEqual(['settled', 1, 2]);
		log.committed();
		settled();
		await settle();
		expect(syncs).toHaveLength(2);
	});

	it('is played into the database after 350 commits, once it is on the disk', async () => {
		const { log, syncs, checkpoints, faults } = make();
		const flood = (count: number) => {
			for (let n = 0; n < count; n++) log.committed();
		};
		flood(349);
		await settle();
		expect(syncs).toHaveLength(0);
		flood(1_000);
		await settle();
		expect([syncs.length, checkpoints()]).toEqual([1, 0]);
		syncs[0]?.done();
		await settle();
		expect(checkpoints()).toBe(1);
		faults.checkpoint = new Error('full');
		flood(350);
		syncs[1]?.done();
		await settle();
		expect(checkpoints()).toBe(2);
		// not with every commit from now on
		flood(349);
		await settle();
		expect(syncs).toHaveLength(2);
		flood(1);
		expect(syncs).toHaveLength(3);
	});
});
