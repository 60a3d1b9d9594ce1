// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of project files are written so
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { loadProject } from './load.ts';
import { locateProgram } from './locate.ts';
import { readProjectFile } from './read-file.ts';
import { loadText, portsOf } from '../testing/load.ts';

const directory = mkdtempSync(join(tmpdir(), 'orch-sentences-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** What is said of a file, each with its number and its place. */
const sentences = (text: string): string[] =>
	loadText(text).problems.map(({ number, message, at }) => `${number} ${at?.line}:${at?.column} ${message}`);
const ofRuntime = (lines: string): string => `runtimes:\n  a:\n    command: x\n${lines}`;

describe('the sentences about project files that no other test reads', () => {
	it.each([
		[
			'a file that is too large',
			`name: ${'x'.repeat(1024 * 1024)}`,
			['E205 1:1 orch.yaml has 1048582 bytes; a project file may have 1048576'],
		],
		[
			'a file that is too deep',
			`types: {A: ${'['.repeat(100)}${']'.repeat(100)}}`,
			['E205 1:75 nested too deeply: a project file may be 64 levels deep'],
		],
		['an alias within what it names', 'x-a: &a [*a]\n', ['E115 1:10 *a stands within what it names']],
		['a merge of what is no map', 'runtimes:\n  a:\n    <<: 1\n    command: x\n', ['E115 3:5 << takes a map, or a list of maps']],
		[
			'items that do not line up',
			'links:\n  - a -X-> b\n - a -Y-> b\n',
			['E115 3:1 indentation: this item does not line up with the items above it'],
		],
		[
			'what cannot stand there',
			'name: [a]]\n',
			['E115 1:10 this cannot stand here: the indentation, or a quote before it, may be wrong'],
		],
		['a map that is not closed', 'env: {A: 1\nname: x\n', ['E115 2:1 a map that was opened by { is not closed before this']],
		[
			'a command without a word',
			'runtimes:\n  a: {command: ""}\n',
			[
				"E117 2:16 runtimes.a.command is ''; it must be a command: a text that is split at spaces (quotes keep words together), or a list of words",
			],
		],
		[
			'a command whose first word is empty',
			`runtimes:\n  a: {command: "'' x"}\n`,
			['E117 2:16 runtimes.a.command: the command cannot be used: its first word is empty'],
		],
		[
			'a list that is too short',
			'runtimes:\n  a: {command: []}\n',
			['E117 2:16 runtimes.a.command is a list; it must be a list of at least 1'],
		],
		[
			'an address that is none',
			ofRuntime('    probes: {ready: "tcp:host"}\n'),
			["E117 4:21 runtimes.a.probes.ready: 'host' is no address; it must be a port from 1 to 65535, or host:port"],
		],
		[
			'a name that is none',
			'name: -x\n',
			["E117 1:7 name is '-x'; it must be letters, digits, _ . + -, at most 64, not starting with . + or -"],
		],
		[
			'a variable that is not closed',
			'name: a\nenv: {A: "${B"}\n',
			["E201 2:11 '${B' is opened and never closed; a dollar itself is $$"],
		],
		['a variable that is none', 'name: a\nenv: {A: "${1B}"}\n', ["E201 2:11 '${1B}' is no variable; a dollar itself is $$"]],
		[
			'defaults of defaults of defaults',
			`name: a\nenv: {A: "${'${A:-'.repeat(40)}${'}'.repeat(40)}"}\n`,
			['E201 2:51 variables in defaults nest too deeply'],
		],
		[
			'both jobs and steps',
			'workflows: {w: {jobs: {a: {steps: [{run: x}]}}, steps: [{run: x}]}}\n',
			['E117 1:49 workflows.w has both jobs and steps; it must have one of them'],
		],
		[
			'a step that does nothing',
			'workflows: {w: {steps: [{name: x}]}}\n',
			['E117 1:25 workflows.w.steps[0] must have one of run, action, uses, approval, wait; it has none of them'],
		],
		['a link to anybody', `${ofRuntime('')}links: [a -X-> *]\n`, ['E117 4:9 a link goes to a runtime, not to *']],
	])('%s', (_what, text, said) => {
		expect(sentences(text)).toEqual(said);
	});

	it('programs that cannot be used, by the disk', () => {
		writeFileSync(join(directory, 'plain'), '', { mode: 0o644 });
		const faultOf = (program: string) => {
			const located = locateProgram(program, directory, '/nowhere', (_name, known) => [...known]);
			return 'fault' in located ? [located.fault, located.candidates] : located;
		};
		expect(faultOf('./plain')).toEqual(['is there, but cannot be executed (chmod +x ./plain)', []]);
		expect(faultOf('./plane')).toEqual([`does not exist (looked in ${directory})`, ['./plain']]);
		expect(faultOf('plain')).toEqual(['is not on PATH', ['./plain']]);
	});

	it('files that cannot be read, by the disk', () => {
		writeFileSync(join(directory, 'large'), 'x'.repeat(4 * 1024 * 1024 + 1));
		expect(readProjectFile(directory)).toEqual({ fault: 'unreadable', reason: 'it is a directory' });
		expect(readProjectFile('/dev/null')).toEqual({ fault: 'unreadable', reason: 'it is no file' });
		expect(readProjectFile(join(directory, 'large'))).toEqual({
			fault: 'unreadable',
			reason: 'it has 4194305 bytes; 1048576 are taken',
		});
		expect(readProjectFile(join(directory, 'large', 'x'))).toEqual({ fault: 'missing', reason: 'there is no such file' });
	});

	it('a .env that cannot be read', () => {
		const request = {
			files: [{ path: '/shop/orch.yaml', name: 'orch.yaml' }],
			profiles: [],
			environment: {},
			inherited: {},
		};
		const ports = portsOf(new Map([['/shop/orch.yaml', 'name: a\n']]));
		const { problems } = loadProject(request, {
			...ports,
			read: (path) => (path.endsWith('.env') ? { fault: 'unreadable', reason: 'permission denied' } : ports.read(path)),
		});
		expect(problems.map(({ number, message }) => `${number} ${message}`)).toEqual(['E204 cannot read .env: permission denied']);
	});
});
