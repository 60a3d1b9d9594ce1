/** SIGKILL to the router, to the daemon, to both: what runs goes on, what was lost is counted, nothing comes twice, nothing is left over. */
import { readFileSync } from 'node:fs';
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
	const lines = (await orchd.output(runtime)).toString('utf8').trimEnd().split('\n');
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
				const router = await until('a router runs', async () => (await orchd.call('daemon.status', {})).router.pid ?? false);
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
	it('messages go on by the last table; the next daemon stops what it finds, says so, and starts empty', async () => {
		await inSandbox(async (own) => {
			const first = await own.startDaemon();
			const ping = await first.add(node(fixture('sdk-ping.mjs')), { name: 'ping' });
			const pong = await first.add(node(fixture('sdk-pong.mjs')), { name: 'pong' });
			await first.call('link.add', { from: 'ping', type: 'Ping', to: 'pong' });
			await first.call('link.add', { from: 'pong', type: 'Pong', to: 'ping' });
			const pids = [];
			for (const { id } of [pong, ping]) pids.push((await first.call('runtime.start', { runtime: id })).pid ?? 0);
			await first.writes(ping, 'round 100\n');
			const { stdoutPath } = await first.show(ping);
			const router = (await first.call('daemon.status', {})).router.pid ?? 0;
			await first.kill9();

			const rounds = () => Number(/round (\d+)\n$/.exec(readFileSync(stdoutPath, 'utf8'))?.[1] ?? 0);
			const atDeath = rounds();
			await until('messages go on without a daemon', () => rounds() > atDeath + 1_000);
			expect(readFileSync(stdoutPath, 'utf8')).not.toContain('disconnected');
			for (const pid of [...pids, router]) expect(isAlive(pid)).toBe(true);

			const second = await own.startDaemon();
			const status = await second.call('daemon.status', {});
			for (const [name, pid] of [
				['pong', pids[0]],
				['ping', pids[1]],
			])
				expect(status.notices.join('\n')).toContain(`stopped ${name} (pid ${pid}), which an earlier daemon had left running`);
			for (const pid of pids) expect(isAlive(pid)).toBe(false);
			expect(launched(own)).toEqual([]);
			expect(await second.call('runtime.list', {})).toEqual([]);
			expect(await second.call('link.list', {})).toEqual([]);
			expect((await own.cli('daemon', 'status')).stdout).toContain('which an earlier daemon had left running');

			// the router that outlived its daemon serves the next one, and knows nothing of the old links any more
			const stage = new Stage(() => second);
			const [a, b] = await Promise.all([stage.stand('ping'), stage.stand('b')]);
			await stage.link(a, 'Ping', b);
			expect(await stage.routerPid()).toBe(router);
			const [sender, receiver] = [await stage.lines(a), await stage.lines(b)];
			sender.send({ type: 'Ping', data: 1 });
			expect(await receiver.next('the message')).toEqual({ type: 'Ping', data: 1, from: 'ping' });
			expect((await second.call('link.stats', {})).links).toHaveLength(1);
			await stage.clear();
		});
	});

	it('what ignores SIGTERM, has escaped into a session of its own, or was stopped, is gone when the next daemon answers', async () => {
		await inSandbox(async (own) => {
			const first = await own.startDaemon();
			const stop = { graceMs: 500 };
			const rude = await first.run(
				sh(`trap '' TERM; (setsid sh -c 'trap "" TERM; exec sleep 1000000' &); echo up; while :; do sleep 1000000; done`),
				{ name: 'rude', stop },
			);
			const frozen = await first.run(sleeper(), { name: 'frozen', stop });
			const gone = await first.run(sh('(setsid sleep 1000000 &); echo up; exec sleep 1000000'), { name: 'gone', stop });
			for (const runtime of [rude, gone]) await first.writes(runtime, 'up');
			await first.call('runtime.signal', { runtime: 'frozen', signal: 'SIGSTOP' });
			await first.kill9();
			// one of them ends while nobody looks, and leaves what it forked
			process.kill(gone.pid ?? 0, 'SIGKILL');
			await until('it is gone', () => !isAlive(gone.pid ?? 0));
			expect(launched(own).length).toBeGreaterThan(3);

			const second = await own.startDaemon();
			expect(launched(own)).toEqual([]);
			const notices = (await second.call('daemon.status', {})).notices.join('\n');
			for (const name of ['rude', 'frozen', 'gone']) expect(notices).toContain(`stopped ${name} (pid`);
			expect(isAlive(frozen.pid ?? 0)).toBe(false);
		});
	});

	it('killed in the middle of launches: whatever had been let go is found and stopped, nothing else was launched', async () => {
		await inSandbox(async (own) => {
			for (let round = 0; round < 6; round++) {
				const daemon = await own.startDaemon();
				expect(launched(own)).toEqual([]);
				const runtimes = await Promise.all(
					Array.from({ length: 24 }, (_, index) => daemon.add(sleeper(), { name: `many-${index}` })),
				);
				const starts = runtimes.map(({ id }) => daemon.call('runtime.start', { runtime: id }).catch(() => {}));
				// at another place of the launches each time
				for (let index = 0; index < round; index++) await Promise.race(starts.splice(0, 4));
				await daemon.kill9();
				await Promise.all(starts);
			}
			const last = await own.startDaemon();
			expect(launched(own)).toEqual([]);
			expect(await last.call('runtime.list', {})).toEqual([]);
		});
	});

	it('daemon and router both: the next daemon brings a router of its own, and what ran is stopped', async () => {
		await inSandbox(async (own) => {
			const first = await own.startDaemon();
			const stage = new Stage(() => first);
			const pong = await first.run(node(fixture('sdk-pong.mjs')), { name: 'pong' });
			await first.writes(pong, 'ready');
			const router = await stage.routerPid();
			await first.kill9();
			process.kill(router, 'SIGKILL');
			await until('the router is gone', () => !isAlive(router));
			expect(isAlive(pong.pid ?? 0)).toBe(true);
			const second = await own.startDaemon();
			expect(isAlive(pong.pid ?? 0)).toBe(false);
			const again = await second.run(node(fixture('sdk-pong.mjs')), { name: 'pong' });
			await second.writes(again, 'ready');
			await second.becomes(again, 'ready', ({ ready }) => ready === true);
			await second.remove(again);
		});
	});
});
