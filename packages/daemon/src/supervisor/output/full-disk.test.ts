/** Scenario 31 on a file system of its own that is small: mounted where that is permitted, else these tests are skipped. */
import { randomBytes } from 'node:crypto';
import { appendFileSync, existsSync, statfsSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { silentLogger } from '@orch/base';
import { ManualClock, mayMount, type SmallDisk, smallDisk, until } from '@orch/base/testing';
import { afterAll, expect, test } from 'vitest';
import { noPunch, numbered, OutputRig } from './testing/rig.ts';

const mib = 1024 * 1024;
const mounted: SmallDisk[] = [];
function mount(bytes: number): string {
	const disk = smallDisk(bytes);
	mounted.push(disk);
	return disk.directory;
}
afterAll(() => {
	for (const disk of mounted) disk.unmount();
});
const canMount = mayMount();

/** As much as goes in, as a program does that does not mind errors; gives how much that was. */
function writeUntilFull(path: string, most: number): number {
	const line = Buffer.from(`${'z'.repeat(1023)}\n`);
	let written = 0;
	try {
		for (; written < most; written += line.length) appendFileSync(path, line);
	} catch (error) {
		expect((error as NodeJS.ErrnoException).code).toBe('ENOSPC');
	}
	return written;
}

const freeBytes = (directory: string): number => {
	const { bavail, bsize } = statfsSync(directory);
	return bavail * bsize;
};

test.skipIf(!canMount)(
	'scenario 31: a full disk: the reserve is given up, the oldest goes, it is said, and it heals without a restart',
	async () => {
		const disk = mount(16 * mib);
		const clock = new ManualClock();
		const limits = { maxBytes: 64 * mib, segmentBytes: mib };
		const rig = new OutputRig({ stateDirectory: disk, clock, limits, reserveBytes: mib });
		const told: string[] = [];
		rig.store.told.subscribe((sentence) => told.push(sentence));
		rig.open('noisy');
		rig.open('calm');
		await clock.advance(1_000);
		expect(existsSync(join(disk, 'reserve'))).toBe(true);
		rig.write('kept\n', 'stdout', 'calm');
		const noisy = rig.path('noisy', 'stdout.log');
		let written = 0;
		for (let round = 0; round < 10; round++) {
			written += writeUntilFull(noisy, 64 * mib);
			rig.store.find('noisy')?.look();
			await until('there is room', async () => {
				await clock.advance(250);
				await rig.store.settled();
				return freeBytes(disk) >= mib;
			});
			expect(rig.store.notices[0]).toContain('the disk is full');
			expect(rig.store.notices[0]).toContain('of the oldest output were removed');
		}
		// far more has been written than there is room: the writer went on, again and again
		expect(written).toBeGreaterThan(40 * mib);
		expect(await rig.text('stdout', undefined, 'calm')).toBe('kept\n');
		const left = await rig.text('stdout', undefined, 'noisy');
		expect(left.split('\n').filter((line) => line !== '' && line.length !== 1023)).toEqual([]);
		// no more is written, there is room, and the reserve is taken again
		await clock.advance(4_000);
		expect(existsSync(join(disk, 'reserve'))).toBe(true);
		expect(rig.store.notices).toEqual([expect.stringMatching(/^the disk was full; \d+ KiB of the oldest output were removed$/)]);
		expect([told[0], told.at(-1)]).toEqual([expect.stringContaining('the disk is full'), 'the disk has room again']);
		await rig.close();
	},
);

test.skipIf(!canMount)('scenario 31: a disk that others have filled costs the oldest output, and nobody an error', async () => {
	const disk = mount(12 * mib);
	const clock = new ManualClock();
	const rig = new OutputRig({
		stateDirectory: disk,
		clock,
		limits: { maxBytes: 64 * mib, segmentBytes: mib },
		reserveBytes: mib,
	});
	rig.open();
	for (let round = 0; round < 3; round++) await rig.writeAndSettle(`${round}${'r'.repeat(mib)}\n`);
	await clock.advance(1_000);
	writeUntilFull(join(disk, 'hog'), 64 * mib);
	rig.write('one more line\n');
	rig.store.find('one')?.look();
	await clock.advance(300);
	await rig.store.settled();
	expect(rig.store.notices[0]).toContain('the disk is full');
	// starting while it is full works, and so does reading
	await rig.restart();
	rig.open('new');
	expect((await rig.text()).length).toBeGreaterThan(0);
	unlinkSync(join(disk, 'hog'));
	await clock.advance(2_000);
	rig.write('after\n');
	expect(await rig.text('stdout', 1)).toBe('after\n');
	expect(rig.store.notices.some((notice) => notice.includes('is full'))).toBe(false);
	await rig.close();
});

test.skipIf(!canMount)(
	'output that is removed to have room for newer is told of, though the disk never is full to its last byte',
	async () => {
		const disk = mount(12 * mib);
		const clock = new ManualClock();
		const rig = new OutputRig({
			stateDirectory: disk,
			clock,
			limits: { maxBytes: 64 * mib, segmentBytes: mib },
			reserveBytes: mib,
		});
		const told: string[] = [];
		rig.store.told.subscribe((sentence) => told.push(sentence));
		rig.open();
		await clock.advance(1_000);
		for (let round = 0; round < 20; round++) {
			// what cannot be made smaller
			await rig.writeAndSettle(`${randomBytes(mib / 2).toString('hex')}\n`);
			expect(freeBytes(disk)).toBeGreaterThanOrEqual(mib);
			await clock.advance(300);
		}
		expect(rig.store.notices).toEqual([
			expect.stringMatching(/^the disk is full since .*; \d+ KiB of the oldest output were removed$/),
		]);
		expect(told).toEqual([expect.stringContaining('the disk is full')]);
		// as long as each segment costs an older one it stays so, however slowly they come
		for (let round = 0; round < 3; round++) {
			await clock.advance(30_000);
			await rig.writeAndSettle(`${randomBytes(mib / 2).toString('hex')}\n`);
		}
		expect(told).toHaveLength(1);
		await rig.store.remove('one');
		await until('it is well again', async () => {
			await clock.advance(1_000);
			return told.includes('the disk has room again');
		});
		expect(rig.store.notices).toEqual([expect.stringContaining('the disk was full')]);
		await rig.close();
	},
);

test.skipIf(!canMount)(
	'a line that there is no room to put back to a file that was cut is gone, and offsets go on behind it',
	async () => {
		const disk = mount(4 * mib);
		const warnings: string[] = [];
		const log = { ...silentLogger, warn: (message: string) => void warnings.push(message) };
		const rig = new OutputRig({ stateDirectory: disk, punch: noPunch, reserveBytes: 0, log });
		rig.open();
		const line = 'the last one, which is not wh';
		rig.write(`${numbered(0, 1000)}${line}`);
		await rig.restart();
		// a daemon has cut it, and died
		const cutting = { from: 0, size: 40_000 + line.length, tail: Buffer.from(line).toString('base64') };
		writeFileSync(rig.path('one', 'stdout.000000000000000-000000000040000.1000.log'), numbered(0, 1000));
		writeFileSync(rig.path('one', 'stdout.base'), JSON.stringify({ base: 40_000, cutting }));
		await rig.store.close();
		truncateSync(rig.path('one', 'stdout.log'), 0);
		writeUntilFull(join(disk, 'hog'), 64 * mib);
		await rig.restart();
		expect(warnings).toContain('the last line of a file of output could not be put back');
		unlinkSync(join(disk, 'hog'));
		rig.write('ole\nnew\n');
		for (let round = 0; round < 2; round++) {
			expect(await rig.text()).toBe(`${numbered(0, 1000)}ole\nnew\n`);
			expect(rig.store.find('one')?.streams.stdout.end).toBe(40_000 + line.length + 8);
			await rig.restart();
		}
		await rig.close();
	},
);
