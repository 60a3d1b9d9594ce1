/** A store that is closed while its work hangs: what goes on late changes nothing, for a daemon after it may have it all by now. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemRandom } from '@orch/base';
import { afterEach, expect, test } from 'vitest';
import type { Punch } from './punch.ts';
import type { RuntimeOutput } from './runtime-output.ts';
import { noPunch, OutputRig, type RigOptions } from './testing/rig.ts';

const directories: string[] = [];
afterEach(() => {
	for (const directory of directories.splice(0)) rmSync(directory, { recursive: true, force: true });
});

const kib = 1024;
const limits = { maxBytes: 512 * kib, segmentBytes: 64 * kib };
/** As long as a store waits at its end. */
const closeMs = 5_000;

/** Of a file system in which a hole takes nothing. */
const allHoles: Punch = { isSupported: async () => true, punch: async () => {} };

/** What cannot be made smaller. */
function noise(bytes: number): Uint8Array {
	const line = systemRandom.bytes(bytes).map((byte) => (byte === 0x0a ? 0x20 : byte));
	line[bytes - 1] = 0x0a;
	return line;
}

/** Output of two runtimes, one of which has segments, and a store that opens it. */
async function reopened(options: RigOptions): Promise<{ readonly rig: OutputRig; readonly output: RuntimeOutput }> {
	const stateDirectory = mkdtempSync(join(tmpdir(), 'orch-closing-'));
	directories.push(stateDirectory);
	const before = new OutputRig({ stateDirectory, limits });
	before.open('two');
	before.open('one');
	before.write('of another\n', 'stdout', 'two');
	for (let round = 0; round < 6; round++) await before.writeAndSettle(noise(64 * kib));
	await before.close();
	const rig = new OutputRig({ punch: allHoles, ...options, stateDirectory, limits });
	rig.open('two');
	const output = rig.open('one');
	rig.store.allAreOpen();
	// nothing of it can be made smaller, and that has been tried
	await rig.store.settled();
	return { rig, output };
}

/** A reader that keeps a segment from going; says when it is asked for it, and how to let it go. */
function holdUp(output: RuntimeOutput): { readonly asked: Promise<void>; readonly letGo: () => void } {
	let letGo = () => {};
	const held = new Promise<void>((resolve) => {
		letGo = resolve;
	});
	const asked = new Promise<void>((resolve) => {
		output.streams.stdout.addCursor({
			leave: () => {
				resolve();
				return held;
			},
			leaveLive: () => held,
			close: () => {},
		});
	});
	return { asked, letGo };
}

const filesOf = (rig: OutputRig) => readdirSync(rig.path(''), { recursive: true }).map(String).sort();

/** Its work hangs until `letGo`, for longer than a store waits for it. */
async function expectNoChangeAfterClose(rig: OutputRig, letGo: () => void): Promise<void> {
	const closed = rig.store.close();
	await rig.manual.advance(closeMs);
	await closed;
	const files = filesOf(rig);
	letGo();
	await rig.store.settled();
	expect(filesOf(rig)).toEqual(files);
}

test('no output is removed by a store that makes room on a full disk while it closes', async () => {
	const { rig, output } = await reopened({ reserveBytes: Number.MAX_SAFE_INTEGER });
	const { asked, letGo } = holdUp(output);
	// the disk is found to be full
	await rig.manual.advance(1_000);
	await asked;
	await expectNoChangeAfterClose(rig, letGo);
});

test.each([
	['where holes can be made', {}],
	['where files are cut', { punch: noPunch }],
])('%s no segment is taken by a store that has closed meanwhile', async (_what, options) => {
	const { rig, output } = await reopened(options);
	const { asked, letGo } = holdUp(output);
	rig.write(noise(128 * kib), 'stdout', 'one');
	output.look();
	void rig.store.settled();
	await asked;
	await expectNoChangeAfterClose(rig, letGo);
});
