/** A file system of a test's own that is soon full, where mounting one is permitted. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface SmallDisk {
	readonly directory: string;
	/** Also while somebody has files in it open. */
	unmount(): void;
}

/** Undefined where it cannot be mounted: whoever needs it is to be skipped. */
export function smallDisk(bytes: number): SmallDisk | undefined {
	const directory = mkdtempSync(join(tmpdir(), 'orch-disk-'));
	try {
		execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes},mode=700`, 'none', directory], { stdio: 'ignore' });
	} catch {
		rmSync(directory, { recursive: true });
		return undefined;
	}
	return {
		directory,
		unmount() {
			execFileSync('umount', ['-l', directory], { stdio: 'ignore' });
			rmSync(directory, { recursive: true });
		},
	};
}

export function mayMount(): boolean {
	const disk = smallDisk(1024 * 1024);
	disk?.unmount();
	return disk !== undefined;
}
