/** SIGKILL to the router, to the daemon, to both: what runs goes on, what was lost is counted, nothing comes twice, nothing is left over. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
	fixture,
	inSandbox,
	isAlive,
	node,
	type Orchd,
	processesWith,
	type Runtime,
	type Sandbox,
	sh,
	sleeper,
	Stage,
	until,
} from '../support/index.ts';

/** Of one sandbox: all that carries its cookie, which is every process that any of its daemons has launched. */
const launched = (own: Sandbox) =>
	processesWith('ORCH_SOCKET', own.socket).filter(({ command }) => !command.includes('orchd.cjs'));

const lastLine = async (orchd: Orchd, runtime: Runtime): Promise<Record<string, unknown>> => {
	const text = (await orchd.output(runtime)).toString('utf8');
	// a program may be in the middle of its last line
	const lines = text
		.slice(0, text.lastIndexOf('\n') + 1)
		.trimEnd()
		.split('\n');
	return JSON.parse(lines.at(-1) || '{}') as Record<string, unknown>;
};

interface Seen {
	readonly count: number;
	readonly last: number;
	readonly duplicates: number;
	readonly missing: number;
	readonly dropped: Readonly<Record<string, number>>;
	readonly connections: number;
}

describe('the router is killed', () => {
	it('links 5.22: under load, again and again: runtimes run on and reconnect, no number comes twice, and every one that is missing was announced', async () => {
		await inSandbox(async (own) => {
			const orchd = await own.startDaemon();
			const stage = new Stage(() => orchd);
			const to = await orchd.run(node(fixture('sdk-sink.mjs')), { name: 'to' });
			const from = await orchd.add(node(fixture('sdk-source.mjs'), 'Number', '0', '200', '100'), { name: 'from' });
			await stage.link(from, 'Number', to);
			await stage.connected(to);
			const started = await orchd.call('runtime.start', { runtime: 'from' });
			const seen = async () => (await lastLine(orchd, to)) as unknown as Seen;
			const reaches = (what: string, is: (now: Seen) => boolean) =>
				until(
					what,
					async () => {
						const now = await seen();
						return now.last !== undefined && is(now) && now;
					},
					60_000,
				);
			await reaches('messages flow', ({ last }) => last > 5_000);
			const routers = new Set<number>();
			for (let death = 1; death <= 4; death++) {
				const router = await orchd.routerPid();
				routers.add(router);
				const before = await seen();
				process.kill(router, 'SIGKILL');
				await reaches(
					`messages flow after death ${death}`,
					({ last, connections }) => connections > before.connections && last > before.last + 5_000,
				);
			}
			expect(routers.size).toBe(4);
			expect((await orchd.call('daemon.status', {})).router).toMatchObject({ status: 'running', restarts: 4 });
			// the programs themselves are those that were there at first
			for (const [runtime, pid] of [
				[to, to.pid],
				[from, started.pid],
			] as const)
				expect(await orchd.show(runtime)).toMatchObject({ pid, restarts: 0, generation: 1, status: 'running' });
			await orchd.call('runtime.signal', { runtime: 'from', signal: 'SIGSTOP' });
			const end = await until('the last ones have come', async () => {
				const now = await seen();
				await new Promise((resolve) => setTimeout(resolve, 200));
				return JSON.stringify(await seen()) === JSON.stringify(now) && now;
			});
			expect(end.duplicates).toBe(0);
			expect(end.count + end.missing).toBe(end.last);
			// lost with a router, or with no room while the receiver was on its way back: told, message by message
			const { router_lost: lost = 0, receiver_down: unplaced = 0, ...others } = end.dropped;
			expect(others).toEqual({});
			expect(lost + unplaced).toBe(end.missing);
			await orchd.call('clear', {});
		});
	});

	it('programs without SDK: the connection ends, the same path takes them again, and what was linked is linked still', async () => {
		await inSandbox(async (own) => {
			const orchd = await own.startDaemon();
			const stage = new Stage(() => orchd);
			const [a, b] = await Promise.all([stage.stand('a'), stage.stand('b')]);
			await stage.link(a, 'T', b, { queue: 100 });
			const early = [await stage.lines(a), await stage.veecle(b)];
			process.kill(await stage.routerPid(), 'SIGKILL');
			for (const client of early) await client.ends();
			const again = async <T>(connect: () => Promise<T>) =>
				until('the router listens again', () => connect().catch(() => undefined));
			const sender = await again(() => stage.lines(a));
			const receiver = await again(() => stage.veecle(b));
			sender.send({ type: 'T', data: 'again' });
			expect(await receiver.next('the message')).toEqual({ Storable: { type_name: 'T', value: '"again"' } });
			await stage.clear();
		});
	});

	it('the ids of types are the same after it', async () => {
		await inSandbox(async (own) => {
			const orchd = await own.startDaemon();
			const stage = new Stage(() => orchd);
			const a = await stage.stand('a');
			const names = Array.from({ length: 50 }, (_, index) => `Type${index}`);
			const ids = async () => {
				const client = await until('the router takes it', () => stage.frames(a).catch(() => undefined));
				const told = [];
				for (const name of names) told.push(await client.declare(name));
				client.close();
				return told;
			};
			const before = await ids();
			const router = await stage.routerPid();
			process.kill(router, 'SIGKILL');
			await until(
				'another router runs',
				async () => ![null, router].includes((await orchd.call('daemon.status', {})).router.pid),
			);
			names.reverse();
			expect((await ids()).reverse()).toEqual(before);
			await stage.clear();
		});
	});
});

describe('the daemon is killed', () => {
	it('messages go on by the last table; the next daemon knows everything again, and the same router serves it', async () => {
		await inSandbox(async (own) => {
			const first = await own.startDaemon();
			const ping = await first.add(node(fixture('sdk-ping.mjs')), { name: 'ping' });
			const pong = await first.add(node(fixture('sdk-pong.mjs')), { name: 'pong' });
			await first.call('link.add', { from: 'ping', type: 'Ping', to: 'pong' });
			await first.call('link.add', { from: 'pong', type: 'Pong', to: 'ping' });
			const pids: number[] = [];
			for (const { id } of [pong, ping]) pids.push((await first.call('runtime.start', { runtime: id })).pid ?? 0);
			await first.writes(ping, 'round 100\n');
			const { stdoutPath } = await first.show(ping);
			const links = await first.call('link.list', {});
			const router = await first.routerPid();
			await first.kill9();

			const rounds = () => Number(/round (\d+)\n$/.exec(readFileSync(stdoutPath, 'utf8'))?.[1] ?? 0);
			const atDeath = rounds();
			await until('messages go on without a daemon', () => rounds() > atDeath + 1_000);
			for (const pid of [...pids, router]) expect(isAlive(pid)).toBe(true);

			const second = await own.startDaemon();
			const stage = new Stage(() => second);
			expect(await stage.routerPid()).toBe(router);
			expect(
				(await second.call('runtime.list', {})).map(({ name, status, pid, generation }) => [name, status, pid, generation]),
			).toEqual([
				['ping', 'running', pids[1], 1],
				['pong', 'running', pids[0], 1],
			]);
			expect(await second.call('link.list', {})).toEqual(links);
			const before = rounds();
			await until('messages go on under the next daemon', () => rounds() > before + 1_000);
			expect(readFileSync(stdoutPath, 'utf8')).not.toContain('disconnected');
			expect((await second.call('daemon.status', {})).notices).toEqual([]);

			const stopped = await second.call('runtime.stop', { runtime: 'ping' });
			expect(stopped).toMatchObject({ status: 'stopped', lastExit: { by: 'stop' } });
			expect(isAlive(pids[1] ?? 0)).toBe(false);
			const again = await second.call('runtime.start', { runtime: 'ping' });
			expect(again).toMatchObject({ status: 'running', generation: 2 });
			await second.writes(ping, /round 100\n[\s\S]*round 100\n/);
			await stage.clear();
		});
	});

	it('what ignores SIGTERM, has escaped into a session of its own, or was stopped, is stopped as ever by the next daemon', async () => {
		await inSandbox(async (own) => {
			const first = await own.startDaemon();
			const stop = { graceMs: 500 };
			const restart = { when: 'no' } as const;
			const rude = await first.run(
				sh(`trap '' TERM; (setsid sh -c 'trap "" TERM; exec sleep 1000000' &); echo up; while :; do sleep 1000000; done`),
				{ name: 'rude', stop },
			);
			await first.run(sleeper(), { name: 'frozen', stop });
			const gone = await first.run(sh('(setsid sleep 1000000 &); echo up; exec sleep 1000000'), { name: 'gone', stop, restart });
			for (const runtime of [rude, gone]) await first.writes(runtime, 'up');
			await first.call('runtime.signal', { runtime: 'frozen', signal: 'SIGSTOP' });
			await first.kill9();
			// one of them ends while nobody looks, and leaves what it forked
			process.kill(gone.pid ?? 0, 'SIGKILL');
			await until('it is gone', () => !isAlive(gone.pid ?? 0));
			expect(launched(own).length).toBeGreaterThan(3);

			const second = await own.startDaemon();
			await second.becomes(gone, 'settled', ({ status, lastExit }) => status === 'exited' && lastExit?.signal === 'SIGKILL');
			for (const name of ['rude', 'frozen']) {
				expect(await second.call('runtime.stop', { runtime: name })).toMatchObject({ status: 'stopped', escaped: [] });
			}
			await until('nothing of it is left', () => launched(own).length === 0);
		});
	});

	it('killed in the middle of launches: nothing runs twice, nothing unknown is left, and all that was wanted runs', async () => {
		await inSandbox(async (own) => {
			const names = Array.from({ length: 24 }, (_, index) => `many-${index}`);
			for (let round = 0; round < 6; round++) {
				const daemon = await own.startDaemon();
				if (round === 0) await Promise.all(names.map((name) => daemon.add(sleeper(), { name })));
				await Promise.all(names.map((name) => daemon.call('runtime.stop', { runtime: name, graceMs: 0 })));
				expect(launched(own)).toEqual([]);
				const starts = names.map((runtime) => daemon.call('runtime.start', { runtime }).catch(() => {}));
				// at another place of the launches each time
				for (let index = 0; index < round; index++) await Promise.race(starts.splice(0, 4));
				await daemon.kill9();
				await Promise.all(starts);
			}
			const last = await own.startDaemon();
			const wanted = (await last.call('runtime.list', {})).filter(({ desired }) => desired === 'running');
			await until('all that was wanted runs', async () =>
				(await last.call('runtime.list', {})).every(
					({ status, desired }) => status === (desired === 'running' ? 'running' : 'stopped'),
				),
			);
			const programs = launched(own).filter(({ command }) => command.includes('sleep') && !command.includes('orch-shim'));
			expect(programs).toHaveLength(wanted.length);
			expect(wanted.length).toBeGreaterThan(0);
		});
	});

	it('daemon and router both: the next daemon brings a router of its own, to which what runs reconnects', async () => {
		await inSandbox(async (own) => {
			const first = await own.startDaemon();
			const stage = new Stage(() => first);
			const pong = await first.run(node(fixture('sdk-pong.mjs')), { name: 'pong' });
			await first.writes(pong, 'ready');
			const router = await stage.routerPid();
			await first.kill9();
			process.kill(router, 'SIGKILL');
			await until('the router is gone', () => !isAlive(router));
			const second = await own.startDaemon();
			expect(isAlive(pong.pid ?? 0)).toBe(true);
			await second.becomes(pong, 'connected again', ({ pid, status }) => pid === pong.pid && status === 'running');
			await until('it is connected', async () => (await second.show(pong)).connected !== null);
			await second.remove(pong);
		});
	});

	it('a daemon that ends in order and keeps its runtimes hands all of them to the next', async () => {
		await inSandbox(async (own) => {
			const first = await own.startDaemon();
			const one = await first.run(sleeper(), { name: 'one' });
			const router = await first.routerPid();
			expect(await first.call('daemon.stop', { runtimes: 'keep' })).toEqual({ stopped: 0, kept: 1 });
			expect(await first.stop()).toBe(0);
			expect([isAlive(one.pid ?? 0), isAlive(router)]).toEqual([true, true]);
			const second = await own.startDaemon();
			expect(await second.show(one)).toMatchObject({ status: 'running', pid: one.pid });
			expect(await second.stop('SIGUSR2')).toBe(0);
			expect(isAlive(one.pid ?? 0)).toBe(true);
			const third = await own.startDaemon();
			expect(await third.show(one)).toMatchObject({ status: 'running', pid: one.pid });
			expect(await third.routerPid()).toBe(router);
		});
	});

	it('supervision 3.1.30: a daemon that is ended by SIGTERM stops all, and the next starts what ran', async () => {
		await inSandbox(async (own) => {
			const first = await own.startDaemon();
			const one = await first.run(sleeper(), { name: 'one' });
			const off = await first.run(sleeper(), { name: 'off' });
			const manual = await first.run(sleeper(), { name: 'manual', autostart: false });
			await first.call('runtime.stop', { runtime: 'off' });
			expect(await first.stop('SIGTERM')).toBe(0);
			for (const { pid } of [one, manual]) expect(isAlive(pid ?? 0)).toBe(false);
			const second = await own.startDaemon();
			await second.becomes(one, 'running again', ({ status, generation }) => status === 'running' && generation === 2);
			expect(await second.show(off)).toMatchObject({ status: 'stopped', desired: 'stopped' });
			expect(await second.show(manual)).toMatchObject({ status: 'stopped' });
		});
	});

	it.each([true, false])(
		'killed while it ends programs: what is never restarted, or has no autostart, is not started again (asked to end before: %s)',
		async (isAsked) => {
			await inSandbox(async (own) => {
				const first = await own.startDaemon();
				const [sick, go] = ['sick', 'go'].map((name) => join(own.directory, name)) as [string, string];
				const slow = sh(`trap 'while [ ! -e ${go} ]; do sleep 0.02; done; exit 0' TERM; echo up; while :; do sleep 0.02; done`);
				const isWell = {
					check: { kind: 'exec' as const, command: ['/bin/sh', '-c', `[ ! -e ${sick} ]`] },
					everyMs: 100,
					failures: 1,
				};
				const probed = await first.run(slow, { name: 'probed', restart: { when: 'no' }, probes: { live: isWell } });
				const manual = await first.run(slow, { name: 'manual', autostart: false });
				for (const one of [probed, manual]) await first.writes(one, 'up');
				writeFileSync(sick, '');
				await first.becomes(probed, 'stopping', ({ status }) => status === 'stopping');
				if (isAsked) {
					process.kill(first.pid, 'SIGTERM');
					await first.becomes(manual, 'stopping', ({ status }) => status === 'stopping');
				}
				await first.kill9();
				const second = await own.startDaemon();
				expect(await second.show(manual)).toMatchObject({ status: isAsked ? 'stopping' : 'running', pid: manual.pid });
				writeFileSync(go, '');
				const reason = expect.stringContaining('live probe failed');
				const failed = await second.becomes(probed, 'over', ({ status }) => status !== 'stopping');
				expect(failed).toMatchObject({ status: 'failed', desired: 'running', generation: 1, reason });
				if (!isAsked) return;
				const stopped = await second.becomes(manual, 'over', ({ status }) => status !== 'stopping');
				expect(stopped).toMatchObject({ status: 'stopped', desired: 'running', generation: 1 });
			});
		},
	);
});
