/** Durations as people type them: `500ms`, `10s`, `1.5m`, `2h`, `1d`, joined as in `1m30s`. */
import { BadValue } from './bad-value.ts';

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
/** What the daemon takes, and a Node timer. */
const longestMs = 2_147_483_647;

export function parseDuration(text: string): number {
	const expected = 'a duration with its unit, such as 500ms, 10s, 2m or 1h';
	if (text === '0') return 0;
	if (!/^(\d+(\.\d+)?(ms|s|m|h|d))+$/.test(text))
		throw new BadValue(expected, /^\d+$/.test(text) ? [`${text}s`, `${text}ms`] : []);
	let totalMs = 0;
	for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g))
		totalMs += Number(amount) * (unitMs[unit ?? ''] ?? 0);
	if (totalMs > longestMs) throw new BadValue('at most 24 days', []);
	return Math.round(totalMs);
}
