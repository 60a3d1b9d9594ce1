/** A router that lives and cannot be reached: the next daemon must neither wait for it for ever nor leave it behind. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger, systemClock } from '@orch/base';
import { ManualClock, until } from '@orch/base/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createRouterGate } from '../../packages/daemon/src/wiring/router-gate.ts';
import { bundles } from '../support/bundles.ts';
import { isAlive, processesAbout } from '../support/proc.ts';

let directory: string;
beforeEach(() => {
	directory = mkdtempSync(join(tmpdir(), 'orch-gate-'));
});
afterEach(async () => {
	for (const { pid } of processesAbout(directory)) process.kill(pid, 'SIGKILL');
	await until('no router is left', () => processesAbout(directory).length === 0);
	rmSync(directory, { recursive: true, force: true });
});

const never = new AbortController().signal;
const gate = (clock = systemClock, log = silentLogger) =>
	createRouterGate({
		clock,
		log,
		program: bundles.router,
		socket: join(directory, 'router.sock'),
		stateDirectory: join(directory, 'router'),
		logFile: join(directory, 'router.log'),
		logLevel: 'info',
	});

test('one whose socket somebody has removed is ended, and another one takes its place', async () => {
	const first = await gate().connect(never);
	first.close();
	await first.closed;
	rmSync(join(directory, 'router.sock'));
	const next = await gate().connect(never);
	expect(next.pid).not.toBe(first.pid);
	expect(isAlive(first.pid)).toBe(false);
	await next.stop();
});

test('one that ends because it was asked to is nothing to be warned of; one that was killed is', async () => {
	const said: [string, string][] = [];
	const note = (level: string) => (message: string) => said.push([level, message]);
	const log = { ...silentLogger, info: note('info'), warn: note('warn') };
	const first = await gate(systemClock, log).connect(never);
	await first.stop();
	await until('its end is logged', () => said.length > 0);
	const next = await gate(systemClock, log).connect(never);
	process.kill(next.pid, 'SIGKILL');
	await until('that of the other, too', () => said.length > 1);
	expect(said).toEqual([
		['info', 'router ended'],
		['warn', 'router ended'],
	]);
});

test('one that is only left alone is found again', async () => {
	const first = await gate().connect(never);
	first.close();
	await first.closed;
	const next = await gate().connect(never);
	expect(next.pid).toBe(first.pid);
	await next.stop();
});

test('a note of another boot, or one that is not whole, ends nobody', async () => {
	const first = await gate().connect(never);
	await first.stop();
	const stranger = { pid: process.ppid, startTicks: 1 };
	for (const note of ['', '{"pid":', JSON.stringify(stranger), JSON.stringify({ ...stranger, bootId: 'another' })]) {
		writeFileSync(join(directory, 'router', 'process'), note);
		const next = await gate().connect(never);
		await next.stop();
	}
	expect(isAlive(process.ppid)).toBe(true);
});

test('one that is stopped is not waited for without end, and is the same when it goes on', async () => {
	const first = await gate().connect(never);
	first.close();
	await first.closed;
	process.kill(first.pid, 'SIGSTOP');
	const clock = new ManualClock();
	let refused: unknown;
	const connecting = gate(clock).connect(never);
	connecting.catch((error) => {
		refused = error;
	});
	await until('the daemon gives up for now', async () => {
		await clock.advance(1_000);
		return refused;
	});
	expect(String(refused)).toContain('does not answer');
	process.kill(first.pid, 'SIGCONT');
	const next = await gate().connect(never);
	expect(next.pid).toBe(first.pid);
	await next.stop();
});
