/** The daemon as a whole, where it cannot start: what it must leave as it was. */
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger, systemClock, systemRandom } from '@orch/base';
import { afterEach, expect, test } from 'vitest';
import { startDaemon } from './daemon.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
	for (const clean of cleanups.splice(0).reverse()) await clean();
});

function place() {
	const directory = mkdtempSync(join(tmpdir(), 'orch-d-'));
	cleanups.push(() => rmSync(directory, { recursive: true, force: true }));
	const socket = join(directory, 's');
	const home = join(directory, 'home');
	const socketDirectory = `${socket}.d`;
	const places = { socket, home, socketDirectory, routerSocket: `${socketDirectory}/router.sock`, logFile: `${home}/orchd.log` };
	const start = () =>
		startDaemon({
			places,
			log: silentLogger,
			logLevel: 'info',
			clock: systemClock,
			random: systemRandom,
			uid: process.getuid?.() ?? 0,
			inherited: {},
			routerProgram: '/nonexistent/router',
		});
	return { places, start };
}

test('a daemon that cannot read its state leaves the sockets alone, on which runtimes and router of the one before go on', async () => {
	const { places, start } = place();
	mkdirSync(places.socketDirectory, { recursive: true, mode: 0o700 });
	const ofRuntime = join(places.socketDirectory, '0123456789ab.sock');
	const server = createServer();
	await new Promise<void>((resolve) => server.listen(ofRuntime, resolve));
	cleanups.push(() => new Promise((resolve) => server.close(resolve)));
	// a database that is a directory can be neither opened nor replaced
	mkdirSync(join(places.home, 'orch.db', 'in-the-way'), { recursive: true });
	await expect(start()).rejects.toThrow();
	expect(existsSync(ofRuntime)).toBe(true);
	// nothing is held that would keep the next one from trying
	await expect(start()).rejects.not.toThrow('already');
	expect(existsSync(ofRuntime)).toBe(true);
});
