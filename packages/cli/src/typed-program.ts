/** What orchd says of a program, told of it as it was typed: orchd knows only the absolute path that was made of that. */
import { basename } from 'node:path';
import { type ErrorCode, errors, OrchError, RemoteError } from '@orch/protocol/wire';

export interface TypedProgram {
	readonly typed: string;
	/** What it was taken for. */
	readonly path: string;
	/** The directory from which it was typed. */
	readonly cwd: string;
}

interface AboutProgram {
	readonly program?: unknown;
	readonly candidates?: readonly string[];
}

/** The error to throw instead; the same one where it is about something else. */
export function asTyped(error: unknown, { typed, path, cwd }: TypedProgram): unknown {
	if (!(error instanceof RemoteError) || !Object.hasOwn(errors, error.code)) return error;
	const { data } = error.wire;
	const about = (data ?? {}) as AboutProgram;
	if (about.program !== path || typed === path) return error;
	const told = (more: object) => new OrchError(error.code as ErrorCode, { ...about, ...more } as never, { cause: error.cause });
	// what is added again is typed again, a bare name too
	if (error.code === 'runtime.name_taken') return told({ program: typed });
	// of a command that was found on PATH the path says what is meant
	if (!error.code.startsWith('program.') || !typed.includes('/')) return error;
	if (error.code !== 'program.not_found') return told({ program: typed, path });
	const directory = typed.slice(0, typed.lastIndexOf('/') + 1);
	return told({ program: typed, cwd, candidates: (about.candidates ?? []).map((each) => directory + basename(each)) });
}
