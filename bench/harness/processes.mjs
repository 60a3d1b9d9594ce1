/** What the system tells of a process: processor time and memory. */
import { readdirSync, readFileSync } from 'node:fs';

/** Linux counts in hundredths of a second here, whatever its own tick is. */
const tickMicros = 10_000;

/** Processor time of all its threads so far, in microseconds, exact to a hundredth of a second. */
export function processorMicros(pid) {
	const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
	// the name may hold anything, brackets too
	const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
	return (Number(fields[11]) + Number(fields[12])) * tickMicros;
}

/** Resident memory, and the proportional share of it, in bytes. */
export function memoryOf(pid) {
	const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1');
	const of = (name) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)[1]) * 1024;
	return { rss: of('Rss'), pss: of('Pss') };
}

/** Pids whose command line, with its zero bytes as spaces, `matches`. */
export function findProcesses(matches) {
	const found = [];
	for (const entry of readdirSync('/proc')) {
		const first = entry.charCodeAt(0);
		if (first < 0x31 || first > 0x39) continue;
		try {
			const line = readFileSync(`/proc/${entry}/cmdline`, 'latin1').replaceAll('\0', ' ');
			if (matches(line)) found.push(Number(entry));
		} catch {
			// it has just gone
		}
	}
	return found;
}

/** Whether a process of this pid is there, zombies not counted. */
export function isAlive(pid) {
	try {
		const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
		return text[text.lastIndexOf(')') + 2] !== 'Z';
	} catch {
		return false;
	}
}

export const loadAverage = () => Number(readFileSync('/proc/loadavg', 'latin1').split(' ')[0]);
