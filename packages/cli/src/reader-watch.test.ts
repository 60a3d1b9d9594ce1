import { execFileSync, spawn } from 'node:child_process';
import { closeSync, constants, existsSync, mkdtempSync, openSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ManualClock, until } from '@orch/base/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { watchReader } from './reader-watch.ts';

let directory: string;
let pipe: string;
let clock: ManualClock;
beforeEach(() => {
	directory = mkdtempSync(join(tmpdir(), 'orch-reader-'));
	pipe = join(directory, 'pipe');
	execFileSync('mkfifo', [pipe]);
	clock = new ManualClock(0);
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

/** A process that holds the pipe open for reading, and reads nothing. */
async function reader() {
	const child = spawn('sh', ['-c', 'exec 0<>"$1"; exec sleep 600', 'sh', pipe], { stdio: 'ignore' });
	const ended = new Promise((resolve) => child.once('exit', resolve));
	await until('the reader has it open', () => {
		try {
			return readlinkSync(`/proc/${child.pid}/fd/0`) === pipe;
		} catch {
			return false;
		}
	});
	return {
		async end() {
			child.kill('SIGKILL');
			await ended;
		},
	};
}

describe.skipIf(!existsSync('/proc/self/fd'))('a pipe that is watched', () => {
	it('is gone once its last reader is, and says so once', async () => {
		const first = await reader();
		const descriptor = openSync(pipe, constants.O_WRONLY | constants.O_NONBLOCK);
		let gone = 0;
		const release = watchReader(descriptor, clock, () => gone++);
		await clock.advance(1000);
		expect(gone).toBe(0);
		const second = await reader();
		await first.end();
		await clock.advance(1000);
		expect(gone).toBe(0);
		await second.end();
		await clock.advance(1000);
		expect(gone).toBe(1);
		await clock.advance(5000);
		expect(gone).toBe(1);
		release();
		closeSync(descriptor);
	});

	it('is not called gone where no reader was ever seen', async () => {
		// a reader that we are ourselves counts as none
		const descriptor = openSync(pipe, constants.O_RDWR);
		let gone = 0;
		const release = watchReader(descriptor, clock, () => gone++);
		await clock.advance(10_000);
		expect(gone).toBe(0);
		release();
		closeSync(descriptor);
	});

	it('is looked at no more once it is released, nor where it is no pipe', async () => {
		const one = await reader();
		const descriptor = openSync(pipe, constants.O_WRONLY | constants.O_NONBLOCK);
		let gone = 0;
		watchReader(descriptor, clock, () => gone++)();
		await one.end();
		closeSync(descriptor);
		const file = openSync('/dev/null', 'w');
		watchReader(file, clock, () => gone++);
		closeSync(file);
		await clock.advance(1000);
		expect(gone).toBe(0);
	});
});
