/** Why a start comes to nothing, by type: `data.fault` of `runtime.start_failed`. A port that is taken has an error of its own. */

export const startFaults = {
	not_found: 'the program is not there (ENOENT)',
	is_directory: 'the program is a directory',
	not_executable: 'the program may not be executed (EACCES)',
	wrong_format: 'the program is neither a binary of this system nor a script with a #! line (ENOEXEC)',
	wrong_machine: 'the program is a binary for another processor',
	missing_interpreter: 'the file that its #! line names is not there or may not be executed',
	missing_loader: 'the program is a binary for another C library',
	cwd_missing: 'its working directory is not there or may not be entered',
	env_file: 'a file of its environment cannot be read',
	user: 'it cannot run as its user',
	too_big: 'arguments and environment are larger than the system takes (E2BIG)',
	no_processes: 'the user may have no more processes (EAGAIN)',
	no_memory: 'the system is out of memory (ENOMEM)',
	no_descriptors: 'there are no more file descriptors (EMFILE, ENFILE)',
	no_space: 'there is no room for its record or its output (ENOSPC, EDQUOT)',
	unprepared: 'what is done before a launch has failed, such as its sockets',
	not_launched: 'the shell that launches programs could not',
	silent: 'the launch did not come to an end in time',
	still_there: 'of an earlier process something is left that cannot be ended',
	abandoned: 'a stop came first',
	system: 'the system refused it otherwise',
} as const;

export type StartFault = keyof typeof startFaults;
