import { ManualClock } from '@orch/base/testing';
import { expect, test } from 'vitest';
import { cronFault, type CronWish } from './cron.ts';
import { Timetable } from './timetable.ts';

const hour = 3_600_000;
const utc = (text: string): number => Date.parse(`${text}Z`);

function keep(wish: CronWish, from: string) {
	const clock = new ManualClock(utc(from));
	const due: string[] = [];
	const timetable = new Timetable({ clock, wish, onDue: () => due.push(new Date(clock.now()).toISOString().slice(0, 19)) });
	return { clock, due, timetable };
}

test('each time is due once, at its time, and none that was before', async () => {
	const { clock, due, timetable } = keep({ cron: '*/10 * * * *', timeZone: 'UTC' }, '2026-01-01T00:05:00');
	expect(timetable.nextAt).toBe(utc('2026-01-01T00:10:00'));
	await clock.advance(31 * 60_000);
	expect(due).toEqual(['2026-01-01T00:10:00', '2026-01-01T00:20:00', '2026-01-01T00:30:00']);
	timetable.close();
	expect(clock.pending).toBe(0);
});

test('supervision 3.1.22: at a change of the clocks a daily time is due once a day, in spring and in autumn', async () => {
	for (const cron of ['30 2 * * *', '0 2 * * *', '0 3 * * *', '0,30 2 * * *']) {
		const times = cron.startsWith('0,30') ? 2 : 1;
		for (const from of ['2026-03-28T12:00:00', '2026-10-24T12:00:00']) {
			const { clock, due, timetable } = keep({ cron, timeZone: 'Europe/Berlin' }, from);
			await clock.advance(24 * hour);
			// two times of an hour that does not exist are both due at its end
			expect(due.length, `${cron} from ${from}: ${due}`).toBe(from.includes('-03-') && times === 2 ? 1 : times);
			await clock.advance(24 * hour);
			expect(due.length, `${cron} from ${from}: ${due}`).toBeGreaterThan(times - 1);
			timetable.close();
		}
	}
	const hourly = keep({ cron: '0 * * * *', timeZone: 'Europe/Berlin' }, '2026-10-24T22:30:00');
	await hourly.clock.advance(5 * hour);
	expect(hourly.due).toHaveLength(5);
	hourly.timetable.close();
});

test('supervision 3.1.22: a clock that is set an hour forwards makes what it jumped over due once', async () => {
	const { clock, due, timetable } = keep({ cron: '0 3 * * *', timeZone: 'UTC' }, '2026-01-01T02:30:00');
	await clock.advance(60_000);
	clock.jump(hour);
	await clock.advance(60_000);
	expect(due).toHaveLength(1);
	expect(timetable.nextAt).toBe(utc('2026-01-02T03:00:00'));
	const often = keep({ cron: '* * * * *', timeZone: 'UTC' }, '2026-01-01T02:30:30');
	often.clock.jump(hour);
	await often.clock.advance(60_000);
	expect(often.due.length).toBeLessThanOrEqual(2);
	timetable.close();
	often.timetable.close();
});

test('supervision 3.1.22: a clock that is set an hour back makes nothing due twice, and keeps nothing waiting that is due often', async () => {
	const { clock, due, timetable } = keep({ cron: '0 3 * * *', timeZone: 'UTC' }, '2026-01-01T02:30:00');
	await clock.advance(40 * 60_000);
	expect(due).toHaveLength(1);
	clock.jump(-hour);
	await clock.advance(3 * hour);
	expect(due).toHaveLength(1);
	expect(timetable.nextAt).toBe(utc('2026-01-02T03:00:00'));
	timetable.close();
	const often = keep({ cron: '*/5 * * * *', timeZone: 'UTC' }, '2026-01-01T02:30:01');
	await often.clock.advance(5 * 60_000);
	expect(often.due).toHaveLength(1);
	often.clock.jump(-hour);
	await often.clock.advance(10 * 60_000);
	expect(often.due).toHaveLength(3);
	often.timetable.close();
	// one that had not been due yet is due at the new time
	const ahead = keep({ cron: '0 3 * * *', timeZone: 'UTC' }, '2026-01-01T02:30:00');
	ahead.clock.jump(-hour);
	await ahead.clock.advance(89 * 60_000);
	expect(ahead.due).toEqual([]);
	await ahead.clock.advance(2 * 60_000);
	expect(ahead.due).toEqual(['2026-01-01T03:00:00']);
	ahead.timetable.close();
});

test('a cron expression that is none is refused in a sentence', () => {
	const now = utc('2026-01-01T00:00:00');
	expect(cronFault({ cron: '0 3 * * *', timeZone: 'Europe/Berlin' }, now)).toBeUndefined();
	expect(cronFault({ cron: '@daily' }, now)).toBeUndefined();
	expect(cronFault({ cron: '*/5 * * * * *' }, now)).toBeUndefined();
	expect(cronFault({ cron: '61 * * * *' }, now)).toBe("'61 * * * *' is no cron expression: invalid value for minute: 61");
	expect(cronFault({ cron: 'daily' }, now)).toBe(
		"'daily' is no cron expression: it must have five parts (minute, hour, day of the month, month, day of the week), or six with seconds first",
	);
	expect(cronFault({ cron: '0 0 31 2 *' }, now)).toBe("'0 0 31 2 *' never comes due");
	expect(cronFault({ cron: '2020-01-01T00:00:00' }, now)).toBe("'2020-01-01T00:00:00' never comes due");
	expect(cronFault({ cron: '0 3 * * *', timeZone: 'Mars/Olympus' }, now)).toBe(
		"there is no time zone 'Mars/Olympus'; it must be a name such as Europe/Berlin or UTC",
	);
});
