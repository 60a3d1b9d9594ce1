/** What files take up on the disk. */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Of all in a directory, in bytes; those that go meanwhile take nothing. */
export const allocatedIn = (directory: string): number =>
	readdirSync(directory).reduce(
		(sum, file) => sum + (statSync(join(directory, file), { throwIfNoEntry: false })?.blocks ?? 0) * 512,
		0,
	);
