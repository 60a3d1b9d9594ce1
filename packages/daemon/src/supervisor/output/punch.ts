/** Gives the room of a part of a file back to the file system, while the file is being written to and keeps its offsets. */
import { closeSync, mkdirSync, openSync, rmSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Random } from '@orch/base';
import { execa } from 'execa';
import { isSpawnShortage } from '../shortage.ts';
import { spawned } from '../spawning.ts';

export interface Punch {
	/** Whether files in the directory can be treated so; asked once for each file system. */
	isSupported(directory: string): Promise<boolean>;
	/** Rejects where it did not work. */
	punch(path: string, offset: number, length: number): Promise<void>;
}

/** By `fallocate` of util-linux: Node has no such call. Nothing of ours takes longer than this. */
const punchMs = 30_000;
/** More than one block of any file system. */
const trialBytes = 256 * 1024;

/** Of the file system: a full disk has no room for a trial, and what we lack comes back. */
const saysNothing = (error: unknown): boolean =>
	isSpawnShortage(error) ||
	(error as NodeJS.ErrnoException).code === 'ENOSPC' ||
	(error as { readonly timedOut?: boolean }).timedOut === true;

export function createPunch(random: Pick<Random, 'bytes'>): Punch {
	const known = new Map<number, Promise<boolean | 'unknown'>>();
	const punch = async (path: string, offset: number, length: number): Promise<void> => {
		const range = ['--punch-hole', '--offset', String(offset), '--length', String(length)];
		await spawned(() => execa('fallocate', [...range, path], { stdin: 'ignore', timeout: punchMs }));
	};
	const tryIt = async (directory: string): Promise<boolean | 'unknown'> => {
		const path = join(directory, `trial-${Buffer.from(random.bytes(6)).toString('hex')}`);
		try {
			mkdirSync(directory, { recursive: true, mode: 0o700 });
			const descriptor = openSync(path, 'wx', 0o600);
			try {
				writeSync(descriptor, random.bytes(trialBytes));
			} finally {
				closeSync(descriptor);
			}
			await punch(path, 0, trialBytes);
			// there are file systems that take the call and do nothing
			return statSync(path).blocks * 512 < trialBytes / 2;
		} catch (error) {
			return saysNothing(error) ? 'unknown' : false;
		} finally {
			rmSync(path, { force: true });
		}
	};
	return {
		punch,
		async isSupported(directory) {
			const device = statSync(directory, { throwIfNoEntry: false })?.dev ?? -1;
			let answer = known.get(device);
			if (!answer) {
				answer = tryIt(directory);
				known.set(device, answer);
			}
			const found = await answer;
			// a full disk needs a hole more than any
			if (found === 'unknown') known.delete(device);
			return found !== false;
		},
	};
}
