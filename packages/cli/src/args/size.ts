/** Sizes as people type them: `4096`, `64k`, `8MiB`, `1G`; K, M and G count in 1024, KB, MB and GB in 1000. */
import { BadValue } from './bad-value.ts';

export function parseSize(text: string): number {
	const match = /^(\d+(?:\.\d+)?)(?:([kmg])(i?b)?|b)?$/i.exec(text);
	if (!match) throw new BadValue('a size in bytes, such as 65536, 64k, 8MiB or 1G', []);
	const [, amount, letter, suffix] = match;
	const base = suffix?.toLowerCase() === 'b' ? 1000 : 1024;
	const power = letter === undefined ? 0 : 'kmg'.indexOf(letter.toLowerCase()) + 1;
	const bytes = Math.round(Number(amount) * base ** power);
	if (!Number.isSafeInteger(bytes)) throw new BadValue('a size that can be counted', []);
	return bytes;
}
