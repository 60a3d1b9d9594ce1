/** The errors that the CLI finds by itself, in the same form as the protocol's: code, number, exit, sentence, hint. */
import { duration } from '@orch/base/text';
import type { ErrorEntry, WireError } from '@orch/protocol';
import { type HolderState, OrchError, RemoteError, toWireError } from '@orch/protocol/wire';

const entry = <Data>(definition: Omit<ErrorEntry<Data>, 'status'>): Omit<ErrorEntry<Data>, 'status'> => definition;

const didYouMean = (names: readonly string[]): string => (names.length > 0 ? `\n  did you mean: ${names.join(', ')}` : '');
const indented = (lines: readonly string[]): string => lines.map((line) => `\n  ${line}`).join('');

function unheardBecause(state: HolderState | undefined): string {
	switch (state) {
		case undefined:
			return 'its socket was removed, or is not there yet';
		case 'listens':
		case 'listens anew':
			return 'its socket was removed; it has just made it anew';
		case 'is starting':
		case 'is stopping':
			return `it ${state}`;
		default:
			return `its socket was removed, and it ${state}`;
	}
}

export const clientErrors = {
	'daemon.not_running': entry<{ socket: string }>({
		exit: 5,
		number: 'E101',
		message: ({ socket }) => `orchd is not running (no socket at ${socket})`,
		hint: () => 'orch daemon start        (reading commands do not start it; orch up and orch runtime add do)',
		retryable: true,
	}),
	'daemon.stale_socket': entry<{ socket: string; pid: number | undefined; log: string; lastLine: string | undefined }>({
		exit: 5,
		number: 'E102',
		message: ({ socket, pid, log, lastLine }) =>
			`a socket is left at ${socket} but nothing answers (${pid === undefined ? 'its orchd' : `orchd, pid ${pid},`} is gone)${lastLine === undefined ? '' : `\n  last line of ${log}: ${lastLine}`}`,
		hint: () => 'orch daemon start        (removes the stale socket; runtimes still alive are adopted)',
		retryable: true,
	}),
	'daemon.unheard': entry<{ socket: string; pid: number; state: HolderState | undefined }>({
		exit: 5,
		number: 'E174',
		message: ({ socket, pid, state }) => `orchd runs (pid ${pid}), but nobody listens at ${socket}: ${unheardBecause(state)}`,
		hint: ({ pid, state }) => {
			if (state === 'listens' || state === 'listens anew') return 'run it again';
			if (state === 'is starting' || state === 'is stopping') return 'orch daemon start        (waits until one answers)';
			return `kill -USR2 ${pid}; orch daemon start        (all runtimes are kept; or make the directory of the socket usable again)`;
		},
		retryable: true,
	}),
	'daemon.socket_denied': entry<{ socket: string; owner: string; mode: string; self: string }>({
		exit: 6,
		number: 'E103',
		message: ({ socket, owner, mode, self }) =>
			`permission denied: ${socket} belongs to ${owner} (mode ${mode}), you are ${self}`,
		hint: ({ owner }) => `sudo -u ${owner} orch ps`,
	}),
	'daemon.foreign_directory': entry<{ directory: string; owner: string; self: string }>({
		exit: 6,
		number: 'E156',
		message: ({ directory, owner, self }) =>
			`the directory ${directory} belongs to ${owner}, you are ${self}: no orchd in it can be trusted`,
		hint: () => 'name another socket: export ORCH_SOCKET=/path/orchd.sock',
	}),
	'daemon.not_a_socket': entry<{ path: string; kind: string }>({
		exit: 8,
		number: 'E155',
		message: ({ path, kind }) => `${path} is ${kind}, not the socket of an orchd`,
		hint: () => 'check ORCH_SOCKET',
	}),
	'daemon.unreachable': entry<{ socket: string; reason: string }>({
		exit: 5,
		number: 'E157',
		message: ({ socket, reason }) => `cannot reach orchd at ${socket}: ${reason}`,
		retryable: true,
	}),
	'daemon.start_failed': entry<{ reason: string; log: string; lines: readonly string[] }>({
		exit: 5,
		number: 'E158',
		message: ({ reason, log, lines }) =>
			`orchd did not start: ${reason}${lines.length === 0 ? '' : indented([`last lines of ${log}:`, ...lines.map((line) => `  ${line}`)])}`,
		hint: () => 'orch daemon start --foreground',
	}),
	'state.unusable': entry<{ home: string; reason: string }>({
		exit: 8,
		number: 'E175',
		message: ({ home, reason }) => `cannot keep the state in ${home}: ${reason}`,
		hint: () => 'export ORCH_HOME=/a/directory/of/yours',
	}),
	'daemon.not_stopped': entry<{ pid: number; ms: number }>({
		exit: 1,
		number: 'E159',
		message: ({ pid, ms }) => `orchd has answered that it stops, but after ${ms / 1000} s its pid ${pid} is still there`,
		hint: () => 'orch daemon logs',
	}),
	'socket.too_long': entry<{ path: string; bytes: number; limit: number }>({
		exit: 8,
		number: 'E132',
		message: ({ path, bytes, limit }) => `socket path is ${bytes} bytes, the system allows ${limit}: ${path}`,
		hint: () => 'export ORCH_SOCKET=/tmp/orch.sock',
	}),
	'program.not_found': entry<{ program: string; where: string; candidates: readonly string[]; hint: string }>({
		exit: 8,
		number: 'E107',
		message: ({ program, where, candidates }) => `cannot add runtime: ${program} ${where}${didYouMean(candidates)}`,
		hint: ({ hint }) => hint,
	}),
	'message.invalid': entry<{ what: string; reason: string; frame: readonly string[]; hint: string }>({
		exit: 2,
		number: 'E120',
		message: ({ what, reason, frame }) => `${what} is not JSON: ${reason}${frame.map((line) => `\n    ${line}`).join('')}`,
		hint: ({ hint }) => hint,
	}),
	'message.too_long': entry<{ what: string; bytes: number | undefined; limit: number }>({
		exit: 1,
		number: 'E148',
		message: ({ what, bytes, limit }) =>
			`cannot send ${what}: a message takes at most ${limit} bytes, this one has ${bytes ?? 'more'}`,
		hint: () => 'send it in parts',
	}),
	'type.no_schema': entry<{ type: string }>({
		exit: 4,
		number: 'E196',
		message: ({ type }) => `no project declares a schema for ${type}`,
		hint: () => 'types: in orch.yaml',
	}),
	'confirmation.needed': entry<{ what: string; command: string }>({
		exit: 2,
		number: 'E129',
		message: ({ what }) => `${what} asks for confirmation, and there is no terminal to ask on`,
		hint: ({ command }) => command,
	}),
	'confirmation.refused': entry<Record<string, never>>({
		exit: 1,
		number: 'E167',
		message: () => 'nothing was done',
	}),
	'usage.unknown_command': entry<{
		command: string;
		under: string;
		candidates: readonly string[];
		hint?: string | undefined;
	}>({
		exit: 2,
		number: 'E160',
		message: ({ command, under, candidates }) => `'${command}' is not a command of '${under}'${didYouMean(candidates)}`,
		hint: ({ under, hint }) => hint ?? under.replace(/^orch/, 'orch help'),
	}),
	'usage.unknown_option': entry<{ option: string; command: string; candidates: readonly string[]; hint: string | undefined }>({
		exit: 2,
		number: 'E161',
		message: ({ option, command, candidates }) => `'${command}' has no option ${option}${didYouMean(candidates)}`,
		hint: ({ command, hint }) => hint ?? command.replace(/^orch/, 'orch help'),
	}),
	'usage.missing': entry<{ what: string; command: string }>({
		exit: 2,
		number: 'E162',
		message: ({ what, command }) => `'${command}' needs ${what}`,
		hint: ({ command }) => command.replace(/^orch/, 'orch help'),
	}),
	'usage.bad_value': entry<{
		value: string;
		option: string;
		expected: string;
		candidates: readonly string[];
		hint?: string | undefined;
	}>({
		exit: 2,
		number: 'E163',
		message: ({ value, option, expected, candidates }) =>
			`${option} is '${value}'; it must be ${expected}${didYouMean(candidates)}`,
		hint: ({ hint }) => hint,
	}),
	'usage.too_many': entry<{ arguments: readonly string[]; command: string; takes: string }>({
		exit: 2,
		number: 'E164',
		message: ({ arguments: extra, command, takes }) =>
			`'${command}' takes ${takes}, and does not know what to do with: ${extra.join(' ')}`,
		hint: ({ command }) => command.replace(/^orch/, 'orch help'),
	}),
	'usage.conflict': entry<{ reason: string; hint: string }>({
		exit: 2,
		number: 'E168',
		message: ({ reason }) => reason,
		hint: ({ hint }) => hint,
	}),
	'file.unreadable': entry<{ file: string; reason: string; frame?: readonly string[] }>({
		exit: 8,
		number: 'E165',
		message: ({ file, reason, frame }) =>
			`cannot read ${file}: ${reason}${(frame ?? []).map((line) => `\n    ${line}`).join('')}`,
	}),
	'file.unwritable': entry<{ file: string; reason: string }>({
		exit: 8,
		number: 'E169',
		message: ({ file, reason }) => `cannot write ${file}: ${reason}`,
	}),
	'systemd.missing': entry<{ instead: string }>({
		exit: 1,
		number: 'E170',
		message: () => 'systemd does not run on this machine, so there is nothing that would start orchd by a unit',
		hint: ({ instead }) => `${instead} shows the unit; without systemd: orch daemon start, or orch daemon start --foreground`,
	}),
	'systemd.refused': entry<{ line: string; reason: string }>({
		exit: 1,
		number: 'E171',
		message: ({ line, reason }) => `${line} failed: ${reason}`,
	}),
	'unit.differs': entry<{ file: string; diff: readonly string[]; again: string }>({
		exit: 7,
		number: 'E172',
		message: ({ file, diff }) => `${file} differs from what would be written${indented(diff)}`,
		hint: ({ again }) => `${again}        (what is to stay belongs into a drop-in: systemctl edit)`,
	}),
	'unit.foreign': entry<{ file: string; again: string }>({
		exit: 7,
		number: 'E173',
		message: ({ file }) => `${file} was not written by orch`,
		hint: ({ again }) => again,
	}),
	'wait.over': entry<{ name: string; goal: string; ms: number; state: string }>({
		exit: 124,
		number: 'E186',
		message: ({ name, goal, ms, state }) => `${name} ${goal} after ${duration(ms)}: ${state}`,
		hint: ({ name }) => `orch why ${name}`,
		retryable: true,
	}),
	'project.no_file': entry<{ directory: string }>({
		exit: 8,
		number: 'E209',
		message: ({ directory }) => `no project file: there is no orch.yaml in ${directory} or above it`,
		hint: () => 'orch init writes one; orch up -f FILE takes another',
	}),
	'project.not_loaded': entry<{ file: string }>({
		exit: 4,
		number: 'E208',
		message: ({ file }) => `no project is loaded from ${file}, and it cannot be read to tell its name`,
		hint: () => 'orch project list; orch down -p NAME',
	}),
	'project.not_this': entry<{ name: string; file: string; loaded: readonly string[] }>({
		exit: 4,
		number: 'E208',
		message: ({ name, file, loaded }) => `no project '${name}' is loaded; from ${file} are: ${loaded.join(', ')}`,
		hint: ({ loaded: [first] }) => `orch down -p ${first}`,
	}),
	'output.failed': entry<{ reason: string }>({
		exit: 1,
		number: 'E166',
		message: ({ reason }) => `cannot write the output: ${reason}`,
	}),
} as const;

export type ClientErrorCode = keyof typeof clientErrors;
type DataOf<Code extends ClientErrorCode> =
	(typeof clientErrors)[Code] extends Omit<ErrorEntry<infer Data>, 'status'> ? Data : never;

export class CliError<Code extends ClientErrorCode = ClientErrorCode> extends Error {
	override readonly name = 'CliError';
	readonly code: Code;
	readonly data: DataOf<Code>;

	constructor(code: Code, data: DataOf<Code>, options?: { readonly cause?: unknown }) {
		super((clientErrors[code] as Omit<ErrorEntry<unknown>, 'status'>).message(data), options);
		this.code = code;
		this.data = data;
	}
}

/** Nobody reads standard output any more: the command ends in silence. */
export class OutputClosed extends Error {
	override readonly name = 'OutputClosed';
}

/** What is shown of an error, and the exit code: of whichever side found it. */
export function toShownError(error: unknown): WireError {
	if (error instanceof RemoteError) return error.wire;
	if (error instanceof OrchError) return toWireError(error);
	if (error instanceof CliError) {
		const { number, exit, retryable, hint } = clientErrors[error.code as ClientErrorCode] as Omit<ErrorEntry<unknown>, 'status'>;
		const hinted = hint?.(error.data);
		return {
			code: error.code,
			number,
			message: error.message,
			...(hinted === undefined ? {} : { hint: hinted }),
			exit,
			retryable: retryable ?? false,
			data: error.data,
		};
	}
	return {
		code: 'internal',
		number: 'E154',
		message: `an internal error of orch: ${error instanceof Error ? error.message : String(error)}`,
		hint: 'run it again with -v to see where',
		exit: 1,
		retryable: false,
	};
}
