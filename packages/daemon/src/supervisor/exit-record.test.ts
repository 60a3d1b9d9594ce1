import { expect, test } from 'vitest';
import { type ExitStatus, readExitRecord, readProgramPid } from './exit-record.ts';

const record = (words: string, code: number) => `pid 41\ntold\n${words}exit ${code}\n`;
const job = `( case $orch_shim_locale in \n    x*)\n        LC_ALL=\${orch_shim_locale#x}\n    ;;\nesac; exec "$@" 2>&4 )\n`;

test('without a word of the shell every code is itself, but for the two signals on which shells are silent', () => {
	for (let code = 0; code < 256; code++) {
		if (code !== 130 && code !== 141) expect(readExitRecord(record('', code), false)).toEqual({ kind: 'code', code });
	}
});

test.each<[what: string, text: string, status: ExitStatus]>([
	['dash and busybox on a crash', record('Segmentation fault\n', 139), { kind: 'signal', signal: 'SIGSEGV', coreDumped: false }],
	[
		'dash and busybox on a crash with a core',
		record('Segmentation fault (core dumped)\n', 139),
		{ kind: 'signal', signal: 'SIGSEGV', coreDumped: true },
	],
	[
		'bash on a crash',
		record(`orch-shim: line 1:  41 Bus error               ${job}`, 135),
		{ kind: 'signal', signal: 'SIGBUS', coreDumped: false },
	],
	[
		'bash on a crash with a core',
		record(`orch-shim: line 1:  41 Aborted                 (core dumped) ${job}`, 134),
		{ kind: 'signal', signal: 'SIGABRT', coreDumped: true },
	],
	['bash on a signal that it traps', record('Terminated\n', 143), { kind: 'signal', signal: 'SIGTERM', coreDumped: false }],
	[
		'words in another language',
		record('Speicherzugriffsfehler\n', 139),
		{ kind: 'signal', signal: 'SIGSEGV', coreDumped: false },
	],
	['SIGKILL from someone else', record('Killed\n', 137), { kind: 'signal', signal: 'SIGKILL', coreDumped: false }],
	['a signal with two names', record('I/O possible\n', 157), { kind: 'signal', signal: 'SIGIO', coreDumped: false }],
	['a real-time signal', record('Real-time signal 6\n', 168), { kind: 'signal', signal: 'SIG40', coreDumped: false }],
	['SIGINT, on which shells are silent', record('', 130), { kind: 'signal', signal: 'SIGINT', coreDumped: false }],
	['SIGPIPE, on which shells are silent', record('', 141), { kind: 'signal', signal: 'SIGPIPE', coreDumped: false }],
	[
		'SIGPIPE of a shell that is not silent',
		record('Broken pipe\n', 141),
		{ kind: 'signal', signal: 'SIGPIPE', coreDumped: false },
	],
	[
		'complaints from before the launch',
		`sh: warning: setlocale: LC_ALL: cannot change locale (xx)\n${record('', 139)}`,
		{ kind: 'code', code: 139 },
	],
	['end of file in place of go', 'not launched\n', { kind: 'not_launched', reason: '' }],
	[
		'a launch that failed in the shell',
		'orch-shim: 1: 4: Bad file descriptor\nexit 2\n',
		{ kind: 'not_launched', reason: 'orch-shim: 1: 4: Bad file descriptor' },
	],
	['nothing at all', '', { kind: 'unknown', reason: '' }],
	['complaints and then nothing', 'orch-shim: 1: Cannot fork\n', { kind: 'unknown', reason: 'orch-shim: 1: Cannot fork' }],
	['a launch whose pid nobody heard', 'pid 41\nexit 141\n', { kind: 'not_launched', reason: '' }],
	['the same of a shell that is not silent', 'pid 41\nBroken pipe\nexit 141\n', { kind: 'not_launched', reason: '' }],
	[
		'a signal between pid and program',
		'pid 41\nTerminated\nexit 143\n',
		{ kind: 'signal', signal: 'SIGTERM', coreDumped: false },
	],
	['a launch without an end', 'pid 41\ntold\n', { kind: 'unknown', reason: '' }],
	['a line that is still being written', 'pid 41\ntold\nexit 1', { kind: 'unknown', reason: '' }],
])('reads %s', (_, text, status) => {
	expect(readExitRecord(text, false)).toEqual(status);
});

test('SIGKILL by us explains a record without an end, and does not change one that has an end', () => {
	expect(readExitRecord('pid 41\ntold\n', true)).toEqual({ kind: 'signal', signal: 'SIGKILL', coreDumped: false });
	expect(readExitRecord('', true)).toEqual({ kind: 'not_launched', reason: '' });
	expect(readExitRecord(record('', 3), true)).toEqual({ kind: 'code', code: 3 });
});

test('the pid is known as soon as its line is whole', () => {
	expect(['', 'pid 4', 'noise\npid 41\n', record('Killed\n', 137), 'not launched\n'].map(readProgramPid)).toEqual([
		undefined,
		undefined,
		41,
		41,
		undefined,
	]);
});
