/** A shortage of descriptors in the process of a test, where its limit can be changed. */
import { execFileSync } from 'node:child_process';
import { closeSync, existsSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export const canTakeDescriptors = (process.env['PATH'] ?? '').split(':').some((folder) => existsSync(join(folder, 'prlimit')));

/** Takes all that this process may still have, but for `left`. To be given back before anything else is awaited that opens something. */
export function takeDescriptors(left = 0): () => void {
	const limit = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1] ?? 'unlimited';
	const limitTo = (most: number | string) =>
		execFileSync('prlimit', ['--pid', String(process.pid), `--nofile=${most}:`], { stdio: 'ignore' });
	// so that they need not be as many as the machine allows
	limitTo(Math.max(...readdirSync('/proc/self/fd').map(Number)) + 10);
	const taken: number[] = [];
	try {
		for (;;) taken.push(openSync('/dev/null', 'r'));
	} catch {
		// that was the last one
	}
	for (const descriptor of taken.splice(0, left)) closeSync(descriptor);
	return () => {
		for (const descriptor of taken) closeSync(descriptor);
		limitTo(limit);
	};
}
