/** Tells a person at a terminal that orch and orchd are of different versions: once a day, for each version of orchd. */
import { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { version } from '@orch/protocol/wire';
import type { World } from './world.ts';

const dayMs = 24 * 3600 * 1000;

export interface Told {
	readonly world: World;
	note(sentence: string): void;
}

export function noticeVersion(context: Told, daemonVersion: string): void {
	// where it cannot be remembered that it was said, it would be said every time
	if (wasSaidToday(context, daemonVersion) || !remember(context, daemonVersion)) return;
	context.note(
		isNewer(daemonVersion, version)
			? `orch: this orch is ${version}, and orchd is ${daemonVersion}: install the orch that came with it`
			: `orch: this orch is ${version}, and orchd still ${daemonVersion}: orch daemon upgrade replaces it, and restarts no runtime`,
	);
}

function wasSaidToday({ world }: Told, daemonVersion: string): boolean {
	const directory = cacheDirectory(world.env);
	if (directory === undefined) return false;
	try {
		const [of, at] = readFileSync(join(directory, fileName), 'utf8').split(' ');
		const passedMs = world.clock.now() - Number(at);
		// a clock that was set back says nothing
		return of === daemonVersion && passedMs >= 0 && passedMs < dayMs;
	} catch {
		return false;
	}
}

function remember({ world }: Told, daemonVersion: string): boolean {
	const directory = cacheDirectory(world.env);
	if (directory === undefined) return false;
	try {
		mkdirSync(directory, { recursive: true, mode: 0o700 });
		// under sudo it may be somebody else's
		if (statSync(directory).uid !== (process.getuid?.() ?? 0)) return false;
		const temporary = join(directory, `${fileName}.${process.pid}`);
		writeFileSync(temporary, `${daemonVersion} ${world.clock.now()}`, { mode: 0o600 });
		renameSync(temporary, join(directory, fileName));
		return true;
	} catch {
		return false;
	}
}

const fileName = 'version-notice';

/** As the loader finds it. */
function cacheDirectory(env: Readonly<Record<string, string | undefined>>): string | undefined {
	const { XDG_CACHE_HOME, HOME } = env;
	const base = XDG_CACHE_HOME && isAbsolute(XDG_CACHE_HOME) ? XDG_CACHE_HOME : HOME && join(HOME, '.cache');
	return base && isAbsolute(base) ? join(base, 'orch') : undefined;
}

function isNewer(one: string, other: string): boolean {
	const numbers = (text: string) => text.split(/[.+-]/).map(Number);
	const [a, b] = [numbers(one), numbers(other)];
	const at = a.findIndex((number, index) => number !== b[index]);
	return (a[at] ?? 0) > (b[at] ?? 0);
}
