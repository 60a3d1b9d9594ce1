/** What a runtime names and this machine has to have: programs, directories, files, a user, a signal, a time that comes. */
import { dirname } from 'node:path';
import type { RuntimeDeclaration } from '../declaration.ts';
import type { ProblemKind } from '../problem.ts';
import type { Located } from './locate.ts';
import type { Path } from './tree.ts';

export interface Machine {
	/** Where a program is, or why it is nowhere. */
	readonly locate: (program: string, cwd: string, searchPath: string | undefined) => Located;
	/** Whether there is something at a path, or a directory. */
	readonly isThere: (path: string, kind: 'anything' | 'directory') => boolean;
	readonly hasUser: (name: string) => boolean;
	/** By names as in SIGTERM. */
	readonly hasSignal: (name: string) => boolean;
	/** Why a schedule is none; undefined where it is one. */
	readonly scheduleFault: (schedule: { readonly cron: string; readonly timeZone?: string | undefined }) => string | undefined;
}

export type Say = (
	path: Path,
	message: string,
	details?: { readonly hint?: string; readonly note?: string; readonly kind?: ProblemKind },
) => void;

interface Saying {
	readonly machine: Machine;
	readonly say: Say;
}

type Promised = Pick<RuntimeDeclaration, 'cwd' | 'stop'> & {
	readonly [Key in 'envFiles' | 'user' | 'schedule' | 'watch' | 'probes']: RuntimeDeclaration[Key] | undefined;
};

/** Undefined where it was said that it is nowhere. */
export function locate(
	program: string,
	path: Path,
	{ cwd, searchPath }: { readonly cwd: string; readonly searchPath: string | undefined },
	{ machine, say }: Saying,
): string | undefined {
	const located = machine.locate(program, cwd, searchPath);
	if ('path' in located) return located.path;
	const note = located.candidates.length > 0 ? `did you mean: ${located.candidates.join(', ')}` : undefined;
	say(path, `${program} ${located.fault}`, { kind: 'program', ...(note === undefined ? {} : { note }) });
	return undefined;
}

/** What would be refused, or be of no use, only once it is started. */
export function checkMachine(
	{ cwd, envFiles, user, schedule, watch, stop, probes = {} }: Promised,
	path: Path,
	find: (program: string, where: Path) => void,
	{ machine, say }: Saying,
): void {
	if (!machine.isThere(cwd, 'directory')) say([...path, 'cwd'], `there is no directory ${cwd}`, { kind: 'directory' });
	const isLost = (file: string) => !machine.isThere(file, 'anything');
	const lost = envFiles?.find(isLost);
	if (lost !== undefined) say([...path, 'env_file'], `there is no file ${lost}`, { kind: 'unreadable' });
	// what a build makes later is seen to come, where its directory is there
	const unseen = watch?.paths.find((file) => isLost(file) && isLost(dirname(file)));
	if (unseen !== undefined) say([...path, 'watch'], `there is no ${unseen}`, { kind: 'unreadable' });
	if (user !== undefined && !machine.hasUser(user)) say([...path, 'user'], `this system has no user '${user}'`, { kind: 'user' });
	const fault = schedule && machine.scheduleFault(schedule);
	if (fault !== undefined) say([...path, 'schedule'], fault, { kind: 'schedule' });
	if (!machine.hasSignal(stop.signal)) say([...path, 'stop'], `this system has no signal ${stop.signal}`);
	if (stop.command?.[0] !== undefined) find(stop.command[0], [...path, 'stop', 'command']);
	for (const [kind, { check }] of Object.entries(probes))
		if (check.kind === 'exec' && check.command[0] !== undefined) find(check.command[0], [...path, 'probes', kind]);
}
