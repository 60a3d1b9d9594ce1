/** What can go wrong, as data, and as the sentence that people read. */
import type { Escaped, RuntimeStatus } from './snapshot.ts';

/** What is wrong with a program before anything is launched. */
export type ProgramFault =
	/** Missing, not a directory, or not to be entered. */
	| { readonly kind: 'cwd_missing'; readonly cwd: string }
	| { readonly kind: 'not_found'; readonly program: string }
	| { readonly kind: 'is_directory'; readonly program: string }
	/** `mode` as chmod takes it, in octal. */
	| { readonly kind: 'not_executable'; readonly program: string; readonly mode: string }
	/** Neither a binary nor a script with a #! line. */
	| { readonly kind: 'wrong_format'; readonly program: string }
	/** The #! line names a file that does not exist, or that may not be executed. */
	| { readonly kind: 'missing_interpreter'; readonly program: string; readonly interpreter: string }
	/** A binary for another C library: the loader it asks for is not there. */
	| { readonly kind: 'missing_loader'; readonly program: string; readonly loader: string }
	| { readonly kind: 'wrong_machine'; readonly program: string; readonly machine: string; readonly here: string };

/** Why a launch came to nothing. */
export type LaunchFault =
	| ProgramFault
	/** Arguments and environment together, or one of them, are more than the system takes (E2BIG). */
	| { readonly kind: 'too_big' }
	/** The system allows this user no more processes (EAGAIN). */
	| { readonly kind: 'no_processes' }
	/** ENOMEM. */
	| { readonly kind: 'no_memory' }
	/** EMFILE, ENFILE. */
	| { readonly kind: 'no_descriptors' }
	/** ENOSPC, EDQUOT: the record or the output could not be written. */
	| { readonly kind: 'no_space' }
	/** Somebody listens on a port that it is to listen on. */
	| { readonly kind: 'port_taken'; readonly port: number; readonly uid: number; readonly holder: PortHolder | undefined }
	/** A file of its environment could not be read, or is not one. */
	| { readonly kind: 'env_file'; readonly file: string; readonly reason: string }
	/** It cannot run as the user it is to run as. */
	| { readonly kind: 'user'; readonly user: string; readonly reason: string }
	/** What was to be done before the launch failed: the sockets of the runtime, say. */
	| { readonly kind: 'unprepared'; readonly reason: string }
	/** The shell that launches programs could not, and said so. */
	| { readonly kind: 'not_launched'; readonly reason: string }
	/** The program's pid was not told within the deadline. */
	| { readonly kind: 'silent'; readonly afterMs: number }
	/** Something of an earlier process is still there and cannot be ended. */
	| { readonly kind: 'still_there'; readonly left: readonly Escaped[] }
	/** A stop came first. */
	| { readonly kind: 'abandoned' }
	| { readonly kind: 'system'; readonly code: string; readonly reason: string };

/** Who has a port; undefined where we may not look. */
export interface PortHolder {
	readonly pid: number;
	readonly command: string;
	/** Its name, where it is a runtime. */
	readonly runtime: string | undefined;
}

export class LaunchError extends Error {
	override readonly name = 'LaunchError';
	readonly fault: LaunchFault;

	constructor(fault: LaunchFault, options?: { readonly cause?: unknown }) {
		super(describeLaunchFault(fault), options);
		this.fault = fault;
	}
}

/** What the supervisor refuses, or could not bring about. */
export type SupervisorFault =
	| { readonly kind: 'not_found'; readonly id: string }
	| { readonly kind: 'id_taken'; readonly id: string }
	/** Remove without force. */
	| { readonly kind: 'running'; readonly name: string; readonly status: RuntimeStatus; readonly pid: number | undefined }
	/** A signal for a program that does not run, or whose pid is not known yet. */
	| { readonly kind: 'not_running'; readonly name: string; readonly status: RuntimeStatus }
	| { readonly kind: 'unknown_signal'; readonly signal: string }
	| { readonly kind: 'start_failed'; readonly name: string; readonly fault: LaunchFault; readonly reason: string }
	/** What it needs is not there, and will not be unless somebody does something; it goes on waiting. */
	| { readonly kind: 'waits'; readonly name: string; readonly reason: string; readonly how: readonly string[] }
	/** Runtimes would need each other: from the one that is refused to itself, by the names in the needs. */
	| { readonly kind: 'needs_circle'; readonly name: string; readonly circle: readonly string[] }
	/** A probe that could never succeed. */
	| { readonly kind: 'bad_probe'; readonly name: string; readonly reason: string }
	/** A schedule that is none, or never comes due. */
	| { readonly kind: 'bad_schedule'; readonly name: string; readonly reason: string }
	/** A user that is not there, or whom we cannot be. */
	| { readonly kind: 'bad_user'; readonly name: string; readonly user: string; readonly reason: string }
	/** What was waited for will not come by itself. */
	| {
			readonly kind: 'not_reached';
			readonly name: string;
			readonly goal: string;
			readonly status: RuntimeStatus;
			readonly reason: string | undefined;
	  }
	/** Overtaken by a later command. */
	| { readonly kind: 'superseded'; readonly name: string; readonly by: 'stop' | 'start' | 'restart' | 'remove' }
	| { readonly kind: 'stop_incomplete'; readonly name: string; readonly escaped: readonly Escaped[] }
	/** The supervisor has been closed, or is stopping everything for good. */
	| { readonly kind: 'closing' };

export class SupervisorError extends Error {
	override readonly name = 'SupervisorError';
	readonly fault: SupervisorFault;

	constructor(fault: SupervisorFault, options?: { readonly cause?: unknown }) {
		super(describe(fault), options);
		this.fault = fault;
	}
}

function describe(fault: SupervisorFault): string {
	switch (fault.kind) {
		case 'not_found':
			return `No runtime has the id ${fault.id}`;
		case 'id_taken':
			return `A runtime with the id ${fault.id} already exists`;
		case 'running':
			return `Cannot remove "${fault.name}": it is ${fault.status}`;
		case 'not_running':
			return `Cannot signal "${fault.name}": it is ${fault.status}`;
		case 'unknown_signal':
			return `This system has no signal ${fault.signal}`;
		case 'start_failed':
			return `Cannot start "${fault.name}": ${fault.reason}`;
		case 'waits':
			return `"${fault.name}" is not started yet: it ${fault.reason} (${fault.how.join('; ')})`;
		case 'needs_circle':
			return `Cannot add "${fault.name}": runtimes would need each other: ${fault.circle.join(' → ')}`;
		case 'bad_probe':
			return `Cannot add "${fault.name}": ${fault.reason}`;
		case 'bad_schedule':
			return `Cannot add "${fault.name}": ${fault.reason}`;
		case 'bad_user':
			return `Cannot add "${fault.name}": it cannot run as ${fault.user}: ${fault.reason}`;
		case 'not_reached':
			return `"${fault.name}" will not become ${fault.goal}: it is ${fault.status}${fault.reason === undefined ? '' : `: ${fault.reason}`}`;
		case 'superseded':
			return `The command on "${fault.name}" was overtaken by a later ${fault.by}`;
		case 'stop_incomplete':
			return `Cannot end all of "${fault.name}": left are ${listEscaped(fault.escaped)}`;
		case 'closing':
			return 'The supervisor is closing';
	}
}

export function describeLaunchFault(fault: LaunchFault): string {
	switch (fault.kind) {
		case 'cwd_missing':
			return `the working directory ${fault.cwd} does not exist, or is not a directory that may be entered`;
		case 'not_found':
			return `${fault.program} does not exist`;
		case 'is_directory':
			return `${fault.program} is a directory, not a program`;
		case 'not_executable':
			return `${fault.program} is not executable (mode ${fault.mode})`;
		case 'wrong_format':
			return `${fault.program} is neither a binary of this system nor a script with a #! line`;
		case 'missing_interpreter':
			return fault.interpreter.endsWith('\r')
				? `${fault.program} has the line ends of Windows (CRLF): its first line names '${fault.interpreter.slice(0, -1)}\\r', which does not exist here`
				: `${fault.program}: its first line names ${JSON.stringify(fault.interpreter).slice(1, -1)}, which does not exist here or is not executable`;
		case 'missing_loader':
			return `${fault.program} asks for the loader ${fault.loader}, which does not exist here: it was built for another C library`;
		case 'wrong_machine':
			return `${fault.program} is a binary for ${fault.machine}; this machine is ${fault.here}`;
		case 'too_big':
			return 'its arguments and environment are larger than the system takes';
		case 'no_processes':
			return 'the system allows no more processes (see ulimit -u)';
		case 'no_memory':
			return 'the system is out of memory';
		case 'no_descriptors':
			return 'the system allows no more open files (see ulimit -n)';
		case 'no_space':
			return 'there is no space left for its record or its output';
		case 'port_taken':
			return `port ${fault.port} is in use by ${nameHolder(fault)}`;
		case 'env_file':
			return `its environment file ${fault.file} cannot be read: ${fault.reason}`;
		case 'user':
			return `it cannot run as ${fault.user}: ${fault.reason}`;
		case 'unprepared':
			return fault.reason;
		case 'not_launched':
			return fault.reason === ''
				? 'the launch was given up before the program ran'
				: `the shell could not launch it: ${fault.reason}`;
		case 'silent':
			return `the launch did not come to an end within ${fault.afterMs} ms`;
		case 'still_there':
			return `of an earlier process there are left ${listEscaped(fault.left)}, which cannot be ended`;
		case 'abandoned':
			return 'a stop came before the program ran';
		case 'system':
			return fault.reason;
	}
}

function nameHolder({ uid, holder }: { readonly uid: number; readonly holder: PortHolder | undefined }): string {
	if (!holder) return `a process of the user with the number ${uid}, which may not be looked at`;
	const { pid, command, runtime } = holder;
	return `${runtime === undefined ? '' : `the runtime ${runtime}, `}pid ${pid} (${command})`;
}

export const listEscaped = (escaped: readonly Escaped[]): string =>
	escaped.map(({ pid, command }) => `pid ${pid} (${command})`).join(', ');

/** The fault that a failed system call stands for. */
export function faultOfSystem(error: unknown): LaunchFault {
	const code = (error as NodeJS.ErrnoException | undefined)?.code ?? '';
	const reason = error instanceof Error ? error.message : String(error);
	return (
		({
			E2BIG: { kind: 'too_big' },
			EAGAIN: { kind: 'no_processes' },
			ENOMEM: { kind: 'no_memory' },
			EMFILE: { kind: 'no_descriptors' },
			ENFILE: { kind: 'no_descriptors' },
			ENOSPC: { kind: 'no_space' },
			EDQUOT: { kind: 'no_space' },
		}[code] as LaunchFault | undefined) ?? { kind: 'system', code, reason }
	);
}
