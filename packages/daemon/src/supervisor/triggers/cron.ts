/** Times of a cron expression: croner says when, our clock waits. */
import { Cron } from 'croner';
import type { Schedule } from '../spec.ts';

export type CronWish = Pick<Schedule, 'cron' | 'timeZone'>;

/** What is wrong with it, in a sentence without a period; undefined where nothing is. */
export function cronFault({ cron, timeZone }: CronWish, now: number): string | undefined {
	if (timeZone !== undefined && !isTimeZone(timeZone)) {
		return `there is no time zone '${timeZone}'; it must be a name such as Europe/Berlin or UTC`;
	}
	try {
		parse({ cron, timeZone });
	} catch (error) {
		return `'${cron}' is no cron expression: ${sentenceOf(error)}`;
	}
	return nextOf({ cron, timeZone }, now) === undefined ? `'${cron}' never comes due` : undefined;
}

/**
 * The first time after `after`, in milliseconds since the Unix epoch; undefined where none comes. A fixed time that a change of the clocks
 * skips is due at the change, one that it repeats is due the first time only.
 */
export function nextOf(wish: CronWish, after: number): number | undefined {
	return parse(wish).nextRun(new Date(after))?.getTime();
}

/** It never runs anything itself: without a function croner sets no timer. */
const parse = ({ cron, timeZone }: CronWish): Cron =>
	new Cron(cron, {
		mode: '5-or-6-parts',
		fixedTimeRule: 'no-wildcard',
		paused: true,
		...(timeZone === undefined ? {} : { timezone: timeZone }),
	});

function isTimeZone(name: string): boolean {
	try {
		new Intl.DateTimeFormat('en', { timeZone: name });
		return true;
	} catch {
		return false;
	}
}

/** croner's own words without the name of its class. */
function sentenceOf(error: unknown): string {
	const words = (error instanceof Error ? error.message : String(error)).replace(/^\w+: /, '').replace(/\.$/, '');
	return words.startsWith('invalid configuration format')
		? 'it must have five parts (minute, hour, day of the month, month, day of the week), or six with seconds first'
		: words.charAt(0).toLowerCase() + words.slice(1);
}
