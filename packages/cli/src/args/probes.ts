/** Probes as they are typed: one check for each of startup, ready and live, and how often they look. */
import type { RuntimeOptions } from '@orch/protocol';
import { CliError } from '../errors.ts';
import { flag, list, type OptionValues, value } from '../option.ts';
import { BadValue } from './bad-value.ts';
import { parseDuration } from './duration.ts';
import { choice, integer } from './values.ts';
import { words } from './words.ts';

type Probes = NonNullable<RuntimeOptions['probes']>;
type Role = keyof Probes;
type Probe = NonNullable<Probes[Role]>;
type Check = Probe['check'];

const roles = ['startup', 'ready', 'live'] as const satisfies readonly Role[];

/** `http://localhost:3000/health`, `localhost:3000/health` or `:3000/health`. */
export function httpCheck(text: string): Check {
	const url = /^https?:\/\//.test(text) ? text : `http://${text.startsWith(':') ? 'localhost' : ''}${text}`;
	try {
		new URL(url);
	} catch {
		throw new BadValue('a URL, such as http://localhost:3000/health or :3000/health', []);
	}
	return { kind: 'http', url };
}

/** `5432`, `db.local:5432`, `[::1]:5432`. */
export function tcpCheck(text: string): Check {
	const { host, port } = /^(?:(?<host>.+):)?(?<port>\d+)$/.exec(text)?.groups ?? {};
	const number = Number(port);
	if (port === undefined || number < 1 || number > 65_535) throw new BadValue('a port or HOST:PORT, such as 5432', []);
	return { kind: 'tcp', port: number, ...(host === undefined ? {} : { host: host.replace(/^\[(.*)\]$/, '$1') }) };
}

export const execCheck = (text: string): Check => ({ kind: 'exec', command: words(text) });

export function logCheck(pattern: string): Check {
	try {
		if (pattern !== '') new RegExp(pattern, 'u');
	} catch (error) {
		throw new BadValue(`a regular expression (${error instanceof Error ? error.message : String(error)})`, []);
	}
	if (pattern === '') throw new BadValue('a regular expression, not nothing', []);
	return { kind: 'log', pattern };
}

interface Scoped<T> {
	/** Absent: of all that are given. */
	readonly role: Role | undefined;
	readonly value: T;
}

/** `10s` for all probes of the line, `live=10s` for one of them. */
const scoped =
	<T>(parse: (text: string) => T) =>
	(text: string): Scoped<T> => {
		const role = roles.find((one) => text.startsWith(`${one}=`));
		return { role, value: parse(role === undefined ? text : text.slice(role.length + 1)) };
	};

function header(text: string): { readonly name: string; readonly value: string } {
	const at = text.indexOf(':');
	const name = text.slice(0, at).trim();
	if (at < 1 || !/^[\w!#$%&'*+.^`|~-]+$/.test(name)) throw new BadValue("NAME: VALUE, such as 'Authorization: Bearer x'", []);
	return { name, value: text.slice(at + 1).trim() };
}

const stream = choice(['stdout', 'stderr']);
const statuses = (text: string): number[] => text.split(',').map(integer(100, 599));

export const probeOptions = {
	readyHttp: value('--ready-http URL', 'it is ready while this answers 200 to 399; :3000/health will do', httpCheck),
	readyTcp: value('--ready-tcp PORT', 'it is ready while PORT or HOST:PORT takes connections', tcpCheck),
	readyExec: value('--ready-exec COMMAND', 'it is ready while this ends with 0; for a shell write sh -c "…"', execCheck),
	readyLog: value('--ready-log PATTERN', 'it is ready once it has printed a line that matches', logCheck),
	readyNotify: flag('--ready-notify', 'it is ready once it says so: ready() of the SDK, or a newline to $ORCH_NOTIFY_FD'),
	startupHttp: value(
		'--startup-http URL',
		'until this has answered the other probes wait; if it never does, it has failed',
		httpCheck,
	),
	startupTcp: value('--startup-tcp PORT', 'the same by a connection', tcpCheck),
	startupExec: value('--startup-exec COMMAND', 'the same by a command', execCheck),
	startupLog: value('--startup-log PATTERN', 'the same by a line of its output', logCheck),
	startupNotify: flag('--startup-notify', 'the same by its own word'),
	liveHttp: value('--live-http URL', 'it is restarted when this fails', httpCheck),
	liveTcp: value('--live-tcp PORT', 'the same by a connection', tcpCheck),
	liveExec: value('--live-exec COMMAND', 'the same by a command', execCheck),
	liveLog: value('--live-log PATTERN', 'it is restarted when no line matches for so long as a look may take', logCheck),
	liveNotify: flag('--live-notify', 'it is restarted when it says nothing for so long'),
	probeEvery: list('--probe-every DURATION', 'from look to look (1s); for one probe live=10s', scoped(parseDuration)),
	probeTimeout: list('--probe-timeout DURATION', 'how long a look may take (1s)', scoped(parseDuration)),
	probeDelay: list('--probe-delay DURATION', 'from the start to the first look (0)', scoped(parseDuration)),
	probeFailures: list('--probe-failures N', 'failures in a row that make it fail (3, startup 60)', scoped(integer(1, 100_000))),
	probeSuccesses: list('--probe-successes N', 'successes in a row that make it succeed (1)', scoped(integer(1, 1000))),
	probeStatus: list('--probe-status LIST', 'HTTP statuses that are good, instead of 200 to 399: 200,204', scoped(statuses)),
	probeStream: list('--probe-stream STREAM', 'where a log probe looks, stdout or stderr; in both else', scoped(stream)),
	probeHeader: list('--probe-header HEADER', 'sent by HTTP probes: "NAME: VALUE"', scoped(header)),
} as const;

type Given = OptionValues<typeof probeOptions>;

/** Undefined where none is given. */
export function probesOf(given: Given): Probes | undefined {
	const checks: Readonly<Record<Role, readonly (Check | undefined)[]>> = {
		startup: [given.startupHttp, given.startupTcp, given.startupExec, given.startupLog, given.startupNotify ? notify : undefined],
		ready: [given.readyHttp, given.readyTcp, given.readyExec, given.readyLog, given.readyNotify ? notify : undefined],
		live: [given.liveHttp, given.liveTcp, given.liveExec, given.liveLog, given.liveNotify ? notify : undefined],
	};
	const probes: { [R in Role]?: Probe } = {};
	for (const role of roles) {
		const [check, other] = checks[role].filter((one) => one !== undefined);
		if (check && other)
			throw conflict(`there is one ${role} probe: --${role}-${check.kind} and --${role}-${other.kind} do not go together`);
		if (check) probes[role] = probeOf(role, check, given);
	}
	refuseStray(probes, given);
	return Object.keys(probes).length > 0 ? probes : undefined;
}

const notify: Check = { kind: 'notify' };
const conflict = (reason: string) => new CliError('usage.conflict', { reason, hint: 'orch help runtime add' });

function probeOf(role: Role, check: Check, given: Given): Probe {
	const timing = {
		everyMs: lastOf(role, given.probeEvery),
		timeoutMs: lastOf(role, given.probeTimeout),
		delayMs: lastOf(role, given.probeDelay),
		failures: lastOf(role, given.probeFailures),
		successes: lastOf(role, given.probeSuccesses),
	};
	const defined = Object.fromEntries(Object.entries(timing).filter(([, each]) => each !== undefined));
	return { check: detailed(role, check, given), ...defined };
}

function detailed(role: Role, check: Check, given: Given): Check {
	if (check.kind === 'log') {
		const one = lastOf(role, given.probeStream);
		return one === undefined ? check : { ...check, stream: one };
	}
	if (check.kind !== 'http') return check;
	const good = lastOf(role, given.probeStatus);
	const headers = (given.probeHeader ?? []).filter((one) => one.role === undefined || one.role === role);
	return {
		...check,
		...(good === undefined ? {} : { statuses: good }),
		...(headers.length === 0
			? {}
			: { headers: Object.fromEntries(headers.map(({ value: { name, value: text } }) => [name, text])) }),
	};
}

/** The last one holds; one that names its probe before one that names none. */
function lastOf<T>(role: Role, given: readonly Scoped<T>[] | undefined): T | undefined {
	const all = given ?? [];
	return (all.findLast((one) => one.role === role) ?? all.findLast((one) => one.role === undefined))?.value;
}

/** What would be of no use: a timing without its probe, a detail without a probe of the kind that has it. */
function refuseStray(probes: Probes, given: Given): void {
	const details = [
		['every', given.probeEvery, undefined],
		['timeout', given.probeTimeout, undefined],
		['delay', given.probeDelay, undefined],
		['failures', given.probeFailures, undefined],
		['successes', given.probeSuccesses, undefined],
		['status', given.probeStatus, 'http'],
		['header', given.probeHeader, 'http'],
		['stream', given.probeStream, 'log'],
	] as const;
	for (const [name, all, kind] of details) {
		for (const { role } of all ?? []) {
			const meant = (role === undefined ? roles : [role]).flatMap((one) => probes[one] ?? []);
			if (meant.some(({ check }) => kind === undefined || check.kind === kind)) continue;
			const wanted = [role, kind, 'probe'].filter((word) => word !== undefined).join(' ');
			throw conflict(`--probe-${name} is for a ${wanted}, and there is none`);
		}
	}
}
