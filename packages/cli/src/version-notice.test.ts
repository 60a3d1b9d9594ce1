import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ManualClock } from '@orch/base/testing';
import { ourHello, Session } from '@orch/protocol/wire';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runCli, type RunOptions } from './testing/run-cli.ts';

let directory: string;
let server: Server;
let agent: string;
let clock: ManualClock;
const sessions = new Set<Session>();
beforeEach(async () => {
	directory = mkdtempSync(join(tmpdir(), 'orch-version-'));
	agent = 'orchd/0.0.9';
	clock = new ManualClock();
	server = createServer((connection) => {
		const session = new Session({
			role: 'server',
			hello: ourHello(agent, process.pid),
			dispatch: async () => ({ kind: 'ok', result: [] }),
			channel: {
				write: (bytes) => connection.writable && connection.write(bytes),
				pause: () => connection.pause(),
				resume: () => connection.resume(),
				end: () => connection.destroySoon(),
			},
		});
		sessions.add(session);
		connection.on('data', (bytes) => session.receive(bytes));
		connection.on('error', () => {});
		connection.on('close', () => session.disconnected('closed'));
	});
	await new Promise<void>((resolve) => server.listen(join(directory, 'o.sock'), resolve));
});
afterEach(async () => {
	for (const session of sessions) session.close();
	sessions.clear();
	await new Promise((resolve) => server.close(resolve));
	rmSync(directory, { recursive: true, force: true });
});

const list = async (options: RunOptions = {}, args: readonly string[] = []) =>
	(
		await runCli(['link', 'ls', ...args], {
			socket: join(directory, 'o.sock'),
			clock,
			columns: 80,
			...options,
			env: { XDG_CACHE_HOME: join(directory, 'cache'), NO_COLOR: '1', ...options.env },
		})
	).err;
const older = 'orch: this orch is 0.1.0, and orchd still 0.0.9: orch daemon upgrade replaces it, and restarts no runtime\n';

describe('an orchd of another version', () => {
	it('is told of once a day', async () => {
		expect(await list()).toContain(older);
		expect(await list()).not.toContain(older);
		await clock.advance(23 * 3600 * 1000);
		expect(await list()).not.toContain(older);
		await clock.advance(3600 * 1000);
		expect(await list()).toContain(older);
	});

	it('is told of again when it is another one', async () => {
		await list();
		agent = 'orchd/0.10.0';
		expect(await list()).toContain('orch: this orch is 0.1.0, and orchd is 0.10.0: install the orch that came with it\n');
	});

	it('is no news where nobody reads it, or where only the result is wanted', async () => {
		const pipe = { socket: join(directory, 'o.sock'), clock, env: { XDG_CACHE_HOME: join(directory, 'cache') } };
		expect((await runCli(['link', 'ls'], pipe)).err).not.toContain('0.0.9');
		expect(await list({}, ['--json'])).not.toContain('0.0.9');
		expect(await list({}, ['-q'])).not.toContain('0.0.9');
		expect(await list({}, ['-o', 'name'])).not.toContain('0.0.9');
		// and none of these counts as told
		expect(await list()).toContain(older);
	});

	it('is not told of where it cannot be remembered', async () => {
		writeFileSync(join(directory, 'file'), '');
		expect(await list({ env: { XDG_CACHE_HOME: join(directory, 'file') } })).not.toContain('0.0.9');
		expect(await list({ env: { XDG_CACHE_HOME: '', HOME: '' } })).not.toContain('0.0.9');
	});
});

it('an orchd of the same version is no news', async () => {
	agent = 'orchd/0.1.0';
	expect(await list()).not.toContain('orchd');
});
