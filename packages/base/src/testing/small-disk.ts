/** A file system of a test's own that is soon full, where mounting one is permitted. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface SmallDisk {
	readonly directory: string;
	/** Fails while somebody has files in it open, unless `lazy`: then it goes once they are closed. */
	unmount(how?: 'lazy'): void;
}

/** Throws where it may not be mounted: `mayMount` says that beforehand. */
export function smallDisk(bytes: number, parent = tmpdir()): SmallDisk {
	const directory = mkdtempSync(join(parent, 'orch-disk-'));
	try {
		execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes},mode=700`, 'none', directory], { stdio: 'ignore' });
	} catch (error) {
		rmSync(directory, { recursive: true });
		throw error;
	}
	return {
		directory,
		unmount(how) {
			execFileSync('umount', [...(how === 'lazy' ? ['-l'] : []), directory], { stdio: 'ignore' });
			rmSync(directory, { recursive: true });
		},
	};
}

export function mayMount(): boolean {
	try {
		smallDisk(1024 * 1024).unmount();
		return true;
	} catch {
		return false;
	}
}
