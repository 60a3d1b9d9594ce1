/** Backups of the database, newest first: `orch.db.1`, `orch.db.2`; and what is set aside when the database itself is broken. */
import { closeSync, copyFileSync, fsyncSync, openSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

export const keptGenerations = 2;
/** Databases set aside. */
const keptBroken = 5;

export const generationPath = (path: string, generation: number) => `${path}.${generation}`;
/** Where a backup or a new database is made before it gets its name. */
export const unfinishedPath = (path: string) => `${path}.new`;
/** What SQLite keeps beside a database. */
const companions = ['-wal', '-shm', '-journal'];

/** When the backup was made, or undefined where there is none. */
export function generationTime(path: string, generation: number): number | undefined {
	return statSync(generationPath(path, generation), { throwIfNoEntry: false })?.mtimeMs;
}

/** The unfinished file becomes the newest backup. Dying in between leaves a generation less at worst, never a wrong one. */
export function rotate(path: string): void {
	for (let generation = keptGenerations; generation > 1; generation--) {
		const younger = generationPath(path, generation - 1);
		if (statSync(younger, { throwIfNoEntry: false })) renameSync(younger, generationPath(path, generation));
	}
	replaceNewest(path);
}

/** The unfinished file becomes the newest backup in place of the one that was. */
export function replaceNewest(path: string): void {
	renameSync(unfinishedPath(path), generationPath(path, 1));
	syncDirectory(path);
}

export function removeUnfinished(path: string): void {
	for (const end of ['', ...companions]) rmSync(`${unfinishedPath(path)}${end}`, { force: true });
}

/** An empty file that only the owner can read: SQLite keeps its mode, for itself and for the log beside it. */
export function makeUnfinished(path: string): string {
	removeUnfinished(path);
	const file = unfinishedPath(path);
	closeSync(openSync(file, 'wx', 0o600));
	return file;
}

/**
 * Renames the database and what is beside it to `orch.db.broken-<time>`; gives the name, or undefined where there was nothing. Its log
 * must go with it: SQLite would play it into whatever gets the name next.
 */
export function setAside(path: string, now: number): string | undefined {
	const there = ['', ...companions].filter((end) => statSync(`${path}${end}`, { throwIfNoEntry: false }));
	if (there.length === 0) return undefined;
	const aside = freeName(`${path}.broken-${timeText(now)}`);
	for (const end of there) renameSync(`${path}${end}`, `${aside}${end}`);
	syncDirectory(path);
	removeOldest(path);
	return aside;
}

/** An empty file that is there while somebody has the database open, and afterwards where he had no time to close it. */
const markPath = (path: string) => `${path}.open`;

export const isMarkedOpen = (path: string): boolean => statSync(markPath(path), { throwIfNoEntry: false }) !== undefined;

export const markOpen = (path: string): void => closeSync(openSync(markPath(path), 'w', 0o600));

export const markClosed = (path: string): void => rmSync(markPath(path), { force: true });

/** Copies the database and its log to such a name, and leaves them where they are. */
export function keepCopy(path: string, now: number): string {
	const copy = freeName(`${path}.broken-${timeText(now)}`);
	for (const end of ['', '-wal'])
		if (statSync(`${path}${end}`, { throwIfNoEntry: false })) {
			copyFileSync(`${path}${end}`, `${copy}${end}`);
			syncFile(`${copy}${end}`);
		}
	syncDirectory(path);
	removeOldest(path);
	return copy;
}

/** Whether something is left beside where the database was. */
export const hasRemains = (path: string) => companions.some((end) => statSync(`${path}${end}`, { throwIfNoEntry: false }));

/** `20260131T235959Z`: sorts as it passes, and needs no quotes in a shell. */
export const timeText = (at: number) => new Date(at).toISOString().replace(/\.\d+/, '').replace(/[-:]/g, '');

function freeName(wanted: string): string {
	for (let suffix = 0; ; suffix++) {
		const name = suffix === 0 ? wanted : `${wanted}-${suffix}`;
		if (['', ...companions].every((end) => !statSync(`${name}${end}`, { throwIfNoEntry: false }))) return name;
	}
}

/** The names of what was set aside, oldest first. */
export function listBroken(path: string): string[] {
	const prefix = `${basename(path)}.broken-`;
	return readdirSync(dirname(path))
		.filter((name) => name.startsWith(prefix) && !companions.some((end) => name.endsWith(end)))
		.sort();
}

function removeOldest(path: string): void {
	for (const name of listBroken(path).slice(0, -keptBroken)) {
		for (const end of ['', ...companions]) rmSync(join(dirname(path), `${name}${end}`), { force: true });
	}
}

export function syncFile(path: string): void {
	const descriptor = openSync(path, 'r');
	try {
		fsyncSync(descriptor);
	} finally {
		closeSync(descriptor);
	}
}

export const syncDirectory = (path: string) => syncFile(dirname(path));

/** Without holding up the event loop. */
export async function syncFileInBackground(path: string): Promise<void> {
	const file = await open(path, 'r');
	try {
		await file.sync();
	} finally {
		await file.close();
	}
}
