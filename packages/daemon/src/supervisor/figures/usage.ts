/** What the processes of a runtime use together, and how that is said. */

export interface Usage {
	/** Of one core, over the last seconds in which it was looked at; undefined while too little time is known. */
	readonly cpuPercent: number | undefined;
	/** Resident memory of all its processes, pages that they share counted for each. */
	readonly memoryBytes: number;
	/** Without the shim that each process of a runtime has as its parent. */
	readonly processes: number;
	/** Milliseconds since the Unix epoch. */
	readonly at: number;
}

const units = ['KiB', 'MiB', 'GiB', 'TiB'] as const;

/** `612 MiB`, `1.5 GiB`; rounded up, so that what is above a limit never reads like the limit. */
export function sizeText(bytes: number): string {
	let amount = bytes / 1024;
	let unit = 0;
	for (; amount >= 1024 && unit < units.length - 1; unit++) amount /= 1024;
	return `${amount < 10 ? Math.ceil(amount * 10) / 10 : Math.ceil(amount)} ${units[unit]}`;
}
