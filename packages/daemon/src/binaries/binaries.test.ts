import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '@orch/base';
import { ManualClock, seededRandom } from '@orch/base/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { abandonedMs, Binaries, BinaryError, maxBinaryBytes, maxChunkBytes, maxUploads } from './binaries.ts';

const directories: string[] = [];
afterEach(() => {
	for (const directory of directories.splice(0)) rmSync(directory, { recursive: true, force: true });
});

function setUp() {
	const directory = mkdtempSync(join(tmpdir(), 'orch-binaries-'));
	directories.push(directory);
	const clock = new ManualClock();
	const binaries = new Binaries({ clock, random: seededRandom(1), log: silentLogger, directory });
	return { directory, clock, binaries };
}

const content = Buffer.from('#!/bin/sh\necho hello\n');
const sha256 = createHash('sha256').update(content).digest('hex');
const faultOf = (work: () => unknown) => {
	try {
		work();
	} catch (error) {
		if (error instanceof BinaryError) return error.fault;
		throw error;
	}
	return undefined;
};

describe('uploaded binaries', () => {
	it('are kept under their hash, executable and not writable', () => {
		const { binaries } = setUp();
		const { upload, present } = binaries.begin(content.length, sha256);
		expect(present).toBe(false);
		binaries.chunk(upload, 0, content.subarray(0, 5));
		expect(binaries.chunk(upload, 5, content.subarray(5))).toBe(content.length);
		expect(binaries.commit(upload)).toBe(sha256);
		expect(readFileSync(binaries.path(sha256))).toEqual(content);
		expect(statSync(binaries.path(sha256)).mode & 0o777).toBe(0o500);
		expect(binaries.begin(content.length, sha256)).toEqual({ upload: '', present: true });
	});

	it('are refused when their bytes are not what was announced, and leave nothing', () => {
		const { binaries, directory, clock } = setUp();
		const { upload } = binaries.begin(content.length, sha256);
		binaries.chunk(upload, 0, Buffer.alloc(content.length));
		expect(faultOf(() => binaries.commit(upload))).toMatchObject({ kind: 'mismatch', expected: sha256 });
		expect(readdirSync(directory)).toEqual([]);
		expect(clock.pending).toBe(0);
	});

	it('are refused when they end early', () => {
		const { binaries } = setUp();
		const { upload } = binaries.begin(content.length, sha256);
		binaries.chunk(upload, 0, content.subarray(0, 5));
		expect(faultOf(() => binaries.commit(upload))).toMatchObject({ kind: 'mismatch' });
	});

	it('take chunks only in order, of a bounded size, and no more than was announced', () => {
		const { binaries } = setUp();
		const { upload } = binaries.begin(10, sha256);
		expect(faultOf(() => binaries.chunk(upload, 3, content.subarray(0, 2)))).toMatchObject({ kind: 'bad_chunk' });
		expect(faultOf(() => binaries.chunk(upload, 0, Buffer.alloc(11)))).toMatchObject({ kind: 'bad_chunk' });
		expect(faultOf(() => binaries.chunk(upload, 0, Buffer.alloc(maxChunkBytes + 1)))).toMatchObject({ kind: 'bad_chunk' });
		expect(faultOf(() => binaries.chunk('nobody', 0, content))).toEqual({ kind: 'unknown_upload' });
		expect(faultOf(() => binaries.begin(maxBinaryBytes + 1, sha256))).toMatchObject({ kind: 'too_large' });
		binaries.close();
	});

	it('are thrown away after ten minutes without a word, not before', async () => {
		const { binaries, clock, directory } = setUp();
		const { upload } = binaries.begin(10, sha256);
		await clock.advance(abandonedMs - 1);
		binaries.chunk(upload, 0, content.subarray(0, 5));
		await clock.advance(abandonedMs - 1);
		expect(readdirSync(directory)).toHaveLength(1);
		await clock.advance(1);
		expect(readdirSync(directory)).toEqual([]);
		expect(faultOf(() => binaries.chunk(upload, 5, content.subarray(0, 5)))).toEqual({ kind: 'unknown_upload' });
	});

	it('are uploaded by so many at once and no more', () => {
		const { binaries, clock } = setUp();
		for (let count = 0; count < maxUploads; count++) binaries.begin(10, `${count}`.padStart(64, '0'));
		expect(faultOf(() => binaries.begin(10, sha256))).toEqual({ kind: 'busy' });
		binaries.close();
		expect(clock.pending).toBe(0);
	});

	it('go with the last runtime that uses them', () => {
		const { binaries } = setUp();
		const { upload } = binaries.begin(content.length, sha256);
		binaries.chunk(upload, 0, content);
		binaries.commit(upload);
		binaries.use(sha256, 'a');
		binaries.use(sha256, 'b');
		binaries.release('a');
		expect(existsSync(binaries.path(sha256))).toBe(true);
		binaries.release('b');
		expect(existsSync(binaries.path(sha256))).toBe(false);
	});
});
