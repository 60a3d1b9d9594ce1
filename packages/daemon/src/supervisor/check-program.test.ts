import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkProgram, ProgramChecks } from './check-program.ts';
import { describeLaunchFault, faultOfSystem } from './faults.ts';

let directory: string;
beforeAll(() => {
	directory = mkdtempSync(join(tmpdir(), 'orch-check-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

const file = (name: string, content: string | Uint8Array, mode = 0o755): string => {
	const path = join(directory, name);
	writeFileSync(path, content);
	chmodSync(path, mode);
	return path;
};
/** The first bytes of a 64-bit little-endian binary. */
const elf = (machine: number): Uint8Array => {
	const head = Buffer.alloc(64);
	head.write('\x7fELF', 'latin1');
	head.set([2, 1, 1], 4);
	head.writeUInt16LE(machine, 18);
	return head;
};

test('what can be launched has no fault', () => {
	symlinkSync('/bin/sh', join(directory, 'link'));
	const programs = [
		'/bin/sh',
		process.execPath,
		join(directory, 'link'),
		file('script', '#!/bin/sh\n'),
		file('spaced', '#! \t/usr/bin/env sh\n'),
	];
	expect(programs.map((program) => checkProgram(program, directory))).toEqual(programs.map(() => undefined));
	mkdirSync(join(directory, 'relative'));
	copyFileSync('/bin/sh', join(directory, 'relative/sh'));
	expect(checkProgram(file('relative-interpreter', '#!relative/sh\n'), directory)).toBeUndefined();
});

test('supervision 3.1.17: what cannot be launched has a fault of its own each', () => {
	const program = (name: string) => join(directory, name);
	mkdirSync(program('directory'));
	symlinkSync(program('nowhere'), program('dangling'));
	expect([
		checkProgram('/bin/sh', program('missing')),
		checkProgram('/bin/sh', file('file', '')),
		checkProgram(program('missing'), directory),
		checkProgram(program('dangling'), directory),
		checkProgram(program('directory'), directory),
		checkProgram(file('plain', '#!/bin/sh\n', 0o644), directory),
		checkProgram(file('text', 'echo hello\n'), directory),
		checkProgram(file('empty', ''), directory),
		checkProgram(file('blank', '#!\n'), directory),
		checkProgram(file('no-interpreter', '#!/usr/bin/pyhton3 -u\n'), directory),
		checkProgram(file('carriage-return', '#!/bin/sh\r\n'), directory),
		checkProgram(file('interpreter-is-directory', '#!/usr\n'), directory),
	]).toEqual([
		{ kind: 'cwd_missing', cwd: program('missing') },
		{ kind: 'cwd_missing', cwd: program('file') },
		{ kind: 'not_found', program: program('missing') },
		{ kind: 'not_found', program: program('dangling') },
		{ kind: 'is_directory', program: program('directory') },
		{ kind: 'not_executable', program: program('plain'), mode: '0644' },
		{ kind: 'wrong_format', program: program('text') },
		{ kind: 'wrong_format', program: program('empty') },
		{ kind: 'wrong_format', program: program('blank') },
		{ kind: 'missing_interpreter', program: program('no-interpreter'), interpreter: '/usr/bin/pyhton3' },
		{ kind: 'missing_interpreter', program: program('carriage-return'), interpreter: '/bin/sh\r' },
		{ kind: 'missing_interpreter', program: program('interpreter-is-directory'), interpreter: '/usr' },
	]);
});

describe.skipIf(process.platform !== 'linux' || process.arch !== 'x64')('of binaries, on x86-64', () => {
	test('supervision 3.1.17: one for another machine is told by both machines', () => {
		expect(checkProgram(file('arm', elf(183)), directory)).toEqual({
			kind: 'wrong_machine',
			program: join(directory, 'arm'),
			machine: 'arm64',
			here: 'x86_64',
		});
		expect(checkProgram(file('odd', elf(4711)), directory)).toMatchObject({ machine: 'machine 4711' });
	});

	test('supervision 3.1.17: one for another C library is told by its loader', () => {
		const binary = Buffer.concat([elf(62), Buffer.alloc(56), Buffer.from('/lib/ld-none-x86_64.so.1\0')]);
		binary.writeBigUInt64LE(64n, 32);
		binary.writeUInt16LE(56, 54);
		binary.writeUInt16LE(1, 56);
		binary.writeUInt32LE(3, 64);
		binary.writeBigUInt64LE(120n, 64 + 8);
		binary.writeBigUInt64LE(25n, 64 + 32);
		expect(checkProgram(file('other-library', binary), directory)).toEqual({
			kind: 'missing_loader',
			program: join(directory, 'other-library'),
			loader: '/lib/ld-none-x86_64.so.1',
		});
	});

	test('one whose tables are nonsense is left to the system', () => {
		const nonsense = Buffer.from(elf(62));
		nonsense.fill(0xff, 32);
		expect(checkProgram(file('nonsense', nonsense), directory)).toBeUndefined();
		expect(checkProgram(file('cut', Buffer.from(elf(62)).subarray(0, 20)), directory)).toBeUndefined();
	});
});

test.each([
	['#!/bin/sh\r\necho\r\n', '/bin/sh\r'],
	['#!/usr/bin/env python3\r\n', 'python3\r'],
])('a script with the line ends of Windows is told as such: %j', (text, interpreter) => {
	const program = join(directory, 'windows');
	const fault = checkProgram(file('windows', text), directory);
	expect(fault).toEqual({ kind: 'missing_interpreter', program, interpreter });
	expect(fault && describeLaunchFault(fault)).toBe(
		`${program} has the line ends of Windows (CRLF): its first line names '${JSON.stringify(interpreter).slice(1, -1)}', which does not exist here`,
	);
});

test('a carriage return behind an option is left to the interpreter: some take it', () => {
	for (const line of ['#!/bin/sh -e\r\n', '#!/usr/bin/env -S sh -e\r\n'])
		expect(checkProgram(file('windows', line), directory)).toBeUndefined();
});

test('supervision 3.1.17: refusals of the system are told apart', () => {
	const fault = (code: string) => faultOfSystem(Object.assign(new Error(`spawn ${code}`), { code }));
	expect(['E2BIG', 'EAGAIN', 'ENOMEM', 'EMFILE', 'ENFILE', 'ENOSPC', 'EDQUOT', 'EIO'].map((code) => fault(code))).toEqual([
		{ kind: 'too_big' },
		{ kind: 'no_processes' },
		{ kind: 'no_memory' },
		{ kind: 'no_descriptors' },
		{ kind: 'no_descriptors' },
		{ kind: 'no_space' },
		{ kind: 'no_space' },
		{ kind: 'system', code: 'EIO', reason: 'spawn EIO' },
	]);
});

test('a program that was looked at is looked at again once anything about it has changed', () => {
	const checks = new ProgramChecks();
	const program = file('changing', '#!/bin/sh\n');
	const kind = () => checks.check(program, directory)?.kind;
	expect([kind(), kind()]).toEqual([undefined, undefined]);
	chmodSync(program, 0o644);
	expect(kind()).toBe('not_executable');
	chmodSync(program, 0o755);
	expect([kind(), kind()]).toEqual([undefined, undefined]);
	file('changing', '#!/no/such/interpreter\n');
	expect([kind(), kind()]).toEqual(['missing_interpreter', 'missing_interpreter']);
	rmSync(program);
	expect(kind()).toBe('not_found');
	mkdirSync(join(directory, 'gone'));
	const there = file('there', '#!/bin/sh\n');
	expect(checks.check(there, join(directory, 'gone'))).toBeUndefined();
	rmSync(join(directory, 'gone'), { recursive: true });
	expect(checks.check(there, join(directory, 'gone'))?.kind).toBe('cwd_missing');
});
