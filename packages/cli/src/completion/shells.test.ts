// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are the shells' own
/** The scripts in the shells that they are for, with the program as it is installed. A shell that is missing is skipped, and says so. */
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { buildCli } from '../testing/build.ts';
import { type FakeDaemon, startFakeDaemon } from '../testing/fake-daemon.ts';
import { runCli } from '../testing/run-cli.ts';
import { scripts, shells } from './scripts.ts';

const has = Object.fromEntries(
	shells.map((shell) => [shell, spawnSync(shell, ['-c', 'exit 0'], { stdio: 'ignore' }).status === 0]),
) as Record<(typeof shells)[number], boolean>;

let directory: string;
let daemon: FakeDaemon;
beforeAll(async () => {
	directory = mkdtempSync(join(tmpdir(), 'orch-completion-'));
	const { program } = await buildCli(directory);
	mkdirSync(join(directory, 'path'));
	writeFileSync(join(directory, 'path/orch'), `#!/bin/sh\nexec "${process.execPath}" "${program}" "$@"\n`);
	chmodSync(join(directory, 'path/orch'), 0o755);
	for (const shell of shells) writeFileSync(join(directory, `orch.${shell}`), scripts[shell]);
	mkdirSync(join(directory, 'work/sub'), { recursive: true });
	writeFileSync(join(directory, 'work/some file'), '');
	daemon = await startFakeDaemon();
});
afterAll(async () => {
	await daemon[Symbol.asyncDispose]();
	rmSync(directory, { recursive: true, force: true });
});

const odd = [
	'a b',
	"it's",
	'$(touch pwned)',
	'`touch pwned`',
	'say "x"',
	'back\\slash',
	'c:d=e',
	'*',
	'~x',
	'-dash',
	'Größe→',
	'; ls &',
];
beforeEach(() => {
	daemon.runtimes.clear();
	daemon.links.length = 0;
	daemon.addRuntime('ping', { status: 'running', pid: 7 });
	daemon.addRuntime('pong');
	for (const type of odd) daemon.addLink('ping', `odd ${type}`, 'pong');
});

interface Ended {
	readonly code: number | null;
	readonly out: string;
	readonly err: string;
}

/** Not the synchronous way: the daemon lives in this process. */
function run(shell: string, args: readonly string[]): Promise<Ended> {
	const env = {
		PATH: `${join(directory, 'path')}:${process.env['PATH']}`,
		HOME: directory,
		XDG_CACHE_HOME: join(directory, 'cache'),
		ORCH_SOCKET: daemon.socket,
		// what is tested is what is offered, not how soon
		ORCH_COMPLETION_MS: '20000',
		LC_ALL: 'C.UTF-8',
		TERM: 'dumb',
	};
	const child = spawn(shell, args, { env, cwd: join(directory, 'work'), stdio: ['ignore', 'pipe', 'pipe'] });
	const written = { out: '', err: '' };
	child.stdout.setEncoding('utf8').on('data', (text: string) => {
		written.out += text;
	});
	child.stderr.setEncoding('utf8').on('data', (text: string) => {
		written.err += text;
	});
	return new Promise((resolve, reject) => {
		child.once('error', reject);
		child.once('close', (code) => resolve({ code, ...written }));
	});
}

describe.each(shells)('the script for %s', (shell) => {
	it('is what orch completion prints', async () => {
		expect(await runCli(['completion', shell])).toEqual({ code: 0, out: scripts[shell], err: '' });
	});

	it.skipIf(!has[shell])(`is understood by it (skipped where ${shell} is missing)`, async () => {
		expect(await run(shell, ['-n', join(directory, `orch.${shell}`)])).toEqual({ code: 0, out: '', err: '' });
	});
});

describe.skipIf(!has.bash)('in bash (skipped where it is missing)', () => {
	/** What bash would put on the line: as readline hands it over, without a terminal. */
	async function replies(line: string): Promise<string[]> {
		const script = [
			`source "${join(directory, 'orch.bash')}"`,
			'COMP_LINE=$1 COMP_POINT=${#1} COMP_TYPE=9 COMP_KEY=9',
			'read -ra COMP_WORDS <<<"$1"; COMP_CWORD=$((${#COMP_WORDS[@]} - 1))',
			// outside of a completion it can only fail
			'compopt() { printf "compopt %s\\n" "$*"; }',
			'_orch orch "${COMP_WORDS[COMP_CWORD]}" ""',
			'printf "%s\\n" "${COMPREPLY[@]}"',
		].join('\n');
		const ran = await run('bash', ['--norc', '-c', script, 'bash', line]);
		expect([ran.code, ran.err]).toEqual([0, '']);
		return ran.out.split('\n').filter((each) => each !== '');
	}

	it('completes commands, live names and values', async () => {
		expect(await replies('orch sta')).toEqual(['start', 'status']);
		expect(await replies('orch start ')).toEqual(['ping', 'pong']);
		expect(await replies('orch start po')).toEqual(['pong']);
		expect(await replies('orch start "po')).toEqual(['pong']);
		expect(await replies('orch link add --from=pi')).toEqual(['ping']);
		expect(await replies('orch ps --status=ru')).toEqual(['running']);
		expect(await replies('orch runtime add ')).toEqual(['compopt -o default']);
		expect(await replies('orch runtime add x --cwd ')).toEqual(['compopt -o dirnames']);
	});

	it('writes odd names so that the shell reads the same names', async () => {
		for (const [opened, closed] of [
			['', ''],
			["'", "'"],
			['"', '"'],
		] as const) {
			const written = await replies(`orch link tap --type ${opened}odd${opened === '' ? '\\' : ''} `);
			expect(written).toHaveLength(odd.length);
			for (const [at, type] of odd.entries()) {
				const said = await run('bash', ['--norc', '-c', `printf '<%s>' ${opened}${written[at]}${closed}`]);
				expect(said).toEqual({ code: 0, out: `<odd ${type}>`, err: '' });
			}
		}
		expect(await replies('orch link tap --type odd\\ c:d=')).toEqual(['e']);
		expect(await run('ls', ['-A'])).toMatchObject({ out: 'some file\nsub\n' });
	});

	it('is registered for orch, and asks the program that is typed', async () => {
		const ran = await run('bash', ['--norc', '-c', `source "${join(directory, 'orch.bash')}"; complete -p orch`]);
		expect(ran.out).toBe('complete -F _orch orch\n');
		const typed = `source "${join(directory, 'orch.bash')}"; COMP_LINE='~/path/orch sto' COMP_POINT=15; _orch '~/path/orch'; echo "\${COMPREPLY[@]}"`;
		expect((await run('bash', ['--norc', '-c', typed])).out).toBe('stop\n');
	});
});

describe.skipIf(!has.zsh)('in zsh (skipped where it is missing)', () => {
	/** What would be added: the values, and what is shown for each. */
	async function added(words: readonly string[], prefix: string) {
		const script = [
			'compdef() { : }',
			'_files() { print -r -- "files $*" }',
			'compadd() { print -rl -- $values; print -r -- ---; print -rl -- $shown }',
			`source "${join(directory, 'orch.zsh')}"`,
			'PREFIX=$1; shift; words=(orch "$@" "$PREFIX"); CURRENT=${#words}',
			'_orch',
		].join('\n');
		const ran = await run('zsh', ['-f', '-c', script, 'zsh', prefix, ...words]);
		expect(ran.err).toBe('');
		const [values = '', shown = ''] = ran.out.split('---\n');
		const lines = (text: string) => text.split('\n').filter((each) => each !== '');
		return { values: lines(values), shown: lines(shown) };
	}

	it('completes commands and live names, with what they are', async () => {
		expect(await added(['start'], 'p')).toEqual({
			values: ['ping', 'pong'],
			shown: ['ping  -- running', 'pong  -- stopped'],
		});
		expect((await added(['link', 'add'], '--from=pi')).values).toEqual(['--from=ping']);
		expect((await added(['ps', '--status'], 'st')).values).toEqual(['stopped', 'starting', 'stopping']);
		expect((await added(['runtime', 'add'], '')).values).toEqual(['files ']);
		expect((await added(['runtime', 'add', 'x', '--cwd'], '')).values).toEqual(['files -/']);
	});

	it('hands odd names over as they are, and evaluates none', async () => {
		expect((await added(['link', 'tap', '--type'], 'odd')).values).toEqual(odd.map((type) => `odd ${type}`));
		expect((await added(['link', 'tap', '--type'], 'odd\\ a')).values).toEqual(['odd a b']);
		expect(await run('ls', ['-A'])).toMatchObject({ out: 'some file\nsub\n' });
	});
});

describe.skipIf(!has.fish)('in fish (skipped where it is missing)', () => {
	async function completed(line: string): Promise<string[]> {
		const ran = await run('fish', ['--no-config', '-c', `source "${join(directory, 'orch.fish')}"; complete -C $argv[1]`, line]);
		expect([ran.code, ran.err]).toEqual([0, '']);
		return ran.out.split('\n').filter((each) => each !== '');
	}

	it('completes commands, live names and values, with what they are', async () => {
		expect(await completed('orch start p')).toEqual(['ping\trunning', 'pong\tstopped']);
		expect(await completed('orch link add --from=pi')).toEqual(['--from=ping\trunning']);
		expect(await completed('orch completion f')).toEqual(['fish']);
		expect(await completed('orch runtime add x --cwd ')).toEqual([expect.stringMatching(/^sub\//)]);
		expect((await completed('orch runtime add som'))[0]).toMatch(/^some\\? file/);
	});

	it('hands odd names over as they are, and evaluates none', async () => {
		const values = (await completed('orch link tap --type odd')).map((each) => each.split('\t')[0]);
		expect(values.sort()).toEqual(odd.map((type) => `odd ${type}`).sort());
		expect(await run('ls', ['-A'])).toMatchObject({ out: 'some file\nsub\n' });
	});
});

describe('orch completion --install', () => {
	it.each([
		['bash', '.local/share/bash-completion/completions/orch'],
		['zsh', '.local/share/zsh/site-functions/_orch'],
		['fish', '.config/fish/completions/orch.fish'],
	] as const)('writes the script for %s where the shell looks for it', async (shell, path) => {
		const home = mkdtempSync(join(directory, 'home-'));
		const env = { XDG_DATA_HOME: join(home, '.local/share'), XDG_CONFIG_HOME: join(home, '.config') };
		const first = await runCli(['completion', shell, '--install'], { env });
		expect(first).toMatchObject({ code: 0, out: '', err: expect.stringContaining(`orch: wrote ${join(home, path)}\n`) });
		expect(readFileSync(join(home, path), 'utf8')).toBe(scripts[shell]);
		const again = await runCli(['completion', shell, '--install', '--json'], { env });
		expect(JSON.parse(again.out)).toEqual({ file: join(home, path), changed: false });
	});

	it('says which shells there are, and where it cannot write', async () => {
		expect(await runCli(['completion', 'tcsh'])).toMatchObject({ code: 2, err: expect.stringContaining('bash, zsh, fish') });
		const refused = await runCli(['completion', 'bash', '--install'], { env: { XDG_DATA_HOME: '/dev/null' } });
		expect(refused).toMatchObject({ code: 8, err: expect.stringContaining('orch: cannot write /dev/null/bash-completion') });
	});
});
