/** Rates as people type them: `10/s`, `30/m`, `1/5s`: so many in so long. */
import { BadValue } from './bad-value.ts';
import { parseDuration } from './duration.ts';

export interface Rate {
	readonly count: number;
	readonly everyMs: number;
}

const longestMs = 3_600_000;

export function parseRate(text: string): Rate {
	const [, count = '', every = ''] = /^([1-9]\d{0,5})\/(.+)$/.exec(text) ?? [];
	const everyMs = every === '' ? 0 : lengthOf(every);
	if (everyMs < 1 || everyMs > longestMs)
		throw new BadValue(
			'so many in a time of at most an hour, such as 10/s, 30/m or 1/5s',
			/^\d+$/.test(text) ? [`${text}/s`] : [],
		);
	return { count: Number(count), everyMs };
}

/** `s` is one second. */
function lengthOf(text: string): number {
	try {
		return parseDuration(/^\d/.test(text) ? text : `1${text}`);
	} catch (error) {
		if (error instanceof BadValue) return 0;
		throw error;
	}
}
