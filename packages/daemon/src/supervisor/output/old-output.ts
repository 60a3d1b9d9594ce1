/** Output of runtimes that no daemon knows any more: kept for a while for people to read, then removed. */
import { lstatSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Clock, type Logger, nextTurn } from '@orch/base';
import { removedName } from './layout.ts';

export interface OldOutputOptions {
	readonly stateDirectory: string;
	readonly clock: Clock;
	readonly log: Logger;
	/** Whose output is not to be touched, however old it is. */
	readonly isKnown: (runtimeId: string) => boolean;
}

/** Output that nobody has written to for so long is removed when a daemon starts, and once a day. */
export const keepOutputMs = 7 * 24 * 3_600_000;

/** So many directories are looked at in one turn. */
const looksPerTurn = 32;

/** Looks at everything beside the output that is known; to be called once all runtimes are. Gives how many it removed. */
export async function removeOldOutput(options: OldOutputOptions): Promise<number> {
	const { clock, log } = options;
	const old = (await unknownOutput(options)).filter(({ at }) => clock.now() - at >= keepOutputMs);
	let runtimes = 0;
	for await (const _bytes of removeEach(old, options)) runtimes++;
	if (runtimes > 0) log.info('old output removed', { runtimes });
	return runtimes;
}

/** Of that, however young, for somebody needs the room: what was written to longest ago first, as long as it is asked for more. Gives the bytes of each. */
export async function* removeOldestOutput(options: OldOutputOptions): AsyncGenerator<number, void, undefined> {
	// what is no directory is no output: a hole is being tried in it
	const old = (await unknownOutput(options)).filter(({ isDirectory }) => isDirectory);
	for await (const { directory, bytes } of removeEach(old, options)) {
		options.log.info('old output removed to make room', { directory, bytes });
		yield bytes;
	}
}

interface Unknown {
	readonly id: string;
	readonly directory: string;
	readonly isDirectory: boolean;
	/** When it was written to last. */
	readonly at: number;
}

/** The oldest first. */
async function unknownOutput({ stateDirectory, isKnown }: OldOutputOptions): Promise<readonly Unknown[]> {
	const logs = join(stateDirectory, 'logs');
	const found: Unknown[] = [];
	for (const id of namesIn(logs)) {
		if (isKnown(id)) continue;
		const directory = join(logs, id);
		const at = Math.max(...[directory, ...namesIn(directory).map((file) => join(directory, file))].map(changedAt));
		found.push({ id, directory, isDirectory: isDirectory(directory), at });
		if (found.length % looksPerTurn === 0) await nextTurn();
	}
	return found.sort((one, other) => one.at - other.at);
}

/** One in a turn; one that cannot be removed keeps no other from it. */
async function* removeEach(
	all: readonly Unknown[],
	{ isKnown, log }: OldOutputOptions,
): AsyncGenerator<{ readonly directory: string; readonly bytes: number }, void, undefined> {
	let isTold = false;
	for (const { id, directory } of all) {
		await nextTurn();
		// it may be somebody's by now
		if (isKnown(id)) continue;
		const bytes = namesIn(directory).reduce((sum, name) => sum + allocated(join(directory, name)), 0);
		try {
			rmSync(directory, { recursive: true, force: true });
		} catch (error) {
			if (!isTold) log.warn('old output could not be removed', { directory, error });
			isTold = true;
			continue;
		}
		yield { directory, bytes };
	}
}

/** A runtime that was removed, and whose output was kept. */
export interface OldOutput {
	readonly id: string;
	readonly name: string;
}

/** Notes whose output it was, so that it is found by that name. */
export function noteOldOutput(directory: string, name: string): void {
	writeFileSync(join(directory, removedName), JSON.stringify({ name }), { mode: 0o600 });
}

/** What `noteOldOutput` has noted; of other output of unknown runtimes nobody can tell whose it was. */
export function listOldOutput(stateDirectory: string, isKnown: (runtimeId: string) => boolean): readonly OldOutput[] {
	const logs = join(stateDirectory, 'logs');
	return namesIn(logs).flatMap((id) => {
		const name = isKnown(id) ? undefined : notedName(join(logs, id));
		return name === undefined ? [] : [{ id, name }];
	});
}

function notedName(directory: string): string | undefined {
	try {
		const { name } = JSON.parse(readFileSync(join(directory, removedName), 'utf8')) as { readonly name?: unknown };
		return typeof name === 'string' ? name : undefined;
	} catch {
		// it was not kept for anybody, or somebody else has written there
		return undefined;
	}
}

function namesIn(directory: string): string[] {
	try {
		return readdirSync(directory);
	} catch {
		// nothing was ever written there
		return [];
	}
}

function changedAt(path: string): number {
	try {
		return statSync(path).mtimeMs;
	} catch {
		// gone meanwhile: no reason to keep the rest
		return 0;
	}
}

function isDirectory(path: string): boolean {
	try {
		return lstatSync(path).isDirectory();
	} catch {
		return false;
	}
}

function allocated(path: string): number {
	try {
		return statSync(path).blocks * 512;
	} catch {
		return 0;
	}
}
