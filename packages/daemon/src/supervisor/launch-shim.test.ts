import { expect, test } from 'vitest';
import {
	broodInvocation,
	isForGroup,
	isPassedOnByShells,
	LAUNCH_SHIM,
	launchText,
	SHIM_NAME,
	shimInvocation,
} from './launch-shim.ts';

const places = { cwd: "/it's", stdout: '/o', stderr: '/e', umask: 0o27 };
const where = "orch_shim_directory='/it'\\''s' orch_shim_stdout='/o' orch_shim_stderr='/e' orch_shim_umask=27\n";

test('a launch is text for a shell in which every word is quoted', () => {
	const launch = { program: '/bin/echo', args: ['-n', '$HOME; "x"', "it's", ''], env: { PATH: '/bin', X: '`y`' } };
	expect(launchText(places, launch)).toBe(
		`${where}set -- "$1" '/bin/echo' '-n' '$HOME; "x"' 'it'\\''s' ''\norch_shim_environment() { export PATH='/bin' X='\`y\`'; }\n`,
	);
});

test('a shim that is spawned with its launch is told only where things are', () => {
	expect(launchText(places, undefined)).toBe(`${where}orch_shim_environment() { :; }\n`);
	expect(shimInvocation('/f', { program: '/bin/echo', args: ['-n', ''], env: { PATH: '/bin' } })).toMatchObject({
		args: ['-c', LAUNCH_SHIM, SHIM_NAME, '/f', '/bin/echo', '-n', ''],
		env: { PATH: '/bin' },
	});
});

test('variables that a shell would drop or change travel through env', () => {
	const launch = { program: '/bin/run', args: ['x'], env: { 'discovery.type': 'single', IFS: ':', BASH_X: '1', HOME: '/root' } };
	const words = ['/usr/bin/env', 'discovery.type=single', 'IFS=:', 'BASH_X=1', '/bin/run', 'x'];
	expect(shimInvocation('/f', launch)).toMatchObject({
		args: ['-c', LAUNCH_SHIM, SHIM_NAME, '/f', ...words],
		env: { HOME: '/root' },
	});
	expect(launchText(places, launch)).toContain(`set -- "$1" ${words.map((word) => `'${word}'`).join(' ')}\n`);
});

test('a path that env would take for a variable is refused only where env is needed', () => {
	const launch = { program: '/opt/a=b/run', args: [] };
	expect(launchText(places, { ...launch, env: { HOME: '/' } })).toContain("'/opt/a=b/run'");
	expect(() => launchText(places, { ...launch, env: { 'x-y': '1' } })).toThrow(
		'Cannot launch /opt/a=b/run with the environment variable "x-y"',
	);
});

test('each shim of a brood has a socket of its own and none of the others', () => {
	const { args, stdio } = broodInvocation({ shell: '/bin/sh', setsid: '/usr/bin/setsid', files: ['/a', '/b'] });
	expect(args).toEqual([
		'-c',
		`"$2" "$3" -c "$1" ${SHIM_NAME} "\${4}" </dev/null 4<&- 6>&1 >/dev/null | ` +
			`"$2" "$3" -c "$1" ${SHIM_NAME} "\${5}" </dev/null 3<&4 4<&- 6>&1 >/dev/null | :`,
		SHIM_NAME,
		LAUNCH_SHIM,
		'/usr/bin/setsid',
		'/bin/sh',
		'/a',
		'/b',
	]);
	expect(stdio).toEqual(['ignore', 'ignore', 'ignore', 'pipe', 'pipe']);
});

test('names are passed on by shells when they are identifiers and not names of shells', () => {
	const names = ['HOME', '_x1', 'LC_ALL', 'PWD', 'a.b', 'A-B', '1A', '', 'BASH_FUNC_f%%', 'IFS', 'SHELLOPTS'];
	expect(names.filter(isPassedOnByShells)).toEqual(['HOME', '_x1', 'LC_ALL', 'PWD']);
});

test('signals that would end the shim without a record are not for the group', () => {
	const signals = ['SIGTERM', 'SIGINT', 'SIGUSR2', 'SIGKILL', 'SIGSTOP', 'SIGCONT', 'SIGSEGV', 'SIGIO', 'SIGPWR'] as const;
	expect(signals.filter(isForGroup)).toEqual(['SIGTERM', 'SIGINT', 'SIGUSR2', 'SIGKILL', 'SIGSTOP', 'SIGCONT']);
});
