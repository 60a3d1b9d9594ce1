/** Durations and sizes as people write them, read by one rule each. */

/** `500ms`, `10s`, `1m30s`, `2h`, `1d`; 0 needs no unit. */
export const durationPattern = '^(0|(\\d+(\\.\\d+)?(ms|s|m|h|d))+)$';
/** `65536`, `64k`, `512M`, `8MiB`, `1GB`; K, M and G count in 1024, KB, MB and GB in 1000. */
export const sizePattern = '^\\d+(\\.\\d+)?([kKmMgG]([iI]?[bB])?|[bB])?$';
/** What a timer takes: 24 days. */
export const longestDurationMs = 2_147_483_647;

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const duration = new RegExp(durationPattern);
const size = new RegExp(sizePattern);

/** Undefined where it is none; it may be longer than a timer takes. */
export function readDuration(text: string): number | undefined {
	if (!duration.test(text)) return undefined;
	let total = 0;
	for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g))
		total += Number(amount) * (unitMs[unit ?? ''] ?? 0);
	return Math.round(total);
}

/** In bytes; undefined where it is none. It may be more than can be counted exactly. */
export function readSize(text: string): number | undefined {
	if (!size.test(text)) return undefined;
	const [, amount, letter, suffix] = /^([\d.]+)([kmg])?(i?b)?$/i.exec(text) ?? [];
	const base = suffix?.toLowerCase() === 'b' ? 1000 : 1024;
	return Math.round(Number(amount) * base ** (letter === undefined ? 0 : 'kmg'.indexOf(letter.toLowerCase()) + 1));
}
