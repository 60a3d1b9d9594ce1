/** How long something took or is ago, as people read it. */

const units = [
	['d', 86_400_000],
	['h', 3_600_000],
	['m', 60_000],
	['s', 1000],
] as const;

/** Two units at most: `2h 14m`, `12s`, `0.4s`. */
export function duration(ms: number): string {
	if (ms < 0) return '0s';
	if (ms < 10_000) return `${(Math.floor(ms / 100) / 10).toString()}s`;
	const first = units.findIndex(([, unitMs]) => ms >= unitMs);
	const [letter, unitMs] = units[first] ?? units[3];
	const second = units[first + 1];
	const rest = second ? Math.floor((ms % unitMs) / second[1]) : 0;
	return `${Math.floor(ms / unitMs)}${letter}${second && rest > 0 ? ` ${rest}${second[0]}` : ''}`;
}

export const ago = (at: string, now: number): string => `${duration(Math.max(0, now - Date.parse(at)))} ago`;
