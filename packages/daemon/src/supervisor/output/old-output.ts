/** Output of runtimes that no daemon knows any more: kept for a while for people to read, then removed. */
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock, Logger } from '@orch/base';
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

/** Looks at every directory of output; to be called once all runtimes are known. Gives how many it removed. */
export function removeOldOutput(options: OldOutputOptions): number {
	const { clock, log } = options;
	const old = unknownOutput(options).filter(({ at }) => clock.now() - at >= keepOutputMs);
	for (const { directory } of old) rmSync(directory, { recursive: true, force: true });
	if (old.length > 0) log.info('old output removed', { runtimes: old.length });
	return old.length;
}

/** Of that, however young, what was written to longest ago, for somebody needs the room. Gives the bytes of it; undefined where there is none. */
export function removeOldestOutput(options: OldOutputOptions): number | undefined {
	const [oldest] = unknownOutput(options).sort((one, other) => one.at - other.at);
	if (!oldest) return undefined;
	const bytes = namesIn(oldest.directory).reduce((sum, name) => sum + allocated(join(oldest.directory, name)), 0);
	rmSync(oldest.directory, { recursive: true, force: true });
	options.log.info('old output removed to make room', { directory: oldest.directory, bytes });
	return bytes;
}

/** Each with when it was written to last. */
function unknownOutput({ stateDirectory, isKnown }: OldOutputOptions): { readonly directory: string; readonly at: number }[] {
	const logs = join(stateDirectory, 'logs');
	return namesIn(logs).flatMap((name) => {
		if (isKnown(name)) return [];
		const directory = join(logs, name);
		return [
			{ directory, at: Math.max(...[directory, ...namesIn(directory).map((file) => join(directory, file))].map(changedAt)) },
		];
	});
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

function allocated(path: string): number {
	try {
		return statSync(path).blocks * 512;
	} catch {
		return 0;
	}
}
