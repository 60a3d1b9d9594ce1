/** Sizes as people type them: `4096`, `64k`, `8MiB`, `1G`; K, M and G count in 1024, KB, MB and GB in 1000. */
import { readSize } from '@orch/base/text';
import { BadValue } from './bad-value.ts';

export function parseSize(text: string): number {
	const bytes = readSize(text);
	if (bytes === undefined) throw new BadValue('a size in bytes, such as 65536, 64k, 8MiB or 1G', []);
	if (!Number.isSafeInteger(bytes)) throw new BadValue('a size that can be counted', []);
	return bytes;
}
