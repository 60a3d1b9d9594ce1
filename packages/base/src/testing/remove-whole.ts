/** Removes a directory in which others still make files. */
import { rmSync } from 'node:fs';

const mostTimes = 1_000;

/** As `rm -rf` does, and again where somebody was quicker. */
export function removeWhole(directory: string): void {
	for (let time = 1; ; time++) {
		try {
			rmSync(directory, { recursive: true });
			return;
		} catch (error) {
			if ((error as NodeJS.ErrnoException).code !== 'ENOTEMPTY' || time === mostTimes) throw error;
		}
	}
}
