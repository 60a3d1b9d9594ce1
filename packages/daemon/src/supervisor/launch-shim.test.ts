import { expect, test } from 'vitest';
import { isForGroup, isPassedOnByShells, LAUNCH_SHIM, SHIM_NAME, shimInvocation } from './launch-shim.ts';

test('the program and its arguments follow the script as they are', () => {
	expect(shimInvocation({ program: '/bin/echo', args: ['-n', '$HOME; "x"', ''], env: { PATH: '/bin' } })).toEqual({
		args: ['-c', LAUNCH_SHIM, SHIM_NAME, '/bin/echo', '-n', '$HOME; "x"', ''],
		env: { PATH: '/bin' },
	});
});

test('variables that a shell would drop or change travel through env', () => {
	expect(
		shimInvocation({ program: '/bin/run', args: ['x'], env: { 'discovery.type': 'single', IFS: ':', HOME: '/root' } }),
	).toEqual({
		args: ['-c', LAUNCH_SHIM, SHIM_NAME, '/usr/bin/env', 'discovery.type=single', 'IFS=:', '/bin/run', 'x'],
		env: { HOME: '/root' },
	});
});

test('a path that env would take for a variable is refused only where env is needed', () => {
	const launch = { program: '/opt/a=b/run', args: [] };
	expect(shimInvocation({ ...launch, env: { HOME: '/' } }).args).toContain('/opt/a=b/run');
	expect(() => shimInvocation({ ...launch, env: { 'x-y': '1' } })).toThrow(
		'Cannot launch /opt/a=b/run with the environment variable "x-y"',
	);
});

test('names are passed on by shells when they are identifiers and not names of shells', () => {
	const names = ['HOME', '_x1', 'LC_ALL', 'PWD', 'a.b', 'A-B', '1A', '', 'BASH_FUNC_f%%', 'IFS', 'SHELLOPTS'];
	expect(names.filter(isPassedOnByShells)).toEqual(['HOME', '_x1', 'LC_ALL', 'PWD']);
});

test('signals that would end the shim without a record are not for the group', () => {
	const signals = ['SIGTERM', 'SIGINT', 'SIGUSR2', 'SIGKILL', 'SIGSTOP', 'SIGCONT', 'SIGSEGV', 'SIGIO', 'SIGPWR'] as const;
	expect(signals.filter(isForGroup)).toEqual(['SIGTERM', 'SIGINT', 'SIGUSR2', 'SIGKILL', 'SIGSTOP', 'SIGCONT']);
});
