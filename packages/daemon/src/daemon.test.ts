/** The daemon as a whole: what it must leave as it was where it cannot start, and that it ends whatever goes wrong with its stop. */
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger, systemClock, systemRandom } from '@orch/base';
import { removeWhole, until } from '@orch/base/testing';
import { afterEach, expect, test } from 'vitest';
import { type Daemon, startDaemon } from './daemon.ts';

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
	const start = (clock = systemClock) =>
		startDaemon({
			places,
			log: silentLogger,
			logLevel: 'info',
			clock,
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

/** Asks as a client does. */
const callOn = (daemon: Daemon) => {
	const { signal } = new AbortController();
	return (name: string, params: unknown) => daemon.dispatch(name, params, signal);
};

const started = (name: string, needs: readonly { readonly runtime: string; readonly condition: string }[] = []) => ({
	name,
	program: '/bin/true',
	cwd: '/',
	env: {},
	needs,
	start: true,
});

test('a clear waits also for what somebody else is removing, and then nothing is left', async () => {
	const { start } = place();
	const daemon = await start();
	const call = callOn(daemon);
	// there is no router, which a launch waits for: calling that off is no matter of one turn
	const added = ['one', 'other'].map((name) => call('runtime.add', started(name)));
	expect(await call('runtime.show', { runtime: 'other' })).toMatchObject({ result: { status: 'starting' } });
	const removed = call('runtime.remove', { runtime: 'one', force: true });
	expect(await call('clear', {})).toMatchObject({ kind: 'ok', result: { runtimes: 2 } });
	expect(await call('runtime.list', {})).toMatchObject({ result: [] });
	expect(await removed).toMatchObject({ kind: 'ok' });
	await Promise.all(added);
	await daemon.stop();
});

/** A daemon with a runtime that waits: to tell of that it reads a clock, which does not work where the test says so. */
async function startWithOddClock() {
	let isBroken = false;
	const clock = {
		...systemClock,
		monotonicMs() {
			if (isBroken) throw new Error('the clock stands still');
			return systemClock.monotonicMs();
		},
	};
	const { start } = place();
	const daemon = await start(clock);
	const call = callOn(daemon);
	await call('runtime.add', started('odd', [{ runtime: 'nobody', condition: 'started' }]));
	expect(await call('runtime.show', { runtime: 'odd' })).toMatchObject({ result: { status: 'waiting' } });
	/** Within one turn: nobody else reads the clock meanwhile. */
	const meanwhile = <T>(work: () => T): T => {
		isBroken = true;
		try {
			return work();
		} finally {
			isBroken = false;
		}
	};
	return { daemon, start, call, meanwhile };
}

test('a daemon whose stop fails by a defect ends all the same, when a signal asks for it', async () => {
	const { daemon, start, meanwhile } = await startWithOddClock();
	await meanwhile(() => daemon.stop());
	await daemon.closed;
	const next = await start();
	await next.stop();
});

test('a daemon whose stop fails by a defect ends all the same, when a client asks for it', async () => {
	const { daemon, start, call, meanwhile } = await startWithOddClock();
	expect(await meanwhile(() => call('daemon.stop', {}))).toMatchObject({ kind: 'error', error: { code: 'internal' } });
	await daemon.closed;
	const next = await start();
	await next.stop();
});

test('a daemon whose socket is removed listens again by itself, and tells of it', async () => {
	const { places, start } = place();
	// rounds of every few seconds come at once
	const daemon = await start({
		...systemClock,
		setTimer: (ms, run, options) => systemClock.setTimer(ms === 5_000 ? 5 : ms, run, options),
	});
	cleanups.push(() => daemon.stop());
	rmSync(places.socket);
	const told = await until('it tells of it', async () => {
		const events = await daemon.dispatch('daemon.events', { since: 0, follow: false }, new AbortController().signal);
		const next = events.kind === 'stream' ? await events.items.next() : undefined;
		return next?.kind === 'item' && next.item;
	});
	expect(told).toMatchObject({ kind: 'notice', reason: `the socket ${places.socket} was gone: orchd listens on it again` });
	expect(existsSync(places.socket)).toBe(true);
});

test('a daemon whose socket is removed listens again as soon as somebody asks for its lock', async () => {
	const { places, start } = place();
	const daemon = await start();
	cleanups.push(() => daemon.stop());
	rmSync(places.socket);
	await expect(start()).rejects.toThrow(`is held by another orchd (pid ${process.pid})`);
	expect(existsSync(places.socket)).toBe(true);
});

test('a daemon that ends says how many runtimes really run, not how many are wanted to', async () => {
	for (const runtimes of ['keep', 'stop']) {
		const { start } = place();
		const daemon = await start();
		const call = callOn(daemon);
		// there is no router, so it never comes to its process
		const added = call('runtime.add', started('one'));
		expect(await call('runtime.show', { runtime: 'one' })).toMatchObject({ result: { status: 'starting', pid: null } });
		expect(await call('daemon.stop', { runtimes })).toEqual({ kind: 'ok', result: { stopped: 0, kept: 0 } });
		await added;
		await daemon.closed;
	}
});

test('a daemon whose state is removed right before its end leaves what is registered to the next one all the same', async () => {
	for (const what of ['stop', 'keep'] as const) {
		const { places, start } = place();
		const daemon = await start();
		await callOn(daemon)('runtime.add', { ...started('one'), start: false });
		removeWhole(places.home);
		await daemon.stop(what);
		const next = await start();
		expect(await callOn(next)('runtime.list', {})).toMatchObject({ result: [{ name: 'one' }] });
		await next.stop();
	}
});
