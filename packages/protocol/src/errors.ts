/** Every error that a client can see, in one table: its code, HTTP status, exit code, number, sentence and hint. */

import { type FileProblem, renderProblems } from './problems.ts';
import type { StartFault } from './start-faults.ts';

export interface ErrorEntry<Data> {
	/** HTTP status of REST answers. */
	readonly status: number;
	/** Exit code of the CLI. */
	readonly exit: number;
	/** The number under which `orch explain` and people know it. */
	readonly number: `E${number}`;
	/** What could not be done and why; no final period. Further lines are facts, indented by two. */
	readonly message: (data: Data) => string;
	/** One thing to do about it; empty where there is none. */
	readonly hint?: (data: Data) => string | undefined;
	/** Whether the same request may succeed later. */
	readonly retryable?: boolean;
}

const entry = <Data>(definition: ErrorEntry<Data>): ErrorEntry<Data> => definition;

const list = (names: readonly string[]): string => names.join(', ');
const didYouMean = (names: readonly string[]): string => (names.length > 0 ? `\n  did you mean: ${list(names)}` : '');

/** A word as a shell takes it: hints are there to be run. */
const shellWord = (word: string): string => (/^[\w./:@%+,=-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);
const ages = [
	['d', 86_400_000],
	['h', 3_600_000],
	['m', 60_000],
	['s', 1_000],
] as const;
const age = (ms: number): string => {
	const [unit, unitMs] = ages.find(([, each]) => ms >= each) ?? ['s', 1_000];
	return `${Math.floor(ms / unitMs)}${unit}`;
};
const ago = (ms: number): string => `${age(ms)} ago`;
/** Where a program was looked for that was named by another path. */
const pathLine = (path: string | undefined): string => (path === undefined ? '' : `\n  path: ${path}`);
/** The command by which an interpreter is most likely found, whatever version of it a #! line wants. */
const onPath = (interpreter: string): string => {
	const name = interpreter.slice(interpreter.lastIndexOf('/') + 1);
	return /^python/.test(name) ? 'python3' : shellWord(name.replace(/-?\d+(\.\d+)*$/, '') || name);
};
/** By how its name is said. */
const withArticle = (machine: string): string => `${/^([aei]|x86|s390)/.test(machine) ? 'an' : 'a'} ${machine}`;
const whereBoth = ({
	pid,
	clientPath,
	daemonPath,
	uptimeMs,
}: {
	readonly pid: number;
	readonly clientPath?: string;
	readonly daemonPath?: string;
	readonly uptimeMs?: number;
}): string =>
	[
		...(clientPath === undefined ? [] : [`\n  client ${clientPath}`]),
		`\n  daemon ${daemonPath === undefined ? '' : `${daemonPath} `}(pid ${pid}${uptimeMs === undefined ? '' : `, up ${age(uptimeMs)}`})`,
	].join('');

export interface RuntimeMatch {
	readonly shortId: string;
	readonly name: string;
	readonly status: string;
}

export interface LinkMatch {
	readonly shortId: string;
	readonly from: string;
	readonly type: string;
	readonly to: string;
}

export const errors = {
	/** `project`: there is one of this name. */
	'runtime.not_found': entry<{ ref: string; candidates: readonly string[]; project?: string }>({
		status: 404,
		exit: 4,
		number: 'E104',
		message: ({ ref, candidates, project }) =>
			`no runtime '${ref}'${project === undefined ? didYouMean(candidates) : ': it is a project'}`,
		hint: ({ project }) =>
			project === undefined
				? 'orch ps'
				: `orch project show ${project} tells its runtimes; orch down -p ${project} takes it away`,
	}),
	'runtime.ambiguous': entry<{ ref: string; matches: readonly RuntimeMatch[] }>({
		status: 409,
		exit: 7,
		number: 'E105',
		message: ({ ref, matches }) =>
			[
				`'${ref}' matches ${matches.length} runtimes`,
				...matches.map(({ shortId, name, status }) => `  ${shortId}  ${name}  ${status}`),
			].join('\n'),
		// where it is a part of the names it was no id
		hint: ({ ref, matches }) =>
			matches.every(({ name }) => name.includes(ref)) ? 'use one of these names' : 'use the name, or one more digit',
	}),
	'runtime.name_taken': entry<{
		name: string;
		status: string;
		ageMs: number | null;
		/** A name that is free, and the program for which it was asked. */
		free: string | null;
		program: string | null;
	}>({
		status: 409,
		exit: 7,
		number: 'E110',
		message: ({ name, status, ageMs }) =>
			`a runtime '${name}' already exists (${status}${ageMs === null ? '' : `, added ${ago(ageMs)}`})`,
		hint: ({ name, free, program }) =>
			free === null || program === null ? `orch runtime remove ${name}` : `orch runtime add ${shellWord(program)} --name ${free}`,
	}),
	'runtime.id_taken': entry<{ id: string; name: string }>({
		status: 409,
		exit: 7,
		number: 'E110',
		message: ({ id, name }) => `the id ${id} already belongs to the runtime '${name}'`,
	}),
	'runtime.running': entry<{ name: string; pid: number | null }>({
		status: 409,
		exit: 7,
		number: 'E135',
		message: ({ name, pid }) => `cannot remove '${name}': it is running${pid === null ? '' : ` with pid ${pid}`}`,
		hint: ({ name }) => `orch runtime remove ${name} --force`,
	}),
	'runtime.not_running': entry<{ name: string; status: string }>({
		status: 409,
		exit: 3,
		number: 'E136',
		message: ({ name, status }) => `cannot signal '${name}': it is ${status}`,
		hint: ({ name }) => `orch start ${name}`,
	}),
	'runtime.start_failed': entry<{ name: string; fault: StartFault; reason: string }>({
		status: 422,
		exit: 1,
		number: 'E123',
		message: ({ name, reason }) => `cannot start '${name}': ${reason}`,
		hint: ({ name }) => `orch why ${name}`,
	}),
	'runtime.port_taken': entry<{
		name: string;
		port: number;
		holder: { readonly pid: number; readonly command: string; readonly runtime: string | null } | null;
		uid: number;
	}>({
		status: 409,
		exit: 7,
		number: 'E111',
		message: ({ name, port, holder, uid }) =>
			holder
				? `cannot start '${name}': port ${port} is in use by ${holder.runtime === null ? '' : `runtime ${holder.runtime}, `}pid ${holder.pid} (${holder.command})`
				: `cannot start '${name}': port ${port} is in use by a process of the user with the number ${uid}, which may not be looked at`,
		hint: ({ holder }) =>
			holder === null
				? 'stop what has the port (as root: ss -ltnp), or give the runtime another one'
				: holder.runtime === null
					? `stop it (kill ${holder.pid}), or give the runtime another port`
					: `orch stop ${holder.runtime}`,
		retryable: true,
	}),
	'runtime.needs_circle': entry<{ name: string; circle: readonly string[] }>({
		status: 409,
		exit: 8,
		number: 'E113',
		message: ({ name, circle }) => {
			const steps = circle.slice(0, -1).map((one, at) => [one, circle[at + 1] ?? ''] as const);
			const width = Math.max(...steps.map(([one]) => one.length));
			const lines = steps.map(([one, next]) => `  ${one.padEnd(width)}  needs  ${next}`);
			return [`cannot add '${name}': runtimes would need each other in a circle`, ...lines].join('\n');
		},
		hint: () => 'leave out one of these needs',
	}),
	'runtime.waits': entry<{ name: string; reason: string; how: readonly string[] }>({
		status: 409,
		exit: 3,
		number: 'E183',
		message: ({ name, reason, how }) =>
			[`'${name}' is not started yet: it ${reason}`, ...how.map((one) => `  ${one}`)].join('\n'),
		hint: ({ name }) => `orch why ${name} (it is started as soon as that is there)`,
	}),
	'runtime.not_reached': entry<{ name: string; goal: string; status: string; reason: string | null }>({
		status: 409,
		exit: 3,
		number: 'E184',
		message: ({ name, goal, status, reason }) => {
			const wish = goal === 'succeeded' ? 'succeed' : `become ${goal}`;
			return `'${name}' will not ${wish}: it is ${status}${reason === null ? '' : `: ${reason}`}`;
		},
		hint: ({ name }) => `orch why ${name}`,
	}),
	'probe.invalid': entry<{ reason: string }>({
		status: 400,
		exit: 2,
		number: 'E185',
		message: ({ reason }) => reason,
		hint: () => 'orch help runtime add',
	}),
	'runtime.not_group': entry<{ name: string }>({
		status: 409,
		exit: 3,
		number: 'E180',
		message: ({ name }) => `cannot scale '${name}': it is one runtime, not a group of instances`,
		hint: () => 'add it as a group: orch runtime add PROGRAM --instances 3',
	}),
	'schedule.invalid': entry<{ reason: string }>({
		status: 400,
		exit: 2,
		number: 'E181',
		message: ({ reason }) => reason,
		hint: () => "minute, hour, day of the month, month, day of the week: '0 3 * * *' is 3:00 every day",
	}),
	'runtime.user_refused': entry<{ user: string; reason: string }>({
		status: 403,
		exit: 6,
		number: 'E182',
		message: ({ user, reason }) => `cannot run a program as ${user}: ${reason}`,
	}),
	'runtime.stop_incomplete': entry<{ name: string; escaped: readonly { readonly pid: number; readonly command: string }[] }>({
		status: 500,
		exit: 1,
		number: 'E137',
		message: ({ name, escaped }) =>
			[
				`'${name}' has stopped, but of what it forked this is left`,
				...escaped.map(({ pid, command }) => `  pid ${pid}  ${command}`),
			].join('\n'),
		hint: ({ name }) => `orch stop ${name} tries again`,
	}),
	'runtime.superseded': entry<{ name: string; by: string }>({
		status: 409,
		exit: 1,
		number: 'E138',
		message: ({ name, by }) => `the command on '${name}' was overtaken by a later ${by}`,
	}),
	'program.not_found': entry<{ program: string; cwd: string; candidates: readonly string[] }>({
		status: 400,
		exit: 8,
		number: 'E107',
		message: ({ program, cwd, candidates }) =>
			`cannot add runtime: ${program} does not exist${program.startsWith('/') ? '' : ` (looked in ${cwd})`}${didYouMean(candidates)}`,
		hint: () => 'check the path; for a command on PATH write: orch runtime add -- node server.js',
	}),
	'program.not_executable': entry<{ program: string; path?: string; mode: string }>({
		status: 400,
		exit: 8,
		number: 'E108',
		message: ({ program, path, mode }) => `${program} is not executable (mode ${mode})${pathLine(path)}`,
		hint: ({ program }) => `chmod +x ${shellWord(program)}`,
	}),
	'program.is_directory': entry<{ program: string; path?: string }>({
		status: 400,
		exit: 8,
		number: 'E108',
		message: ({ program, path }) => `${program} is a directory, not a program${pathLine(path)}`,
	}),
	'program.wrong_format': entry<{ program: string; path?: string }>({
		status: 400,
		exit: 8,
		number: 'E109',
		message: ({ program, path }) => `${program} is neither a binary of this system nor a script with a #! line${pathLine(path)}`,
		hint: ({ program }) => `name its interpreter: orch runtime add -- sh ${shellWord(program)}`,
	}),
	'program.missing_interpreter': entry<{ program: string; path?: string; interpreter: string }>({
		status: 400,
		exit: 8,
		number: 'E109',
		message: ({ program, path, interpreter }) =>
			interpreter.endsWith('\r')
				? `${program} has the line ends of Windows (CRLF): its first line names '${interpreter.slice(0, -1)}\\r', which does not exist here${pathLine(path)}`
				: `${program}: its first line names ${interpreter}, which does not exist here${pathLine(path)}`,
		hint: ({ program, interpreter }) =>
			interpreter.endsWith('\r')
				? `sed -i 's/\\r$//' ${shellWord(program)}`
				: `fix the #! line, or: orch runtime add -- ${onPath(interpreter)} ${shellWord(program)}`,
	}),
	'program.missing_loader': entry<{ program: string; path?: string; loader: string }>({
		status: 400,
		exit: 8,
		number: 'E109',
		message: ({ program, path, loader }) =>
			`${program} asks for the loader ${loader}, which does not exist here${pathLine(path)}`,
		hint: () => 'it was built for another C library: take a build for the one of this system',
	}),
	'program.wrong_machine': entry<{ program: string; path?: string; machine: string; here: string }>({
		status: 400,
		exit: 8,
		number: 'E109',
		message: ({ program, path, machine, here }) =>
			`${program} is ${withArticle(machine)} binary; this machine is ${here}${pathLine(path)}`,
	}),
	'program.cwd_missing': entry<{ cwd: string }>({
		status: 400,
		exit: 8,
		number: 'E139',
		message: ({ cwd }) => `the working directory ${cwd} does not exist, or is not a directory that may be entered`,
	}),
	'binary.unknown_upload': entry<{ upload: string }>({
		status: 404,
		exit: 1,
		number: 'E140',
		message: ({ upload }) => `no upload '${upload}': it was finished, or abandoned for ten minutes`,
		hint: () => 'start the upload again',
		retryable: true,
	}),
	'binary.mismatch': entry<{ expected: string; actual: string }>({
		status: 422,
		exit: 1,
		number: 'E141',
		message: ({ expected, actual }) => `the uploaded bytes are not what was announced (SHA-256 ${actual} instead of ${expected})`,
		hint: () => 'the file changed while it was sent? try again',
	}),
	'binary.too_large': entry<{ bytes: number; maxBytes: number }>({
		status: 413,
		exit: 8,
		number: 'E142',
		message: ({ bytes, maxBytes }) => `a binary of ${bytes} bytes is larger than the ${maxBytes} bytes that are taken`,
	}),
	'link.exists': entry<{ from: string; type: string; to: string; id: string; ageMs: number }>({
		status: 409,
		exit: 7,
		number: 'E119',
		message: ({ from, type, to, id, ageMs }) => `${from} ─${type}→ ${to} is already linked (id ${id}, ${ago(ageMs)})`,
		hint: ({ id }) => `orch link show ${id}`,
	}),
	'link.not_found': entry<{ link: string; candidates: readonly string[] }>({
		status: 404,
		exit: 4,
		number: 'E143',
		message: ({ link, candidates }) => `no link ${link}${didYouMean(candidates)}`,
		hint: () => 'orch link list',
	}),
	'link.ambiguous': entry<{ ref: string; matches: readonly LinkMatch[] }>({
		status: 409,
		exit: 7,
		number: 'E105',
		message: ({ ref, matches }) =>
			[
				`'${ref}' matches ${matches.length} links`,
				...matches.map(({ shortId, from, type, to }) => `  ${shortId}  ${from} ─${type}→ ${to}`),
			].join('\n'),
		hint: () => 'use the whole id, or one more digit',
	}),
	'link.not_linked': entry<{ type: string; from: string; taken: readonly string[]; candidates: readonly string[] }>({
		status: 404,
		exit: 4,
		number: 'E118',
		message: ({ type, from, taken, candidates }) =>
			`no link takes '${type}' from ${from}\n  links take from ${from}: ${taken.length > 0 ? list(taken) : 'nothing'}${didYouMean(candidates)}`,
		hint: ({ type, from }) => `orch link add --from ${from} --type ${type} --to NAME`,
	}),
	'message.invalid': entry<{ reason: string; frame?: readonly string[] }>({
		status: 400,
		exit: 2,
		number: 'E120',
		message: ({ reason, frame = [] }) => `message body is not JSON: ${reason}${frame.map((line) => `\n    ${line}`).join('')}`,
		hint: () => `quote it for the shell: '{"seq":1}'`,
	}),
	'message.refused': entry<{ type: string; path: string; reason: string; project: string }>({
		status: 422,
		exit: 2,
		number: 'E121',
		message: ({ type, path, reason, project }) => `${type}${path} ${reason}   (type declared by project ${project})`,
		hint: () => 'orch link types',
	}),
	'reply.late': entry<{ type: string; ms: number }>({
		status: 504,
		exit: 124,
		number: 'E197',
		message: ({ type, ms }) => `no reply to ${type} within ${ms} ms; the request may have been carried out all the same`,
		hint: () => 'longer: --timeout 30s',
		retryable: true,
	}),
	'reply.missing': entry<{ type: string; code: string; reason: string }>({
		status: 502,
		exit: 1,
		number: 'E198',
		message: ({ type, code, reason }) => `no reply to ${type}: ${reason} (${code})`,
		hint: () => 'orch ps · orch link types',
		retryable: true,
	}),
	'reply.error': entry<{ type: string; from: string; code: string; reason: string }>({
		status: 422,
		exit: 1,
		number: 'E199',
		message: ({ type, from, code, reason }) => `${from} has answered ${type} with an error: ${reason} (${code})`,
	}),
	'type.not_found': entry<{ type: string; candidates: readonly string[] }>({
		status: 404,
		exit: 4,
		number: 'E195',
		message: ({ type, candidates }) =>
			`no type '${type}': it is neither declared nor linked, and was not sent${didYouMean(candidates)}`,
		hint: () => 'orch link types',
	}),
	'router.unavailable': entry<{ reason: string }>({
		status: 503,
		exit: 1,
		number: 'E144',
		message: ({ reason }) => `the router does not answer: ${reason}`,
		hint: () => 'orch daemon status',
		retryable: true,
	}),
	'daemon.stopping': entry<Record<string, never>>({
		status: 503,
		exit: 5,
		number: 'E145',
		message: () => 'orchd is stopping',
		hint: () => 'orch daemon start',
		retryable: true,
	}),
	'request.invalid': entry<{ issues: readonly string[] }>({
		status: 400,
		exit: 2,
		number: 'E146',
		message: ({ issues }) => `cannot read the request: ${issues.join('; ')}`,
	}),
	'operation.unknown': entry<{ operation: string; candidates: readonly string[] }>({
		status: 404,
		exit: 2,
		number: 'E147',
		message: ({ operation, candidates }) => `no operation '${operation}'${didYouMean(candidates)}`,
		hint: () => 'orch version (is the daemon older than this client?)',
	}),
	'protocol.version': entry<{
		client: string;
		daemon: string;
		clientProtocol: string;
		daemonProtocol: string;
		/** Of orchd. */
		pid: number;
		/** Which of the two is the one to be replaced. */
		older: 'client' | 'daemon';
		/** What the one who asks finds out of both: their programs, and how long orchd runs. */
		clientPath?: string;
		daemonPath?: string;
		uptimeMs?: number;
	}>({
		status: 426,
		exit: 9,
		number: 'E122',
		message: ({ client, daemon, clientProtocol, daemonProtocol, ...more }) =>
			`this client (${client}, protocol ${clientProtocol}) cannot talk to orchd (${daemon}, protocol ${daemonProtocol})${whereBoth(more)}`,
		hint: ({ older, pid }) =>
			older === 'client'
				? 'use the orch that came with that orchd, or a newer one'
				: `kill -USR2 ${pid} ends that orchd and keeps its runtimes running; once it is gone: orch daemon start`,
	}),
	'protocol.malformed': entry<{ reason: string }>({
		status: 400,
		exit: 1,
		number: 'E148',
		message: ({ reason }) => `cannot read what was sent: ${reason}`,
	}),
	'protocol.too_long': entry<{ what: 'request' | 'answer' | 'notification'; bytes: number; maxBytes: number }>({
		status: 413,
		exit: 1,
		number: 'E148',
		message: ({ what, bytes, maxBytes }) =>
			`cannot send ${what === 'answer' ? 'an' : 'a'} ${what} of ${bytes} bytes: the other side takes at most ${maxBytes} in one message`,
		hint: ({ what }) => (what === 'answer' ? 'ask for less at once' : 'send less at once'),
	}),
	'access.denied': entry<{ reason: string }>({
		status: 403,
		exit: 6,
		number: 'E149',
		message: ({ reason }) => reason,
	}),
	busy: entry<{ what: string; limit: number }>({
		status: 429,
		exit: 1,
		number: 'E150',
		message: ({ what, limit }) => `too many ${what} at once: the limit is ${limit}`,
		retryable: true,
	}),
	cancelled: entry<Record<string, never>>({ status: 499, exit: 130, number: 'E151', message: () => 'cancelled' }),
	timeout: entry<{ ms: number }>({
		status: 504,
		exit: 124,
		number: 'E152',
		message: ({ ms }) => `no answer within ${ms} ms`,
		retryable: true,
	}),
	disconnected: entry<{ reason: string }>({
		status: 503,
		exit: 5,
		number: 'E153',
		message: ({ reason }) => `the connection ended before the answer: ${reason}`,
		retryable: true,
	}),
	'project.invalid': entry<{ problems: readonly FileProblem[] }>({
		status: 422,
		exit: 8,
		number: 'E206',
		message: ({ problems }) => renderProblems(problems),
	}),
	'project.elsewhere': entry<{ name: string; file: string }>({
		status: 409,
		exit: 7,
		number: 'E207',
		message: ({ name, file }) => `a project '${name}' is loaded already, from ${file}`,
		hint: ({ name }) => `orch down --project ${name}, or another name for this one: orch up --project NAME`,
	}),
	'project.renamed': entry<{ name: string; loaded: string; file: string }>({
		status: 409,
		exit: 7,
		number: 'E215',
		message: ({ name, loaded, file }) => `${file} names the project '${name}' now, and is loaded as '${loaded}'`,
		hint: ({ name, loaded }) => `orch down -p ${loaded}, then orch up; or both of them: orch up -p ${name}`,
	}),
	'project.not_found': entry<{ project: string; candidates: readonly string[] }>({
		status: 404,
		exit: 4,
		number: 'E208',
		message: ({ project, candidates }) => `no project '${project}' is loaded${didYouMean(candidates)}`,
		hint: () => 'orch project list',
	}),
	'runner.name_taken': entry<{ name: string; file: string }>({
		status: 409,
		exit: 7,
		number: 'E214',
		message: ({ name, file }) => `a runner is a project, and a project '${name}' is loaded already, from ${file}`,
		hint: () => 'another name for this one: orch runner add FILE --name NAME',
	}),
	'runner.path_taken': entry<{ runner: string; basePath: string; other: string }>({
		status: 409,
		exit: 7,
		number: 'E210',
		message: ({ runner, basePath, other }) => `cannot mount '${runner}' at ${basePath}: the runner '${other}' is there`,
		hint: () => 'orch runner list shows what is mounted where; choose with --base-path',
	}),
	'runner.bad_path': entry<{ basePath: string; reason: string }>({
		status: 400,
		exit: 2,
		number: 'E211',
		message: ({ basePath, reason }) => `'${basePath}' is no base path: ${reason}`,
		hint: () => 'such as /shop, or / for all that no other runner has',
	}),
	'runner.declared': entry<{ runner: string; parent: string; file: string }>({
		status: 409,
		exit: 7,
		number: 'E212',
		message: ({ runner, parent, file }) => `the runner '${runner}' is mounted by the project '${parent}', in ${file}`,
		hint: ({ parent }) => `change that file: saving it is enough; orch down -p ${parent} takes away all of it`,
	}),
	'runner.not_found': entry<{ runner: string; candidates: readonly string[] }>({
		status: 404,
		exit: 4,
		number: 'E213',
		message: ({ runner, candidates }) => `no runner '${runner}' is mounted${didYouMean(candidates)}`,
		hint: () => 'orch runner list',
	}),
	'state.refused': entry<{ reason: string }>({
		status: 507,
		exit: 1,
		number: 'E190',
		message: ({ reason }) => `cannot keep this, and so it was not done: ${reason}`,
		hint: () => 'free some space where orch daemon status shows the state to be, and try again',
		retryable: true,
	}),
	internal: entry<Record<string, never>>({
		status: 500,
		exit: 1,
		number: 'E154',
		message: () => 'cannot complete the request: an internal error, see the log of orchd',
		hint: () => 'orch daemon logs',
	}),
} as const;

export type ErrorCode = keyof typeof errors;
export type ErrorData<Code extends ErrorCode> = (typeof errors)[Code] extends ErrorEntry<infer Data> ? Data : never;

/** The error as it travels: a wire object on the socket, problem details over HTTP. */
export interface WireError {
	readonly code: string;
	readonly number: string;
	readonly message: string;
	readonly hint?: string;
	readonly exit: number;
	readonly retryable: boolean;
	readonly data?: unknown;
	/** The chain of what led to it, outermost first. */
	readonly causes?: readonly string[];
}

export class OrchError<Code extends ErrorCode = ErrorCode> extends Error {
	override readonly name = 'OrchError';
	readonly code: Code;
	readonly data: ErrorData<Code>;

	constructor(code: Code, data: ErrorData<Code>, options?: { readonly cause?: unknown }) {
		super((errors[code] as ErrorEntry<ErrorData<Code>>).message(data), options);
		this.code = code;
		this.data = data;
	}
}

/** A received error, of a code that this build may not know. */
export class RemoteError extends Error {
	override readonly name = 'RemoteError';
	readonly wire: WireError;

	constructor(wire: WireError) {
		super(wire.message);
		this.wire = wire;
	}

	get code(): string {
		return this.wire.code;
	}
}

export function toWireError(error: OrchError): WireError {
	const known = errors[error.code] as ErrorEntry<unknown>;
	const causes = causesOf(error);
	const hint = known.hint?.(error.data);
	return {
		code: error.code,
		number: known.number,
		message: error.message,
		...(hint === undefined ? {} : { hint }),
		exit: known.exit,
		retryable: known.retryable ?? false,
		data: error.data,
		...(causes.length > 0 ? { causes } : {}),
	};
}

function causesOf(error: Error): string[] {
	const causes: string[] = [];
	for (let cause = error.cause; cause instanceof Error && causes.length < 8; cause = cause.cause) causes.push(cause.message);
	return causes;
}
