import { plain } from '@orch/base/text';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { errors, OrchError, RemoteError } from '@orch/protocol/wire';
import { describe, expect, it } from 'vitest';
import { CliError, type ClientErrorCode, clientErrors, toShownError } from './errors.ts';
import { explanations } from './explanations.ts';
import { exitCodes } from './help.ts';
import { renderError } from './render/error.ts';

const text = (error: Error): string => renderError(toShownError(error), { style: plain, verbose: false });

/** Every error of the client, as it is read. */
const golden: {
	readonly [Code in ClientErrorCode]: readonly [data: ConstructorParameters<typeof CliError<Code>>[1], text: string];
} = {
	'daemon.not_running': [
		{ socket: '/run/user/1000/orch/orchd.sock' },
		`orch: orchd is not running (no socket at /run/user/1000/orch/orchd.sock)
hint: orch daemon start        (reading commands do not start it; orch up and orch runtime add do)
`,
	],
	'daemon.stale_socket': [
		{ socket: '/run/o.sock', pid: 4211, log: '/state/orchd.log', lastLine: '13:58:02 fatal: out of memory' },
		`orch: a socket is left at /run/o.sock but nothing answers (orchd, pid 4211, is gone)
  last line of /state/orchd.log: 13:58:02 fatal: out of memory
hint: orch daemon start        (removes the stale socket; runtimes still alive are adopted)
`,
	],
	'daemon.unheard': [
		{ socket: '/run/o.sock', pid: 4211, state: 'cannot listen: cannot make the directory /run: EACCES' },
		`orch: orchd runs (pid 4211), but nobody listens at /run/o.sock: its socket was removed, and it cannot listen: cannot make the directory /run: EACCES
hint: kill -USR2 4211; orch daemon start        (all runtimes are kept; or make the directory of the socket usable again)
`,
	],
	'daemon.socket_denied': [
		{ socket: '/run/user/1001/orch/orchd.sock', owner: 'ana', mode: '0600', self: 'ben' },
		`orch: permission denied: /run/user/1001/orch/orchd.sock belongs to ana (mode 0600), you are ben
hint: sudo -u ana orch ps
`,
	],
	'daemon.foreign_directory': [
		{ directory: '/tmp/orch-1000', owner: 'mallory', self: 'ben' },
		`orch: the directory /tmp/orch-1000 belongs to mallory, you are ben: no orchd in it can be trusted
hint: name another socket: export ORCH_SOCKET=/path/orchd.sock
`,
	],
	'daemon.not_a_socket': [
		{ path: '/etc/hosts', kind: 'a file' },
		`orch: /etc/hosts is a file, not the socket of an orchd
hint: check ORCH_SOCKET
`,
	],
	'daemon.unreachable': [
		{ socket: '/run/o.sock', reason: 'connect EMFILE /run/o.sock' },
		'orch: cannot reach orchd at /run/o.sock: connect EMFILE /run/o.sock\n',
	],
	'daemon.start_failed': [
		{ reason: 'it ended with exit code 1', log: '/state/orchd.log', lines: ['one', 'two'] },
		`orch: orchd did not start: it ended with exit code 1
  last lines of /state/orchd.log:
    one
    two
hint: orch daemon start --foreground
`,
	],
	'state.unusable': [
		{ home: '/nonexistent/.local/state/orch', reason: '/nonexistent cannot be made: permission denied' },
		`orch: cannot keep the state in /nonexistent/.local/state/orch: /nonexistent cannot be made: permission denied
hint: export ORCH_HOME=/a/directory/of/yours
`,
	],
	'daemon.not_stopped': [
		{ pid: 4211, ms: 15_000 },
		`orch: orchd has answered that it stops, but after 15 s its pid 4211 is still there
hint: orch daemon logs
`,
	],
	'socket.too_long': [
		{ path: '/very/long/orchd.sock', bytes: 131, limit: 107 },
		`orch: socket path is 131 bytes, the system allows 107: /very/long/orchd.sock
hint: export ORCH_SOCKET=/tmp/orch.sock
`,
	],
	'program.not_found': [
		{ program: "'pign'", where: 'is not on PATH', candidates: ['ping'], hint: 'check it' },
		`orch: cannot add runtime: 'pign' is not on PATH
  did you mean: ping
hint: check it
`,
	],
	'message.invalid': [
		{ what: 'message body', reason: 'unexpected end at line 1, column 2', frame: ['{', ' ^'], hint: 'quote it' },
		`orch: message body is not JSON: unexpected end at line 1, column 2
    {
     ^
hint: quote it
`,
	],
	'message.too_long': [
		{ what: 'body.json', bytes: 17_825_792, limit: 16_777_184 },
		'orch: cannot send body.json: a message takes at most 16777184 bytes, this one has 17825792\nhint: send it in parts\n',
	],
	'type.no_schema': [{ type: 'Ping' }, 'orch: no project declares a schema for Ping\nhint: types: in orch.yaml\n'],
	'confirmation.needed': [
		{ what: 'stopping and forgetting everything', command: 'orch clear --yes' },
		`orch: stopping and forgetting everything asks for confirmation, and there is no terminal to ask on
hint: orch clear --yes
`,
	],
	'confirmation.refused': [{}, 'orch: nothing was done\n'],
	'usage.unknown_command': [
		{ command: 'runtme', under: 'orch', candidates: ['runtime'] },
		"orch: 'runtme' is not a command of 'orch'\n  did you mean: runtime\nhint: orch help\n",
	],
	'usage.unknown_option': [
		{ option: '--jsn', command: 'orch ps', candidates: ['--json'], hint: undefined },
		"orch: 'orch ps' has no option --jsn\n  did you mean: --json\nhint: orch help ps\n",
	],
	'usage.missing': [{ what: 'RUNTIME', command: 'orch start' }, "orch: 'orch start' needs RUNTIME\nhint: orch help start\n"],
	'usage.bad_value': [
		{ value: 'alway', option: '--restart', expected: 'one of: no, always', candidates: ['always'] },
		"orch: --restart is 'alway'; it must be one of: no, always\n  did you mean: always\n",
	],
	'usage.too_many': [
		{ arguments: ['b', 'c'], command: 'orch status', takes: 'no more than RUNTIME' },
		"orch: 'orch status' takes no more than RUNTIME, and does not know what to do with: b c\nhint: orch help status\n",
	],
	'usage.conflict': [{ reason: 'not both', hint: 'orch help' }, 'orch: not both\nhint: orch help\n'],
	'wait.over': [
		{ name: 'web', goal: 'is not ready', ms: 1000, state: 'it is running' },
		'orch: web is not ready after 1s: it is running\nhint: orch why web\n',
	],
	'file.unreadable': [
		{ file: 'a.env', reason: 'line 2: expected NAME=VALUE', frame: ['oops'] },
		'orch: cannot read a.env: line 2: expected NAME=VALUE\n    oops\n',
	],
	'file.unwritable': [{ file: '/etc/x', reason: 'EACCES' }, 'orch: cannot write /etc/x: EACCES\n'],
	'systemd.missing': [
		{ instead: 'orch daemon install --print' },
		`orch: systemd does not run on this machine, so there is nothing that would start orchd by a unit
hint: orch daemon install --print shows the unit; without systemd: orch daemon start, or orch daemon start --foreground
`,
	],
	'systemd.refused': [
		{ line: 'systemctl --user daemon-reload', reason: 'Failed to connect to bus' },
		'orch: systemctl --user daemon-reload failed: Failed to connect to bus\n',
	],
	'unit.differs': [
		{ file: '/etc/x.service', diff: ['- a', '+ b'], again: 'orch daemon install --force' },
		`orch: /etc/x.service differs from what would be written
  - a
  + b
hint: orch daemon install --force        (what is to stay belongs into a drop-in: systemctl edit)
`,
	],
	'unit.foreign': [
		{ file: '/etc/x.service', again: 'orch daemon uninstall --force' },
		'orch: /etc/x.service was not written by orch\nhint: orch daemon uninstall --force\n',
	],
	'project.no_file': [
		{ directory: '/home/ana' },
		`orch: no project file: there is no orch.yaml in /home/ana or above it
hint: orch init writes one; orch up -f FILE takes another
`,
	],
	'project.not_this': [
		{ name: 'store', file: 'orch.yaml', loaded: ['shop', 'kiosk'] },
		`orch: no project 'store' is loaded; from orch.yaml are: shop, kiosk
hint: orch down -p shop
`,
	],
	'project.not_loaded': [
		{ file: 'orch.yaml' },
		`orch: no project is loaded from orch.yaml, and it cannot be read to tell its name
hint: orch project list; orch down -p NAME
`,
	],
	'output.failed': [{ reason: 'no space left on device' }, 'orch: cannot write the output: no space left on device\n'],
};

describe('every error of the client', () => {
	it.each(Object.keys(clientErrors) as ClientErrorCode[])('%s reads as it should', (code) => {
		const [data, expected] = golden[code];
		expect(text(new CliError(code, data as never))).toBe(expected);
	});

	it('ends with a code of the table, and has a number', () => {
		const known = exitCodes.map(([code]) => code);
		for (const { exit, number } of Object.values(clientErrors)) {
			expect(known).toContain(exit);
			expect(number).toMatch(/^E\d{3}$/);
		}
	});
});

describe('other errors', () => {
	it('of the daemon are shown in its own words, also when they are not known here', () => {
		const wire = { code: 'future.code', number: 'E999', message: 'something new', hint: 'orch new', exit: 3, retryable: false };
		expect(toShownError(new RemoteError(wire))).toEqual(wire);
	});

	it('of the wire keep their exit code', () => {
		expect(toShownError(new OrchError('disconnected', { reason: 'it went away' }))).toMatchObject({
			exit: 5,
			message: 'the connection ended before the answer: it went away',
		});
	});

	it('that are bugs say so, and how to learn more', () => {
		expect(text(new TypeError('x is not a function'))).toBe(
			'orch: an internal error of orch: x is not a function\nhint: run it again with -v to see where\n',
		);
	});
});

it('every number of an error is explained, and nothing else is', () => {
	const inFiles = readFileSync(fileURLToPath(new URL('../../daemon/src/projects/problem.ts', import.meta.url)), 'utf8');
	const numbers = [
		...Object.values(errors).map(({ number }) => number),
		...Object.values(clientErrors).map(({ number }) => number),
		...[...inFiles.matchAll(/'(E\d+)'/g)].map(([, number]) => number),
	];
	expect(Object.keys(explanations)).toEqual([...new Set(numbers)].sort());
});
