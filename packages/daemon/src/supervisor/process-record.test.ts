/** Records of processes on a disk that takes only a part of what it is given. */
import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ProcessRecords } from './process-record.ts';
import { defaultStop } from './spec.ts';

test.skipIf(process.platform !== 'linux')(
	'a record that was not written as a whole is an error, for its process would be unknown',
	() => {
		const directory = mkdtempSync(join(tmpdir(), 'orch-record-'));
		// a pipe that nobody reads takes 64 KiB of a longer text
		const pipe = join(directory, 'pipe');
		execFileSync('mkfifo', [pipe]);
		const descriptor = openSync(pipe, constants.O_RDWR | constants.O_NONBLOCK);
		try {
			const write = () =>
				new ProcessRecords(directory).write(descriptor, {
					version: 1,
					processId: 'a process',
					runtimeId: 'a runtime',
					runtimeName: 'ping',
					generation: 1,
					pid: 2,
					startTicks: 3,
					bootId: '',
					program: `/${'x'.repeat(100_000)}`,
					stop: defaultStop,
					outputDirectory: '/output/',
					launchedAt: 0,
				});
			expect(write).toThrow(expect.objectContaining({ code: 'ENOSPC' }));
		} finally {
			closeSync(descriptor);
			rmSync(directory, { recursive: true, force: true });
		}
	},
);
