import { createServer } from 'node:net';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ManualClock, until } from '@orch/base/testing';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../clock.ts';
import { commands } from '../commands/index.ts';
import { namesOf, nouns } from '../command.ts';
import { globalOptions } from '../globals.ts';
import { longFlag } from '../invocation.ts';
import { type FakeDaemon, fakeStart, startFakeDaemon } from '../testing/fake-daemon.ts';
import { runCli, type RunOptions } from '../testing/run-cli.ts';

const daemon: FakeDaemon = await startFakeDaemon();
afterAll(() => daemon[Symbol.asyncDispose]());

beforeEach(() => {
	daemon.runtimes.clear();
	daemon.links.length = 0;
	daemon.unrouted.length = 0;
	daemon.requests.length = 0;
	daemon.addRuntime('ping', { status: 'running', restarts: 2, pid: 7 });
	daemon.addRuntime('pong', { status: 'stopped' });
	daemon.addRuntime('web-1', { status: 'running', pid: 8 });
});

/** What is offered for a line that ends at the cursor: `value`, or `value: description`. */
async function offered(line: string, options: RunOptions = {}) {
	const words = line.split(' ').slice(1);
	const ran = await runCli(['__complete', 'zsh', ...words], { socket: daemon.socket, ...options });
	expect([ran.code, ran.err]).toEqual([0, '']);
	const lines = ran.out.split('\n');
	expect(lines.pop()).toBe('');
	const directive = lines.pop();
	return { values: lines.map((each) => each.replace(/\t$/, '').replace('\t', ': ')), directive };
}
const values = async (line: string) => (await offered(line)).values;
const names = async (line: string) => (await values(line)).map((each) => each.split(': ')[0]);

describe('a line is completed', () => {
	it('with the daily commands and the nouns, and what they do', async () => {
		expect(await names('orch ')).toEqual([
			...commands.filter(({ path }) => path.length === 1).map(({ path }) => path[0]),
			...nouns.map(({ name }) => name),
		]);
		expect(await values('orch st')).toEqual([
			'start: Start runtimes; returns once their programs run',
			'stop: Stop runtimes; returns once nothing of them is left',
			'status: Show how orchd and projects are; of a runtime: how it is, why, its last words',
		]);
	});

	it.each(['orch runtime st', 'orch rt st'])('%s with the verbs of the noun', async (line) => {
		expect(await names(line)).toEqual(['start', 'stop', 'stdout', 'stderr']);
	});

	it('with the names of the runtimes and how they are, once each', async () => {
		expect(await values('orch start ')).toEqual(['ping: running, 2 restarts', 'pong: stopped', 'web-1: running']);
		expect(await values('orch start p')).toEqual(['ping: running, 2 restarts', 'pong: stopped']);
		expect(await names('orch start ping --priority high ')).toEqual(['pong', 'web-1']);
		expect(await names('orch -q start ping ')).toEqual(['pong', 'web-1']);
		expect(await names('orch start ping -- ')).toEqual(['pong', 'web-1']);
		// it takes one
		expect(await names('orch runtime show ping ')).toEqual([]);
	});

	it('with the options of the command before those of every command, those that were given no more', async () => {
		const all = await names('orch version -');
		expect(all.slice(0, 3)).toEqual(['--client', '--output', '--json']);
		expect(await names('orch version --client --j')).toEqual(['--json']);
		expect(await names('orch version --client --cl')).toEqual([]);
		// one that may be repeated
		expect(await names('orch runtime add x --env A=b --env')).toContain('--env');
		expect(await values('orch ps --qu')).toEqual(['--quiet: only names or ids on stdout, only errors on stderr']);
		// behind -- they are the program's own
		expect(await names('orch runtime add x -- --s')).toEqual([]);
	});

	it.each([
		['orch ps --status ', ['stopped', 'waiting', 'starting', 'running', 'stopping', 'backoff', 'exited', 'failed']],
		['orch ps --status=ru', ['--status=running']],
		['orch ps -o ', ['table', 'wide', 'json', 'name']],
		['orch --color a', ['auto', 'always']],
		['orch runtime signal ping HU', ['HUP']],
		['orch runtime add x --stop-signal QU', ['QUIT']],
		['orch link add --from=pi', ['--from=ping']],
		['orch link tap --to po', ['pong']],
		['orch call runtime.st', ['runtime.start', 'runtime.stop', 'runtime.stdout', 'runtime.stderr']],
		['orch help runtime sh', ['show']],
		['orch help exit', ['exit-codes']],
		['orch completion ', ['bash', 'zsh', 'fish']],
		['orch explain E13', ['E132', 'E135', 'E136', 'E137', 'E138', 'E139']],
	])('%s with the values it takes', async (line, expected) => {
		expect(await names(line)).toEqual(expected);
	});

	it.each([
		['orch runtime add ', ':files'],
		['orch runtime add x --env-file ', ':files'],
		['orch runtime add x --cwd ', ':directories'],
		['orch runtime add x -- ', ':files'],
		['orch ps --timeout ', ':'],
		['orch runner add x --base-path ', ':'],
		['orch version ', ':'],
	])('%s by the shell itself, where that knows: %s', async (line, directive) => {
		expect(await offered(line)).toEqual({ values: [], directive });
	});

	it('with the ids of links, and the types of messages between those that are named', async () => {
		daemon.addLink('ping', 'Ping', 'pong');
		daemon.addLink('pong', 'Pong', 'ping');
		daemon.addLink('*', 'Log', 'web-1');
		daemon.unrouted.push({ from: { id: 'x', name: 'ping' }, type: 'Debug', count: 1, messagesPerSecond: 0, lastAt: fakeStart });
		const [link] = daemon.links;
		expect((await values('orch link show '))[0]).toBe(`${link?.shortId}: ping ─Ping→ pong`);
		expect(await values('orch link tap --type ')).toEqual([
			'Ping: ping → pong',
			'Pong: pong → ping',
			'Log: * → web-1',
			'Debug: from ping; no link takes it',
		]);
		expect(await names('orch link tap --from pong --type ')).toEqual(['Pong', 'Log']);
		expect(await names('orch link send --to pong --type ')).toEqual(['Ping', 'Debug']);
	});

	it('with no name that would drive the terminal', async () => {
		daemon.addLink('ping', 'turned\u202earound', 'pong');
		daemon.addLink('ping', '\u009b2J', 'pong');
		daemon.addLink('ping', 'a b', 'pong');
		expect(await names('orch link tap --type ')).toEqual(['a b']);
	});

	it('by the socket that the line names', async () => {
		expect((await offered(`orch --socket ${daemon.socket} start po`, { socket: '/nowhere/o.sock' })).values).toEqual([
			'pong: stopped',
		]);
	});
});

describe('every command', () => {
	it.each(commands.map((command) => [command.path.join(' '), command] as const))(
		'orch %s is completed',
		async (_name, command) => {
			for (let at = 0; at < command.path.length; at++) {
				const before = command.path.slice(0, at).join(' ');
				const found = await names(`orch ${before === '' ? '' : `${before} `}${command.path[at]}`);
				expect(found).toContain(at === command.path.length - 1 ? namesOf(command, at)[0] : command.path[at]);
			}
			const flags = Object.values({ ...command.options, ...globalOptions }).map((spec) => longFlag(spec.flags));
			expect(await names(`orch ${command.path.join(' ')} -`)).toEqual(flags);
		},
	);
});

describe('a completion never fails', () => {
	it('without an orchd: what needs none is there, and none is started', async () => {
		const nowhere = { socket: join(daemon.directory, 'none.sock') };
		expect(await offered('orch start ', nowhere)).toEqual({ values: [], directive: ':' });
		expect((await offered('orch ps --status ru', nowhere)).values).toEqual(['running']);
	});

	it('with an orchd that takes the connection and says nothing: it is not waited for', async () => {
		const directory = mkdtempSync(join(tmpdir(), 'orch-deaf-'));
		const socket = join(directory, 'o.sock');
		const open = new Set<{ destroy(): void }>();
		const deaf = createServer((connection) => open.add(connection.on('error', () => {})));
		await new Promise<void>((resolve) => deaf.listen(socket, resolve));
		expect(await offered('orch start ', { socket, clock: systemClock })).toEqual({ values: [], directive: ':' });
		for (const connection of open) connection.destroy();
		await new Promise((resolve) => deaf.close(resolve));
		rmSync(directory, { recursive: true, force: true });
	});

	it('with a router that does not answer: the types of the links are there', async () => {
		daemon.addLink('ping', 'Ping', 'pong');
		const restore = daemon.override('link.stats', () => new Promise(() => {}));
		const clock = new ManualClock();
		const answer = offered('orch link tap --type ', { clock });
		await until('it waits for the router alone', () => clock.pending === 2);
		await clock.advance(150);
		expect((await answer).values).toEqual(['Ping: ping → pong']);
		restore();
	});

	it.each([[[]], [['bash']], [['bash', 'orch "']], [['fish']], [['tcsh', '']], [['zsh', '--x=', '-', '--', '']]])(
		'with a question that makes no sense: %j',
		async (argv) => {
			const { code, err } = await runCli(['__complete', ...argv], { socket: '/nowhere/o.sock' });
			expect([code, err]).toEqual([0, '']);
		},
	);
});
