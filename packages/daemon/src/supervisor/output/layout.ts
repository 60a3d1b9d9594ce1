/** What the files of a runtime's output are called, and what their names say of what is in them. */

export const streamNames = ['stdout', 'stderr'] as const;
export type StreamName = (typeof streamNames)[number];

/** A part of a stream that has been taken out of the live file. Offsets count from the first byte the runtime ever wrote. */
export interface Segment {
	readonly start: number;
	/** Behind its last byte. */
	readonly end: number;
	/** Newlines in it. */
	readonly lines: number;
	readonly isCompressed: boolean;
}

/** What there was and is no more: everything before `end`. */
export interface Gone {
	readonly end: number;
	readonly lines: number;
}

export interface Listing {
	/** In order, without overlap. */
	readonly segments: readonly Segment[];
	readonly gone: Gone;
	/** Files that stand for nothing: halves of what a daemon before us was making, and what has been replaced. */
	readonly stale: readonly string[];
}

/** Enough for 900 terabytes; names sort as their offsets do. */
const digits = 15;
const padded = (offset: number): string => String(offset).padStart(digits, '0');

export const liveName = (stream: StreamName): string => `${stream}.log`;
export const timesName = (stream: StreamName): string => `${stream}.times`;
export const baseName = (stream: StreamName): string => `${stream}.base`;
export const goneName = (stream: StreamName, { end, lines }: Gone): string => `${stream}.${padded(end)}.${lines}.gone`;
export const segmentName = (stream: StreamName, { start, end, lines, isCompressed }: Segment): string =>
	`${stream}.${padded(start)}-${padded(end)}.${lines}.log${isCompressed ? '.gz' : ''}`;
export const processesName = 'processes.jsonl';
/** There where the output of a removed runtime is kept: what it was called. */
export const removedName = 'removed.json';
/** There while what writes is stopped. */
export const frozenName = 'frozen';
/** Behind the name of a file that is being made. */
export const unfinished = '.tmp';

const segmentPattern = /^(stdout|stderr)\.(\d{15})-(\d{15})\.(\d+)\.log(\.gz)?$/;
const gonePattern = /^(stdout|stderr)\.(\d{15})\.(\d+)\.gone$/;

/** Makes sense of the names in a runtime's directory. */
export function listFiles(stream: StreamName, names: readonly string[]): Listing {
	const found: Segment[] = [];
	const stale: string[] = [];
	const ends: Gone[] = [];
	for (const name of names) {
		if (!name.startsWith(`${stream}.`)) continue;
		const [, , start, end, lines, gz] = segmentPattern.exec(name)?.slice(0) ?? [];
		const goneMatch = gonePattern.exec(name);
		if (start !== undefined)
			found.push({ start: Number(start), end: Number(end), lines: Number(lines), isCompressed: gz !== undefined });
		else if (goneMatch) ends.push({ end: Number(goneMatch[2]), lines: Number(goneMatch[3]) });
		else if (name.endsWith(unfinished)) stale.push(name);
	}
	const gone = ends.reduce((last, one) => (one.end > last.end ? one : last), { end: 0, lines: 0 });
	for (const one of ends) if (one.end !== gone.end) stale.push(goneName(stream, one));
	// of two that begin alike the compressed one comes first: it was whole before it got its name
	found.sort((a, b) => a.start - b.start || b.end - a.end || Number(b.isCompressed) - Number(a.isCompressed));
	const segments: Segment[] = [];
	let at = gone.end;
	for (const segment of found) {
		if (segment.start < at || segment.end <= segment.start) stale.push(segmentName(stream, segment));
		else {
			segments.push(segment);
			at = segment.end;
		}
	}
	return { segments, gone, stale };
}

const blockBytes = 4096;
/** What so many bytes take up of a disk. */
export const inBlocks = (bytes: number): number => Math.ceil(bytes / blockBytes) * blockBytes;
