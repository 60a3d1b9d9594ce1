/** What a launch is told of a runtime, and what has to come before it. */
import { type Clock, withDeadline } from '@orch/base';
import { LaunchError } from './faults.ts';
import { type FindListeners, portsAreFree, releaseMs } from './listeners.ts';
import type { LaunchRequest, Preparation, Prepare } from './ports.ts';
import { notesDescriptor, notesVariable, wantsNotes } from './probes/index.ts';
import { notesPath } from './runtime-probes.ts';
import type { RuntimeSpec } from './spec.ts';
import { giveFiles, userEnvironment, userOf, wordsToBecome } from './user.ts';

/** Which process it is to be. */
export interface NextProcess {
	readonly processId: string;
	readonly generation: number;
}

/** How long what is done before a launch may take. */
const prepareMs = 10_000;

export interface PrepareOptions {
	readonly clock: Clock;
	readonly prepare: Prepare;
	readonly findListeners?: FindListeners | undefined;
	/** When the process before ended: its ports may take a moment to be released. */
	readonly endedAt: number | undefined;
	readonly signal: AbortSignal;
}

/** Begins what precedes a launch. Its `ready` rejects with nothing but a LaunchError, in bounded time. */
export function prepareLaunch(spec: RuntimeSpec, next: NextProcess, options: PrepareOptions): Preparation {
	const { clock, prepare, findListeners: find, endedAt, signal } = options;
	const { ports } = spec;
	const late = () => new LaunchError({ kind: 'unprepared', reason: `what precedes a launch took longer than ${prepareMs} ms` });
	const { ready, ...environment } = prepare(spec.id, next, signal);
	// not a turn is lost where there is nothing to wait for
	if (!ports && ready === undefined) return { ...environment, ready: undefined };
	const patienceMs = endedAt !== undefined && clock.now() - endedAt < releaseMs ? releaseMs : 0;
	const all = async () => void (await Promise.all([ready, ports && portsAreFree({ ports, clock, signal, patienceMs, find })]));
	const first = ports || ready === undefined ? all : () => ready;
	const prepared = withDeadline(clock, prepareMs, first, late, signal).catch(unprepared(signal));
	// a launch that fails before it comes to waiting for this never hears of it
	prepared.catch(() => {});
	return { ...environment, ready: prepared };
}

/** May throw, where the user it is to run as is not known. `env` of the answer is without what only the program itself is told. */
export function launchRequest(
	spec: RuntimeSpec,
	next: NextProcess,
	{ env: added, defaults, ready }: Preparation,
	outputDirectory: string,
): { readonly request: LaunchRequest; readonly env: Readonly<Record<string, string>> } {
	const { id, name, program, args, cwd, priority, stop, probes, group, umask } = spec;
	const [stdoutPath, stderrPath] = [`${outputDirectory}stdout.log`, `${outputDirectory}stderr.log`];
	const user = spec.user === undefined ? undefined : userOf(spec.user, process.getuid?.());
	if (user) giveFiles(user, [stdoutPath, stderrPath]);
	const env = {
		...(user && userEnvironment(user)),
		...defaults,
		...spec.env,
		...(group && { ORCH_INSTANCE: String(group.index) }),
		...added,
	};
	const notes = wantsNotes(probes) ? { path: notesPath(outputDirectory), descriptor: notesDescriptor } : undefined;
	const request = {
		...next,
		runtimeId: id,
		runtimeName: name,
		spec,
		program,
		args,
		cwd,
		env: { ...env, ...(notes && { [notesVariable]: String(notes.descriptor) }) },
		mayGo: ready,
		priority,
		stop,
		stdoutPath,
		stderrPath,
		...(notes && { notes }),
		...(user && { before: wordsToBecome(user) }),
		...(umask !== undefined && { umask: Number.parseInt(umask, 8) }),
	};
	return { request, env };
}

/** What to throw where the preparation of a launch has failed. */
const unprepared =
	(signal: AbortSignal) =>
	(error: unknown): never => {
		if (signal.aborted) throw new LaunchError({ kind: 'abandoned' });
		if (error instanceof LaunchError) throw error;
		throw new LaunchError(
			{ kind: 'unprepared', reason: error instanceof Error ? error.message : String(error) },
			{ cause: error },
		);
	};
