/** Times as people type them: so long ago, by the clock on the wall, or in full. */
import { fromWallTime, millisecondsOf, toRfc3339 } from '../clock.ts';
import { BadValue } from './bad-value.ts';
import { parseDuration } from './duration.ts';

const expected = 'so long ago, such as 5m or 2h, a time such as 14:03 or 2026-01-31 14:03:07, or RFC 3339';
const wallPattern = /^(?:(\d{4})-(\d{2})-(\d{2})(?:$|[ T]))?(?:(\d{1,2}):(\d{2})(?::(\d{2}(?:\.\d{1,9})?))?)?$/;

/** Gives the time in RFC 3339, once it is known what time it is. A time of day is the last one that is not to come. */
export function parseTime(text: string): (now: number) => string {
	if (/^\d+(\.\d+)?(ms|s|m|h|d)/.test(text)) {
		const agoMs = parseDuration(text);
		return (now) => toRfc3339(now - agoMs);
	}
	if (/(?:Z|[+-]\d{2}:\d{2})$/i.test(text)) {
		const at = millisecondsOf(text.replace(' ', 'T').toUpperCase());
		if (Number.isNaN(at)) throw new BadValue(expected, []);
		return () => toRfc3339(at);
	}
	const [whole, year, month, day, hours = '0', minutes = '0', seconds = '0'] = wallPattern.exec(text) ?? [];
	if (!whole || Number(hours) > 23 || Number(minutes) > 59 || Number(seconds) >= 60) throw new BadValue(expected, []);
	const wall = { hours: Number(hours), minutes: Number(minutes), seconds: Number(seconds) };
	if (year !== undefined) {
		const at = fromWallTime(0, { ...wall, date: [Number(year), Number(month), Number(day)] });
		if (Number.isNaN(at)) throw new BadValue(expected, []);
		return () => toRfc3339(at);
	}
	return (now) => {
		const today = fromWallTime(now, wall);
		return toRfc3339(today <= now ? today : fromWallTime(today - 24 * 3_600_000, wall));
	};
}
