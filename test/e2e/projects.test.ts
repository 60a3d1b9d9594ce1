/** A project file, made so and kept so: the shop of the examples on real programs, behind one real orchd. */
import { cpSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { until } from '@orch/base/testing';
import { describe, expect, it } from 'vitest';
import { inSandbox, repository, type Sandbox } from '../support/index.ts';

/** Ports that nobody listens on: taken together, so that they are two. */
async function freePorts(count: number): Promise<number[]> {
	const servers = Array.from({ length: count }, () => createServer());
	const ports = await Promise.all(
		servers.map(
			(server) =>
				new Promise<number>((resolve) => {
					server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port));
				}),
		),
	);
	await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
	return ports;
}

interface Shop {
	readonly own: Sandbox;
	readonly daemon: Awaited<ReturnType<Sandbox['startDaemon']>>;
	orch(...args: string[]): ReturnType<Sandbox['cliWith']>;
	/** As an editor saves: another file is written, and renamed over it. */
	save(change: (text: string) => string): void;
	pids(): Promise<Record<string, number | null>>;
	parcels(): Promise<string[]>;
	order(item: string): Promise<unknown>;
}

async function inShop(work: (shop: Shop) => Promise<void>): Promise<void> {
	const [webPort = 0, storePort = 0] = await freePorts(2);
	await inSandbox(async (own) => {
		cpSync(`${repository}/examples/shop`, own.path(), { recursive: true });
		const file = own.path('orch.yaml');
		const env = { WEB_PORT: String(webPort), STORE_PORT: String(storePort), SHOP_DATA: own.path('data') };
		const orch = (...args: string[]) => own.cliWith({ env, withinMs: 120_000 }, ...args);
		const daemon = await own.startDaemon();
		await work({
			own,
			daemon,
			orch,
			save(change) {
				writeFileSync(`${file}~`, change(readFileSync(file, 'utf8')));
				renameSync(`${file}~`, file);
			},
			async pids() {
				const rows = JSON.parse((await orch('ps', '--json')).stdout) as { name: string; pid: number | null }[];
				return Object.fromEntries(rows.map(({ name, pid }) => [name, pid]));
			},
			async parcels() {
				const answer = await fetch(`http://127.0.0.1:${storePort}/`);
				return (await answer.text()).split('\n').filter((line) => line !== '');
			},
			async order(item) {
				return (await fetch(`http://127.0.0.1:${webPort}/orders/${item}`, { method: 'POST' })).json();
			},
		});
		const down = await orch('down');
		expect(down, down.stderr).toMatchObject({ code: 0 });
		expect(JSON.parse((await orch('ps', '--json')).stdout)).toEqual([]);
		// and once more, as it is so already
		expect((await orch('down')).code).toBe(0);
	});
}

it('what orch init writes comes up as it stands, and goes', async () => {
	await inSandbox(async (own) => {
		await own.startDaemon();
		expect(await own.cli('init')).toMatchObject({ code: 0, stdout: 'orch.yaml\n' });
		expect((await own.cliWith({ withinMs: 60_000 }, 'up')).code).toBe(0);
		await until('it says hello', async () =>
			(await own.cli('logs', 'hello', '--no-prefix')).stdout.includes('hello from orch\n'),
		);
		expect((await own.cliWith({ withinMs: 60_000 }, 'down')).code).toBe(0);
	});
});

describe('a project from standard input', () => {
	it('comes up where it is typed, stands under the next daemon, and goes', async () => {
		await inSandbox(async (own) => {
			const text = 'name: piped\nruntimes: {here: {command: sh -c "pwd; exec sleep 1000"}}\n';
			const orch = (...args: string[]) => own.cliWith({ input: text, withinMs: 60_000 }, ...args);
			const daemon = await own.startDaemon();
			const first = await orch('up', '-f', '-');
			expect(first, first.stderr).toMatchObject({ code: 0 });
			await until('it is where it was typed', async () =>
				(await own.cli('logs', 'piped/here', '--raw')).stdout.includes(`${own.path()}\n`),
			);
			const pid = async () => (JSON.parse((await own.cli('ps', '--json')).stdout) as { pid: number }[]).map((row) => row.pid);
			const before = await pid();
			await daemon.kill9();
			await own.startDaemon();
			const shown = await own.cli('project', 'show', 'piped');
			expect([shown.code, shown.stdout]).toEqual([0, expect.stringContaining('standard input in ')]);
			expect(await own.cli('project', 'reload', 'piped')).toMatchObject({ code: 0 });
			expect((await orch('diff', '-f', '-')).stderr).toContain('nothing would change in project piped');
			expect((await orch('up', '-f', '-')).code).toBe(0);
			expect(await pid()).toEqual(before);
			expect((await orch('down', '-f', '-')).code).toBe(0);
			expect(JSON.parse((await own.cli('ps', '--json')).stdout)).toEqual([]);
		});
	});
});

it('what waits when the time of an up is over waits on, and is started once what it needs is ready', async () => {
	await inSandbox(async (own) => {
		await own.startDaemon();
		const slow = 'until [ -e go ]; do sleep 0.1; done; echo now; exec sleep 1000';
		writeFileSync(
			own.path('orch.yaml'),
			`name: late\nruntimes:\n  c: {command: sleep 1000, needs: slow}\n  slow: {shell: true, command: '${slow}', probes: {ready: log:now}}\n`,
		);
		const up = await own.cliWith({ withinMs: 60_000 }, 'up', '--wait-timeout', '300ms');
		expect(up).toMatchObject({ code: 124, stderr: expect.stringContaining('2 pending (project late)') });
		const status = async () =>
			(JSON.parse((await own.cli('ps', '--json')).stdout) as { name: string; status: string }[]).map((row) => row.status);
		expect(await status()).toEqual(['waiting', 'running']);
		writeFileSync(own.path('go'), '');
		await until('it is started', async () => (await status()).every((one) => one === 'running'));
		expect((await own.cliWith({ withinMs: 60_000 }, 'down')).code).toBe(0);
	});
});

it('a group of a project goes by its name alone, in every command', async () => {
	await inSandbox(async (own) => {
		writeFileSync(
			own.path('orch.yaml'),
			'name: shop\nruntimes:\n  worker: {command: sleep 1000, instances: 2}\n  mail: {command: sleep 1000}\n',
		);
		const orch = (...args: string[]) => own.cliWith({ withinMs: 60_000 }, ...args);
		await own.startDaemon();
		expect(await orch('up')).toMatchObject({ code: 0 });
		expect(await orch('restart', 'worker')).toMatchObject({ code: 0 });
		expect(await orch('link', 'add', '--from', 'mail', '--type', 'Job', '--to', 'worker')).toMatchObject({ code: 0 });
		const [link] = JSON.parse((await orch('link', 'ls', '--to', 'worker', '--json')).stdout) as { to: { name: string } }[];
		expect(link?.to.name).toBe('shop/worker');
		const scaled = await orch('runtime', 'scale', 'worker', '3', '--json');
		expect(JSON.parse(scaled.stdout)).toMatchObject({ name: 'shop/worker', added: ['shop/worker-3'], removed: [] });
		expect(await orch('runtime', 'scale', 'mail', '3')).toMatchObject({ code: 3 });
		expect(await orch('down')).toMatchObject({ code: 0 });
	});
});

describe('the shop', () => {
	it('comes up with one command, serves, and changes nothing when it is brought up again', async () => {
		await inShop(async ({ orch, order, parcels, pids }) => {
			const first = await orch('up', '--json');
			expect(first, first.stderr).toMatchObject({ code: 0 });
			const { outcomes } = JSON.parse(first.stdout) as { outcomes: { name: string; kind: string }[] };
			expect(outcomes.map(({ name, kind }) => `${name} ${kind}`)).toEqual([
				'shop/prepare succeeded',
				'shop/store ready',
				'shop/worker ready',
				'shop/web ready',
			]);
			expect(await order('teapot')).toEqual({ number: 1, item: 'teapot' });
			await until('it is packed and kept', async () => (await parcels()).length === 1);
			expect(await parcels()).toEqual(['{"number":1,"item":"teapot","wrapping":"paper"}']);
			const before = await pids();
			expect((await orch('up')).code).toBe(0);
			expect(await pids()).toEqual(before);
			const diff = await orch('diff');
			expect([diff.code, diff.stdout]).toEqual([0, '']);
		});
	});

	it('follows its file: what changed is restarted alone, what is wrong changes nothing and is told', async () => {
		await inShop(async ({ daemon, orch, save, pids, order, parcels }) => {
			expect((await orch('up')).code).toBe(0);
			const before = await pids();
			save((text) => text.replace('WRAPPING: paper', 'WRAPPING: silk'));
			await until('the worker is another', async () => (await pids())['shop/worker'] !== before['shop/worker']);
			await until('it is up again', async () => (await orch('wait', 'shop/worker', '--for', 'ready')).code === 0);
			const { 'shop/worker': worker, ...others } = await pids();
			expect(others).toEqual({ 'shop/prepare': null, 'shop/store': before['shop/store'], 'shop/web': before['shop/web'] });
			await order('cup');
			await until('it is packed in silk', async () => (await parcels()).some((line) => line.includes('"silk"')));

			save((text) => text.replace('restart: always', 'restart: alway'));
			await until('it is told', async () => (await orch('project', 'show', 'shop')).code === 3);
			const shown = await orch('project', 'show', 'shop');
			expect(shown.stdout).toContain("runtimes.worker.restart is 'alway'; it must be one of: no, on-failure, always");
			const refused = await orch('up');
			expect(refused).toMatchObject({ code: 8, stdout: '' });
			expect(refused.stderr).toMatch(/^orch: orch\.yaml:\d+:14: runtimes\.worker\.restart is 'alway'/);
			expect(await pids()).toEqual({ ...others, 'shop/worker': worker });
			const notice = /project shop is as it was, its files are not valid: orch\.yaml:\d+: runtimes\.worker\.restart is 'alway'/;
			expect((await orch('status')).stdout).toMatch(notice);
			expect((await orch('events', '--kind', 'notice', '--since', '0', '--no-follow')).stdout).toMatch(notice);
			expect(daemon.log).toMatch(
				/"level":"warn".*"project":"shop".*runtimes\.worker\.restart is 'alway'.*"project not reloaded"/,
			);
			save((text) => text.replace('restart: alway', 'restart: always'));
			await until('it holds again', async () => (await orch('project', 'show', 'shop')).code === 0);
			expect((await orch('status')).stdout).not.toContain('project shop');
			expect(await pids()).toEqual({ ...others, 'shop/worker': worker });
		});
	});

	it('outlives its daemon, and is gone on with by the next one', async () => {
		await inShop(async ({ own, daemon, orch, save, pids, order, parcels }) => {
			expect((await orch('up')).code).toBe(0);
			const before = await pids();
			await daemon.kill9();
			await order('saucer');
			save((text) => text.replace('WRAPPING: paper', 'WRAPPING: silk'));
			await own.startDaemon();
			await until('what changed meanwhile is restarted', async () => {
				const now = await pids();
				return now['shop/worker'] !== before['shop/worker'] && typeof now['shop/worker'] === 'number';
			});
			expect((await orch('up')).code).toBe(0);
			const after = await pids();
			expect([after['shop/web'], after['shop/store']]).toEqual([before['shop/web'], before['shop/store']]);
			expect(Object.keys(after)).toHaveLength(4);
			await until('nothing is lost', async () => (await parcels()).length === 1);
		});
	});

	it('says what is not ready and why', async () => {
		await inShop(async ({ orch, save }) => {
			save((text) => text.replace('command: node bin/store.mjs', 'command: node bin/stroe.mjs\n    restart: no'));
			const { code, stderr } = await orch('up');
			expect(code).toBe(1);
			expect(stderr).toMatch(/✗ store +failed .*exit/);
			expect(stderr).toMatch(/✗ web +failed .*it needs shop\/store ready, which is not/);
			expect(stderr).toContain('orch: 1 succeeded, 3 failed (project shop)');
		});
	});
});

/** A project of one runtime `db` and one `api` that says where it is, in a directory of its own. */
function writeProject(own: Sandbox, name: string, need: string): string {
	const file = own.path(`${name}.yaml`);
	const command = "sh -c 'while :; do sleep 60; done'";
	writeFileSync(
		file,
		`name: ${name}
runtimes:
  db: {command: "${command}"}
  api: {command: "${command}", needs: [${need}]}
`,
	);
	return file;
}

describe('two projects with one name in each', () => {
	it('are told apart as PROJECT/NAME, need each other across, and leave each other alone when one goes down', async () => {
		await inSandbox(async (own) => {
			await own.startDaemon();
			const orch = (...args: string[]) => own.cliWith({ withinMs: 120_000 }, ...args);
			const [shop, bank] = [writeProject(own, 'shop', 'db'), writeProject(own, 'bank', 'shop/db')];
			const rows = async () => {
				const found = JSON.parse((await orch('ps', '--json')).stdout) as { name: string; pid: number | null; status: string }[];
				return Object.fromEntries(found.map(({ name, pid, status }) => [name, { pid, status }]));
			};

			const alone = await orch('up', '-f', bank);
			expect(alone.code).toBe(1);
			expect(alone.stderr).toContain('it needs shop/db started, which is not: it is not there');
			expect((await orch('up', '-f', shop)).code).toBe(0);
			const second = await orch('up', '-f', bank);
			expect(second, second.stderr).toMatchObject({ code: 0 });

			const before = await rows();
			expect(Object.keys(before).sort()).toEqual(['bank/api', 'bank/db', 'shop/api', 'shop/db']);
			expect(Object.values(before).map(({ status }) => status)).toEqual(Array(4).fill('running'));
			expect(new Set(Object.values(before).map(({ pid }) => pid)).size).toBe(4);
			// the bare name of neither is one that may be guessed
			expect((await orch('stop', 'db')).code).not.toBe(0);
			expect(await rows()).toEqual(before);

			const down = await orch('down', '-f', bank);
			expect(down, down.stderr).toMatchObject({ code: 0 });
			expect(await rows()).toEqual({ 'shop/api': before['shop/api'], 'shop/db': before['shop/db'] });
			const names = (JSON.parse((await orch('project', 'list', '--json')).stdout) as { name: string }[]).map(({ name }) => name);
			expect(names).toEqual(['shop']);

			expect((await orch('up', '-f', bank)).code).toBe(0);
			const again = await rows();
			// what others need goes down all the same: it is this project that was named
			expect((await orch('down', '-f', shop)).code).toBe(0);
			expect(await rows()).toEqual({ 'bank/api': again['bank/api'], 'bank/db': again['bank/db'] });
			expect((await orch('down', '-f', bank)).code).toBe(0);
			expect(await rows()).toEqual({});
		});
	});
});
