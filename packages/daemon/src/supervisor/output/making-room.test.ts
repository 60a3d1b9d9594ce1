/** A disk that is full for as long as a test wants: more is kept in reserve than any disk has. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { silentLogger } from '@orch/base';
import { mayMount, type SmallDisk, smallDisk, until } from '@orch/base/testing';
import { afterEach, expect, test } from 'vitest';
import { noPunch, numbered, OutputRig } from './testing/rig.ts';

const mounted: SmallDisk[] = [];
const directories: string[] = [];
afterEach(() => {
	for (const disk of mounted.splice(0)) disk.unmount();
	for (const directory of directories.splice(0)) rmSync(directory, { recursive: true, force: true });
});

const kib = 1024;
const limits = { maxBytes: 512 * kib, segmentBytes: 64 * kib };
/** So long after something was opened or written it is seen that the disk is full. */
const lookMs = 250;
/** As long as it is full that is looked at again and again. */
const fullLookMs = 1_000;

/** A runtime with some segments, in a store that is about to find that the disk is full, and what that warns of. */
async function aboutToBeFull(): Promise<{ readonly rig: OutputRig; readonly warnings: readonly string[] }> {
	const stateDirectory = mkdtempSync(join(tmpdir(), 'orch-making-room-'));
	directories.push(stateDirectory);
	const before = new OutputRig({ stateDirectory, limits });
	before.open();
	for (let round = 0; round < 4; round++) await before.writeAndSettle(numbered(round * 2000, (round + 1) * 2000));
	await before.close();
	const warnings: string[] = [];
	const log = { ...silentLogger, warn: (message: string) => void warnings.push(message) };
	const reserveBytes = Number.MAX_SAFE_INTEGER;
	const rig = new OutputRig({ stateDirectory, limits, log, reserveBytes, punch: noPunch });
	rig.open();
	rig.store.allAreOpen();
	await rig.store.settled();
	return { rig, warnings };
}

test('what fails while room is made is told of, and room is made again a moment later', async () => {
	const { rig, warnings } = await aboutToBeFull();
	const segments = () => rig.store.find('one')?.streams.stdout.segments.length;
	expect(segments()).toBeGreaterThan(2);
	// where the file stands that tells what is gone
	const inTheWay = rig.path('one', 'stdout.000000000000000.0.gone');
	mkdirSync(inTheWay);
	await rig.manual.advance(lookMs);
	await rig.store.settled();
	expect(warnings).toContain('room on the disk could not be made');
	expect(segments()).toBeGreaterThan(0);
	rmdirSync(inTheWay);
	await rig.manual.advance(fullLookMs);
	await rig.store.settled();
	expect(segments()).toBe(0);
	await rig.close();
});

/** Output of runtimes that are not known any more, the first one the oldest. */
function leave(rig: OutputRig, ids: readonly string[]): void {
	for (const [at, id] of ids.entries()) {
		mkdirSync(rig.path(id), { recursive: true });
		writeFileSync(rig.path(id, 'stdout.log'), 'x');
		for (const path of [rig.path(id, 'stdout.log'), rig.path(id)]) utimesSync(path, at + 1, at + 1);
	}
}

test('only output goes to make room, not what else stands beside it for a moment', async () => {
	const { rig } = await aboutToBeFull();
	leave(rig, ['old']);
	writeFileSync(rig.path('trial-0123456789ab'), 'of a hole');
	await rig.manual.advance(lookMs);
	await rig.store.settled();
	expect(readdirSync(rig.path('')).sort()).toEqual(['one', 'trial-0123456789ab']);
	await rig.close();
});

test('everybody else has a turn between one removal and the next', async () => {
	const { rig } = await aboutToBeFull();
	const old = Array.from({ length: 5 }, (_, at) => `old-${at}`);
	leave(rig, old);
	/** What was left, whenever it was somebody else's turn. */
	const left = new Set<number>();
	let isDone = false;
	const lookOn = () => {
		left.add(old.filter((id) => existsSync(rig.path(id))).length);
		if (!isDone) setImmediate(lookOn);
	};
	lookOn();
	await rig.manual.advance(lookMs);
	await rig.store.settled();
	isDone = true;
	expect([...left]).toEqual([5, 4, 3, 2, 1, 0]);
	await rig.close();
});

test.skipIf(!mayMount())('output that cannot be removed keeps no other from it', async () => {
	const { rig, warnings } = await aboutToBeFull();
	const inUse = smallDisk(kib * kib, rig.path(''));
	mounted.push(inUse);
	utimesSync(inUse.directory, 0, 0);
	leave(rig, ['old', 'younger']);
	await rig.manual.advance(lookMs);
	await rig.store.settled();
	expect(readdirSync(rig.path(''))).toEqual(['one', basename(inUse.directory)].sort());
	expect(warnings.filter((warning) => warning === 'old output could not be removed')).toHaveLength(1);
	// nor where it is removed for its age
	leave(rig, ['old', 'younger']);
	rig.store.allAreOpen();
	await until('all others are removed', () => readdirSync(rig.path('')).length === 2);
	await rig.close();
});
