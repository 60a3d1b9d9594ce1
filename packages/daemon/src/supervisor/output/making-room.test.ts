/** A disk that is full for as long as a test wants: more is kept in reserve than any disk has. */
import { mkdirSync, mkdtempSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '@orch/base';
import { afterEach, expect, test } from 'vitest';
import { noPunch, numbered, OutputRig } from './testing/rig.ts';

const directories: string[] = [];
afterEach(() => {
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
