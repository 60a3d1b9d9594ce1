/** The README of seed 004, command by command, with `orch` for its CLI: what a person types in terminals, and what they see. */
import { copyFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { descriptorKindsOf, fixture, isAlive, type Orchd, type RunningCli, until, useSandbox } from '../support/index.ts';

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const types = 'veecle_os_examples_common::actors::ping_pong';

const sandbox = useSandbox();
copyFileSync(fixture('veecle-ping.mjs'), sandbox.path('ping'));
copyFileSync(fixture('veecle-pong.mjs'), sandbox.path('pong'));

/** Types a command that must succeed; gives what it prints for a script to keep. */
async function type(...args: readonly string[]): Promise<string> {
	const { code, stdout, stderr } = await sandbox.cli(...args);
	expect({ args, code, stderr }).toMatchObject({ code: 0 });
	return stdout.trim();
}

const list = async () =>
	JSON.parse(await type('runtime', 'list', '--json')) as { id: string; name: string; status: string; pid: number | null }[];

/** A command holds a socket beside its two to us, for its output. */
const isConnected = ({ child }: RunningCli): boolean => (descriptorKindsOf(child.pid ?? 0)['socket:'] ?? 0) > 2;

describe('seed 004: its README, typed in terminals', () => {
	let orchd: Orchd;
	let instance: string;

	it('In one terminal run the orchestrator: orchd listens on $ORCH_SOCKET and says so', async () => {
		orchd = await sandbox.startDaemon();
		expect(orchd.log).toContain(sandbox.socket);
		expect(orchd.log).toContain('listening');
	});

	it('version: the version of the server', async () => {
		expect(await type('version')).toMatch(/^orchd +0\.1\.0 +\(protocol 1, Node [\d.]+\)$/m);
	});

	it('runtime add: the program is registered under a UUIDv7, alone on standard output', async () => {
		instance = await type('runtime', 'add', './ping');
		expect(instance).toMatch(uuid);
		expect(await list()).toMatchObject([{ id: instance, name: 'ping', status: 'stopped', pid: null }]);
	});

	it('runtime start, runtime stop: the process is there, and gone', async () => {
		await type('runtime', 'start', instance);
		const [{ pid, status } = { pid: null, status: '' }] = await list();
		expect(status).toBe('running');
		expect(isAlive(pid ?? 0)).toBe(true);
		await type('runtime', 'stop', instance);
		expect(isAlive(pid ?? 0)).toBe(false);
		expect(await list()).toMatchObject([{ status: 'stopped', pid: null }]);
	});

	it('runtime remove: it is known no more', async () => {
		await type('runtime', 'remove', instance);
		expect(await list()).toEqual([]);
		expect((await sandbox.cli('runtime', 'start', instance)).code).toBe(4);
	});

	it('You should see logs from these actions in the orchestrator as well', () => {
		const said = orchd.log.split('\n').filter((line) => line.includes('"ping"'));
		for (const action of ['added', 'started', 'ended', 'removed']) expect(said.join('\n')).toContain(action);
	});

	it('Linking example: two runtimes, two links, their output in other terminals before they start, then the start', async () => {
		const ping = await type('runtime', 'add', './ping');
		const pong = await type('runtime', 'add', './pong');
		await type('link', 'add', '--from', ping, '--type', `${types}::Ping`, '--to', pong);
		await type('link', 'add', '--from', pong, '--type', `${types}::Pong`, '--to', ping);
		const links = JSON.parse(await type('link', 'list', '--json')) as {
			type: string;
			from: { id: string };
			to: { id: string };
		}[];
		expect(links.map((link) => [link.from.id, link.type, link.to.id])).toEqual([
			[ping, `${types}::Ping`, pong],
			[pong, `${types}::Pong`, ping],
		]);

		const pingTerminal = sandbox.running('runtime', 'stdout', ping);
		const pongTerminal = sandbox.running('runtime', 'stdout', pong);
		// both show nothing and wait: nothing runs yet
		await until('both terminals are connected', () => [pingTerminal, pongTerminal].every(isConnected));
		expect(pingTerminal.stdout + pongTerminal.stdout).toBe('');

		await type('runtime', 'start', pong);
		await type('runtime', 'start', ping);
		await pongTerminal.shows('[INFO] ping received: 20\n');
		await pingTerminal.shows('[INFO] pong received: 20\n');
		expect(pongTerminal.stdout.split('\n').slice(0, 3)).toEqual([0, 1, 2].map((value) => `[INFO] ping received: ${value}`));
		expect(pingTerminal.stdout.split('\n').slice(0, 3)).toEqual([0, 1, 2].map((value) => `[INFO] pong received: ${value}`));

		const interrupted = await pingTerminal.interrupt();
		expect(interrupted.code).toBe(130);
		expect((await list()).map(({ status }) => status)).toEqual(['running', 'running']);

		// the other terminal ends by itself when its runtime is removed
		await type('clear', '--yes');
		expect((await pongTerminal.ended).code).toBe(0);
	});

	it('clear: everything is stopped and forgotten, the daemon goes on', async () => {
		expect(await list()).toEqual([]);
		expect(JSON.parse(await type('link', 'list', '--json'))).toEqual([]);
		expect(await type('version')).toContain('orchd');
	});

	it('Ctrl-C in the terminal of the orchestrator ends it', async () => {
		expect(await orchd.stop('SIGINT')).toBe(0);
		expect((await sandbox.cli('version')).code).toBe(5);
	});
});
