/** What a runtime uses, in columns: `3.1%`, `84M`. */

interface Used {
	readonly usage?: { readonly cpuPercent: number | null; readonly memoryBytes: number } | null | undefined;
}

export const cpuText = ({ usage }: Used): string => (usage?.cpuPercent == null ? '–' : percent(usage.cpuPercent));

export const memoryText = ({ usage }: Used): string => (usage ? memory(usage.memoryBytes) : '–');

/** Of one core: two cores are 200%. */
export const percent = (of: number): string => `${of < 99.95 ? of.toFixed(1) : Math.round(of)}%`;

/** In powers of 1024, as memory and its limits are counted; three digits at most. */
export function memory(bytes: number): string {
	const letters = ['K', 'M', 'G', 'T'];
	let amount = bytes / 1024;
	let at = 0;
	while (amount >= 999.5 && at < letters.length - 1) {
		amount /= 1024;
		at++;
	}
	return `${amount >= 9.95 || at === 0 ? Math.round(amount) : Number(amount.toFixed(1))}${letters[at]}`;
}
