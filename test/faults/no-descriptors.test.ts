/** The limit of open files is reached: orchd lives on, takes nothing for an end that it could not see, and goes on once there is room. */
import { execFileSync } from 'node:child_process';
import { type AddressInfo, createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import {
	has,
	inSandbox,
	isAlive,
	lowestFreeDescriptor,
	type Orchd,
	processAt,
	type Runtime,
	sh,
	sleeper,
	until,
} from '../support/index.ts';

const enough = 1_000;

/** From now on `orchd` may open as many, whatever it has open. */
const limitOpenFiles = (orchd: Orchd, most: number) => execFileSync('prlimit', ['--pid', String(orchd.pid), `--nofile=${most}:`]);

async function answerOf(orchd: Orchd, { id }: Runtime, role: string): Promise<string | null | undefined> {
	const { runtimes } = await orchd.call('runtime.why', { runtime: id });
	return runtimes[0]?.probes.find((probe) => probe.role === role)?.answer;
}

/** Kills what a runtime runs while orchd can open nothing. */
async function killInWant(orchd: Orchd, runtime: Runtime, hasNoticed: () => Promise<boolean> | boolean) {
	const { pid } = await orchd.show(runtime);
	const shim = processAt(pid ?? 0)?.parent ?? 0;
	limitOpenFiles(orchd, 1);
	process.kill(pid ?? 0, 'SIGKILL');
	await until('its shim is gone', () => !isAlive(shim));
	await until('orchd has noticed', hasNoticed);
	expect(await orchd.show(runtime)).toMatchObject({ status: 'running', pid });
	limitOpenFiles(orchd, enough);
	return orchd.becomes(runtime, 'running anew', (now) => now.status === 'running' && now.pid !== pid);
}

describe.skipIf(!has('prlimit'))('orchd has no descriptor left', () => {
	it('a program that it has launched ends: it is seen once it can be, with its status', async () => {
		await inSandbox(async (own) => {
			const orchd = await own.startDaemon();
			const runtime = await orchd.run(sleeper(), { name: 'own', restart: { when: 'always' } });
			// several rounds: what ends comes from shims that were spawned alone and from those that were spawned together
			let generation = 1;
			for (let round = 0; round < 4; round++) {
				// answered by an event loop that has turned since the end of the shim
				const again = await killInWant(orchd, runtime, async () => (await orchd.call('runtime.list', {})).length === 1);
				expect(again.generation).toBe(++generation);
				expect(again.lastExit).toMatchObject({ signal: 'SIGKILL' });
			}
			await orchd.call('clear', {});
		});
	});

	it('one that an earlier orchd launched ends: it is asked about until it can be seen', async () => {
		await inSandbox(async (own) => {
			const first = await own.startDaemon();
			const before = await first.run(sleeper(), { name: 'adopted', restart: { when: 'always' } });
			await first.kill9();
			const orchd = await own.startDaemon();
			expect(await orchd.show(before)).toMatchObject({ status: 'running', pid: before.pid });
			const complaints = () => orchd.log.split('an adopted process was not looked at').length - 1;
			const again = await killInWant(orchd, before, () => complaints() >= 2);
			expect(again.lastExit).toMatchObject({ signal: 'SIGKILL' });
			await orchd.call('clear', {});
		});
	});

	it('a stop that can look at nothing says what it does not know, and the removal after it ends what is there', async () => {
		await inSandbox(async (own) => {
			const orchd = await own.startDaemon();
			const { id, pid = 0 } = await orchd.run(sleeper(), { name: 'runs' });
			limitOpenFiles(orchd, 1);
			await expect(orchd.call('runtime.stop', { runtime: id, graceMs: 0 })).rejects.toThrow(/is left/);
			expect(isAlive(pid ?? 0)).toBe(true);
			limitOpenFiles(orchd, enough);
			await orchd.call('runtime.remove', { runtime: id });
			expect(isAlive(pid ?? 0)).toBe(false);
			await orchd.kill9();
			const next = await own.startDaemon();
			expect(await next.call('runtime.list', {})).toEqual([]);
		});
	});

	it('nothing can be launched: that is said, and what runs is not touched', async () => {
		await inSandbox(async (own) => {
			const orchd = await own.startDaemon();
			const runs = await orchd.run(sleeper(), { name: 'runs' });
			const other = await orchd.add(sh('exit 0'), { name: 'other' });
			limitOpenFiles(orchd, 1);
			await expect(orchd.call('runtime.start', { runtime: other.id })).rejects.toThrow(/open files/);
			limitOpenFiles(orchd, enough);
			expect(await orchd.show(runs)).toMatchObject({ status: 'running', pid: runs.pid });
			await orchd.call('runtime.start', { runtime: other.id });
			await orchd.becomes(other, 'exited', ({ status }) => status === 'exited');
			await orchd.call('clear', {});
		});
	});

	it('a program is stopped, and the state of things is told, with all of them in use', async () => {
		await inSandbox(async (own) => {
			const orchd = await own.startDaemon();
			const runtime = await orchd.run(sleeper(), { name: 'runs' });
			limitOpenFiles(orchd, lowestFreeDescriptor(orchd.pid));
			expect((await orchd.call('daemon.status', {})).memoryBytes).toBeGreaterThan(0);
			await orchd.call('runtime.stop', { runtime: runtime.id });
			expect(isAlive(runtime.pid ?? 0)).toBe(false);
			expect(await orchd.show(runtime)).toMatchObject({ status: 'stopped' });
			limitOpenFiles(orchd, enough);
			await orchd.call('clear', {});
		});
	});

	it('a program whose probe cannot be asked, or whose output cannot be looked at, is not ended for it', async () => {
		await inSandbox(async (own) => {
			const orchd = await own.startDaemon();
			const server = createServer((socket) => socket.destroy());
			await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
			const { port } = server.address() as AddressInfo;
			const live = { check: { kind: 'tcp' as const, port }, everyMs: 100, failures: 1 };
			const ready = { check: { kind: 'log' as const, pattern: 'ready' } };
			const runtime = await orchd.run(sh('while :; do echo working; sleep 0.05; done'), {
				name: 'runs',
				probes: { live, ready },
			});
			await until('it was asked', async () => (await answerOf(orchd, runtime, 'live')) === 'connected');
			await until('it was not asked', async () => {
				// anew, as what was open at the first time may be closed by the next look
				limitOpenFiles(orchd, lowestFreeDescriptor(orchd.pid));
				return (await answerOf(orchd, runtime, 'live'))?.includes('no file descriptor left');
			});
			limitOpenFiles(orchd, enough);
			await until('it was asked again', async () => (await answerOf(orchd, runtime, 'live')) === 'connected');
			expect(await orchd.show(runtime)).toMatchObject({ status: 'running', pid: runtime.pid, generation: 1 });
			server.close();
			await orchd.call('clear', {});
		});
	});
});
