/**
 * The shell text between orchd and a program: it launches nothing before it is told to, and it is the one that knows the
 * program's pid and how the program ended, whatever becomes of orchd. Why it is written as it is: docs/decisions/0001.
 */

/** What the shim's process is called in `ps`, and what the shell puts before its own complaints. */
export const SHIM_NAME = 'orch-shim';

/** To be written to `shimDescriptors.go` once the launch is recorded; end of file there instead means: do not launch. */
export const GO = 'go\n';

/**
 * The descriptors of the shim beside 0 (the program's input) and 1 (its output). The program gets 0, 1 and 2 and none of these.
 * Descriptor 2 of the *shim* is the record too: whatever the shell itself has to say must never reach the program's stderr.
 */
export const shimDescriptors = {
	/** A pipe from orchd: `GO`, or the end of file. */
	go: 3,
	/** What becomes the program's stderr. */
	stderr: 4,
	/** The exit record (see exit-record.ts), an empty file opened O_APPEND. */
	record: 5,
	/** A pipe to orchd: the program's pid and a newline. From then on signals reach the program; before, none may be sent. */
	pid: 6,
} as const;

/** The deadly signals that the shim outlives, so that they may go to the whole process group. */
const outlivedSignals: readonly NodeJS.Signals[] = [
	'SIGHUP',
	'SIGINT',
	'SIGQUIT',
	'SIGTRAP',
	'SIGABRT',
	'SIGUSR1',
	'SIGUSR2',
	'SIGPIPE',
	'SIGALRM',
	'SIGTERM',
	'SIGXCPU',
	'SIGXFSZ',
	'SIGVTALRM',
	'SIGPROF',
	'SIGSYS',
];

/** Those that end nobody, and SIGKILL: it ends the shim as well, but what we do ourselves needs no record. */
const harmlessSignals: readonly NodeJS.Signals[] = [
	'SIGKILL',
	'SIGSTOP',
	'SIGTSTP',
	'SIGTTIN',
	'SIGTTOU',
	'SIGCONT',
	'SIGCHLD',
	'SIGURG',
	'SIGWINCH',
];

/**
 * Traps are `:` and never '': a handler is reset by exec, an ignored signal would be inherited. The program runs in the foreground, since
 * a background job starts with SIGINT and SIGQUIT ignored. Variables carry a prefix, for a shell exports what it found in the environment.
 */
export const LAUNCH_SHIM = [
	// A bash that is called sh runs `-c` in POSIX mode, in which it never says which signal ended a command.
	'command set +o posix 2>/dev/null',
	// The words in English, for the record alone; the program gets back what was there.
	`orch_shim_locale=\${LC_ALL+x$LC_ALL}`,
	'LC_ALL=C',
	`trap : ${outlivedSignals.map((signal) => signal.slice('SIG'.length)).join(' ')}`,
	`read -r orch_shim_go <&${shimDescriptors.go} || { echo "not launched" >&${shimDescriptors.record}; exit 0; }`,
	`exec ${shimDescriptors.go}<&-`,
	'(' +
		[
			`case $orch_shim_locale in x*) LC_ALL=\${orch_shim_locale#x};; *) unset LC_ALL;; esac`,
			"read -r orch_shim_pid orch_shim_rest </proc/self/stat || orch_shim_pid=$(exec /bin/sh -c 'echo $PPID')",
			`echo "pid $orch_shim_pid" >&${shimDescriptors.record}`,
			// With nobody left to hear it, SIGPIPE ends the launch here, and the record has no `told`. Not trapped: a trap would swallow a real one.
			`echo "$orch_shim_pid" >&${shimDescriptors.pid}`,
			`echo told >&${shimDescriptors.record}`,
			`exec "$@" 2>&${shimDescriptors.stderr} ${shimDescriptors.stderr}>&- ${shimDescriptors.record}>&- ${shimDescriptors.pid}>&-`,
		].join('; ') +
		')',
	'orch_shim_code=$?',
	`echo "exit $orch_shim_code" >&${shimDescriptors.record}`,
	'exit $orch_shim_code',
].join('; ');

export interface ShimLaunch {
	/** An absolute path. */
	readonly program: string;
	readonly args: readonly string[];
	readonly env: Readonly<Record<string, string>>;
}

/** The arguments and the environment with which a POSIX shell has to be spawned to launch a program by the shim. */
export function shimInvocation({ program, args, env }: ShimLaunch): {
	readonly args: string[];
	readonly env: Record<string, string>;
} {
	const carried = Object.keys(env).filter((name) => !isPassedOnByShells(name));
	const shellEnv = Object.fromEntries(Object.entries(env).filter(([name]) => isPassedOnByShells(name)));
	const direct = ['-c', LAUNCH_SHIM, SHIM_NAME];
	if (carried.length === 0) return { args: [...direct, program, ...args], env: shellEnv };
	if (program.includes('=')) {
		throw new Error(
			`Cannot launch ${program} with the environment variable "${carried[0]}": a shell does not pass on that name, and the program "env" would ` +
				'take a path with "=" for a variable; rename the variable, or the path',
		);
	}
	return { args: [...direct, '/usr/bin/env', ...carried.map((name) => `${name}=${env[name]}`), program, ...args], env: shellEnv };
}

/** The `stdio` to spawn the shim with. `record` must be opened O_APPEND; the pipes are found at `shimDescriptors.go` and `.pid`. */
export function shimStdio(files: { readonly stdout: number; readonly stderr: number; readonly record: number }) {
	return ['ignore', files.stdout, files.record, 'pipe', files.stderr, files.record, 'pipe'] as const;
}

/** Whether a signal may go to the process group. Any other is for the program's pid alone: it would end the shim, and with it the record. */
export function isForGroup(signal: NodeJS.Signals): boolean {
	return outlivedSignals.includes(signal) || harmlessSignals.includes(signal);
}

/**
 * Whether shells hand a variable on as they found it: they drop names that are not identifiers, and some names are theirs. The others travel
 * as arguments of `env`, at the price of one more exec and of being readable in `ps`. PWD and `_` stay with the shell: it sets them right.
 */
export function isPassedOnByShells(name: string): boolean {
	return /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) && !namesOfShells.has(name);
}

const namesOfShells = new Set([
	'BASHOPTS',
	'BASHPID',
	'BASH_ARGC',
	'BASH_ARGV',
	'BASH_COMPAT',
	'BASH_ENV',
	'BASH_VERSION',
	'BASH_XTRACEFD',
	'DIRSTACK',
	'ENV',
	'EUID',
	'FUNCNAME',
	'GROUPS',
	'IFS',
	'LINENO',
	'OLDPWD',
	'OPTARG',
	'OPTERR',
	'OPTIND',
	'POSIXLY_CORRECT',
	'PPID',
	'PS1',
	'PS2',
	'PS4',
	'RANDOM',
	'SECONDS',
	'SHELLOPTS',
	'SHLVL',
	'UID',
]);
