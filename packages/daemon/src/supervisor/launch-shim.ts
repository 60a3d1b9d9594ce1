/**
 * The shell text between orchd and a program: it launches nothing before it is told to, and it is the one that knows the
 * program's pid and how the program ended, whatever becomes of orchd. Why it is written as it is: docs/decisions/0001.
 */

/** What the shim's process is called in `ps`, and what the shell puts before its own complaints. */
export const SHIM_NAME = 'orch-shim';

/** To be written to `shimDescriptors.orchd` once the launch is recorded and its file is written; end of file instead means: do not launch. */
export const GO = 'go\n';

/** Behind the name of the file by which a shim is told what to launch: its record. It has to be there when the shim is spawned. */
export const recordOf = (file: string): string => `${file}.record`;

/**
 * The descriptors of the shim beside 0, which is its program's input too. The program gets 0, 1 and 2 and none of these. Descriptor 2
 * of the *shim* is the exit record: whatever the shell itself has to say must never reach the program's stderr.
 */
export const shimDescriptors = {
	/**
	 * Held by nobody but the shim, as long as it lives, and written to by nobody: whoever reads at its other end learns of its end.
	 * Only where it is told apart from the shims that were spawned with it (see `broodInvocation`).
	 */
	life: 6,
	/**
	 * A socket to orchd: the shim's pid, that of its child, which waits for the word and becomes the program, `GO`, the child's pid again.
	 * From that on signals reach the program; before, none may be sent.
	 */
	orchd: 3,
	/** What becomes the program's stderr. */
	stderr: 4,
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
 *
 * The shim forks before it gets the word, not after: it is its child that waits, so that between the word and the program there is no fork.
 */
export const LAUNCH_SHIM = [
	// A bash that is called sh runs `-c` in POSIX mode, in which it never says which signal ended a command.
	'command set +o posix 2>/dev/null',
	// The words in English, for the record alone; the program gets back what was there.
	`orch_shim_locale=\${LC_ALL+x$LC_ALL}`,
	'LC_ALL=C',
	`trap : ${outlivedSignals.map((signal) => signal.slice('SIG'.length)).join(' ')}`,
	// Moved to where it is found by the process that it tells of when it is known what that is.
	`exec 2>>"${recordOf('$1')}"`,
	`echo $$ >&${shimDescriptors.orchd}`,
	'(' +
		[
			// Held by the shim alone.
			`exec ${shimDescriptors.life}>&-`,
			"read -r orch_shim_pid orch_shim_rest </proc/self/stat || orch_shim_pid=$(exec /bin/sh -c 'echo $PPID')",
			`echo "$orch_shim_pid" >&${shimDescriptors.orchd}`,
			`read -r orch_shim_go <&${shimDescriptors.orchd} || exit 0`,
			'. "$1"',
			'shift',
			// The output is for its owner only, whatever the program's own files are.
			'umask 077',
			`cd -P -- "$orch_shim_directory" && exec >>"$orch_shim_stdout" ${shimDescriptors.stderr}>>"$orch_shim_stderr" || exit 1`,
			'umask "$orch_shim_umask"',
			'unset OLDPWD',
			`case $orch_shim_locale in x*) LC_ALL=\${orch_shim_locale#x};; *) unset LC_ALL;; esac`,
			'orch_shim_environment',
			'echo "pid $orch_shim_pid" >&2',
			// With nobody left to hear it, SIGPIPE ends the launch here, and the record has no `told`. Not trapped: a trap would swallow a real one.
			`echo "$orch_shim_pid" >&${shimDescriptors.orchd}`,
			'echo told >&2',
			`exec "$@" 2>&${shimDescriptors.stderr} ${shimDescriptors.orchd}>&- ${shimDescriptors.stderr}>&-`,
		].join('; ') +
		')',
	'orch_shim_code=$?',
	'echo "exit $orch_shim_code" >&2',
	'exit $orch_shim_code',
].join('; ');

export interface ShimLaunch {
	/** An absolute path. */
	readonly program: string;
	readonly args: readonly string[];
	readonly env: Readonly<Record<string, string>>;
}

/** Absolute paths. The output is made where it is not. */
export interface ShimPlaces {
	readonly cwd: string;
	readonly stdout: string;
	readonly stderr: string;
	/** The program's. */
	readonly umask: number;
	/** A file that the program gets opened for appending, as `descriptor`, beside its output. */
	readonly notes?: { readonly path: string; readonly descriptor: number } | undefined;
}

/**
 * What the shim reads when it gets the word: where everything is and, unless the shim was spawned with them, the program, its arguments
 * and its environment. Shell text, in which every word is quoted.
 */
export function launchText(places: ShimPlaces, launch: ShimLaunch | undefined): string {
	const text =
		`orch_shim_directory=${quote(places.cwd)} ` +
		`orch_shim_stdout=${quote(places.stdout)} orch_shim_stderr=${quote(places.stderr)} orch_shim_umask=${places.umask.toString(8)}\n`;
	const { notes } = places;
	const opens = notes === undefined ? '' : `exec ${notes.descriptor}>>${quote(notes.path)} || exit 1; `;
	if (launch === undefined) return `${text}orch_shim_environment() { ${opens}:; }\n`;
	const { words, env } = wordsAndEnvironment(launch);
	const exports = Object.entries(env).map(([name, value]) => ` ${name}=${quote(value)}`);
	const body = exports.length === 0 ? ':' : `export${exports.join('')}`;
	return `${text}set -- "$1" ${words.map(quote).join(' ')}\norch_shim_environment() { ${opens}${body}; }\n`;
}

/** Exact for every text without a NUL, which no program can be given. */
function quote(text: string): string {
	return `'${text.replaceAll("'", "'\\''")}'`;
}

/** What is executed, and the environment that a shell hands on as it is. */
function wordsAndEnvironment({ program, args, env }: ShimLaunch): {
	readonly words: readonly string[];
	readonly env: Readonly<Record<string, string>>;
} {
	const carried = Object.keys(env).filter((name) => !isPassedOnByShells(name));
	if (carried.length === 0) return { words: [program, ...args], env };
	if (program.includes('=')) {
		throw new Error(
			`Cannot launch ${program} with the environment variable "${carried[0]}": a shell does not pass on that name, and the program "env" would ` +
				'take a path with "=" for a variable; rename the variable, or the path',
		);
	}
	return {
		words: ['/usr/bin/env', ...carried.map((name) => `${name}=${env[name]}`), program, ...args],
		env: Object.fromEntries(Object.entries(env).filter(([name]) => isPassedOnByShells(name))),
	};
}

export interface Invocation {
	readonly args: readonly string[];
	readonly env: Readonly<Record<string, string>>;
	readonly stdio: readonly ('ignore' | 'pipe')[];
}

/** How a POSIX shell has to be spawned to be a shim, with its launch in `file`; its end is that of the child. */
export function shimInvocation(file: string, launch?: ShimLaunch): Invocation {
	const { words, env } = launch ? wordsAndEnvironment(launch) : { words: [], env: {} };
	return { args: ['-c', LAUNCH_SHIM, SHIM_NAME, file, ...words], env, stdio: ['ignore', 'ignore', 'ignore', 'pipe'] };
}

/** Shims of one brood: a shell names descriptors by one digit. */
export const mostOfBrood = 7;

/**
 * How a POSIX shell has to be spawned to become the parent of several shims, one for each file, each the leader of a session of its
 * own: a fork of orchd costs more than all else in a launch, and this is one for many. The socket of the shim with the file number n
 * is descriptor 3 + n of the child.
 *
 * The shims are a pipeline, since whatever a shell runs in the background ignores SIGINT for good. The parent waits for them all, so
 * none becomes a zombie whom nobody reaps. As it holds all sockets meanwhile, these do not tell of a shim's end; the pipe that a shim
 * has as its output does, for neither the parent nor anybody else has that. It can be opened for reading through /proc.
 */
export function broodInvocation({ shell, setsid, files }: Brood): Invocation {
	const first = shimDescriptors.orchd;
	const elements = files.map((_file, index) => {
		const own = index === 0 ? [] : [`${first}<&${first + index}`];
		const others = files.slice(1).map((_other, number) => `${first + number + 1}<&-`);
		return `"$2" "$3" -c "$1" ${SHIM_NAME} "\${${index + 4}}" </dev/null ${[...own, ...others].join(' ')} ${shimDescriptors.life}>&1 >/dev/null`;
	});
	return {
		args: ['-c', [...elements, ':'].join(' | '), SHIM_NAME, LAUNCH_SHIM, setsid, shell, ...files],
		env: {},
		stdio: ['ignore', 'ignore', 'ignore', ...files.map(() => 'pipe' as const)],
	};
}

export interface Brood {
	readonly shell: string;
	/** The program of that name: it runs another one in a new session. */
	readonly setsid: string;
	/** At most `mostOfBrood`. */
	readonly files: readonly string[];
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
	return /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) && !/^BASH|^orch_shim_/.test(name) && !namesOfShells.has(name);
}

const namesOfShells = new Set([
	'COMP_WORDBREAKS',
	'DIRSTACK',
	'EPOCHREALTIME',
	'EPOCHSECONDS',
	'ENV',
	'EUID',
	'FUNCNAME',
	'GROUPS',
	'HISTCMD',
	'IFS',
	'LINENO',
	'OLDPWD',
	'OPTARG',
	'OPTERR',
	'OPTIND',
	'PIPESTATUS',
	'POSIXLY_CORRECT',
	'PPID',
	'PS1',
	'PS2',
	'PS4',
	'RANDOM',
	'SECONDS',
	'SHELLOPTS',
	'SHLVL',
	'SRANDOM',
	'UID',
]);
