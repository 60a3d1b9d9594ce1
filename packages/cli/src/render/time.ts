/** Times and amounts as people read them. */
import { wallTime } from '../clock.ts';

export { rate } from '@orch/base/text';

/** `14:03:07.214`, in the time zone of the terminal. */
export function clockTime(at: string, withMilliseconds = true): string {
	const { hours, minutes, seconds, milliseconds } = wallTime(at);
	const time = [hours, minutes, seconds].map((part) => String(part).padStart(2, '0')).join(':');
	return withMilliseconds ? `${time}.${String(milliseconds).padStart(3, '0')}` : time;
}

/** `38 B`, `4.1 MB`: in thousands, three digits at most. */
export function bytes(count: number): string {
	const names = ['B', 'kB', 'MB', 'GB', 'TB'];
	let amount = count;
	let power = 0;
	while (amount >= 999.5 && power < names.length - 1) {
		amount /= 1000;
		power++;
	}
	return `${power === 0 || amount >= 99.95 ? Math.round(amount) : Number(amount.toFixed(1))} ${names[power]}`;
}

/** A size that was set: in powers of 1024 where it is one. */
export function size(count: number): string {
	for (const [unit, amount] of [
		['GiB', 2 ** 30],
		['MiB', 2 ** 20],
		['KiB', 2 ** 10],
	] as const)
		if (count >= amount && count % amount === 0) return `${count / amount} ${unit}`;
	return bytes(count);
}

/** A latency: `0.2ms`, `14ms`, `1.2s`. */
export function latency(ms: number | null): string {
	if (ms === null) return '–';
	// nothing takes no time: it was less than can be told
	if (ms < 0.01) return '<0.01ms';
	if (ms < 1) return `${Number(ms.toFixed(2))}ms`;
	if (ms < 10) return `${Number(ms.toFixed(1))}ms`;
	return ms < 999.5 ? `${Math.round(ms)}ms` : `${Number((ms / 1000).toFixed(1))}s`;
}

export const plural = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;
