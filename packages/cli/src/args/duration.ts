/** Durations as people type them: `500ms`, `10s`, `1.5m`, `2h`, `1d`, joined as in `1m30s`. */
import { longestDurationMs, readDuration } from '@orch/base/text';
import { BadValue } from './bad-value.ts';

export function parseDuration(text: string): number {
	const ms = readDuration(text);
	if (ms === undefined)
		throw new BadValue(
			'a duration with its unit, such as 500ms, 10s, 2m or 1h',
			/^\d+$/.test(text) ? [`${text}s`, `${text}ms`] : [],
		);
	if (ms > longestDurationMs) throw new BadValue('at most 24 days', []);
	return ms;
}
