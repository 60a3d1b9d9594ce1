/** Projects that mount others: loaded together, refused together, each followed by itself. */
import { settle } from '@orch/base/testing';
import { describe, expect, it } from 'vitest';
import { readBasePath } from './base-path.ts';
import { loadTree } from './load/load-tree.ts';
import { ProjectError } from './refusal.ts';
import type { ProjectEvent, UpWish } from './reports.ts';
import type { FakeWorld } from './testing/fake-world.ts';
import { portsOf } from './testing/load.ts';
import { startProjects } from './testing/start-projects.ts';

const idle = async () => {
	for (let turn = 0; turn < 25; turn++) await settle();
};

const orchestrator = `version: 1
runners:
  - name: echo
    config: ../echo/orch.yaml
    basePath: /echo
  - name: mail
    config: mail.yaml
    basePath: /mail/
`;
const echo = 'name: svc\nruntimes:\n  api: {command: ./api}\n';
const mail = 'runtimes:\n  smtp: {command: ./smtp}\n  queue: {command: ./queue, needs: smtp}\nlinks:\n  - queue -Letter-> smtp\n';

function start(files: Record<string, string> = {}, world?: FakeWorld) {
	const parts = startProjects(undefined, world);
	const all = { '/shop/orchestrator.yaml': orchestrator, '/echo/orch.yaml': echo, '/shop/mail.yaml': mail, ...files };
	for (const [path, text] of Object.entries(all)) parts.files.set(path, text);
	const events: ProjectEvent[] = [];
	parts.projects.events.subscribe((event) => events.push(event));
	const signal = new AbortController().signal;
	const mountRequest = (path: string, name?: string) => ({ ...parts.request(), files: [{ path, name: path.slice(1) }], name });
	return {
		...parts,
		events,
		up: (options: Partial<UpWish> = {}, load = ['orchestrator.yaml'], profiles: readonly string[] = []) =>
			parts.up(options, load, profiles),
		down: (name: string) => parts.projects.down(name, { signal }),
		mount: (path: string, basePath: string, { name, replaces = false }: { name?: string; replaces?: boolean } = {}) =>
			parts.projects.mount(mountRequest(path, name), { basePath, replaces, waitMs: 60_000, signal }),
		unmount: (name: string) => parts.projects.unmount(name, { signal }),
		mounts: () => Object.fromEntries(parts.projects.runners().map(({ record, mount }) => [record.name, mount.basePath])),
		names: () => [...parts.world.runtimes.keys()].sort(),
		async save(path: string, text: string | undefined) {
			parts.save(path, text);
			await parts.clock.advance(1_000);
			await idle();
		},
	};
}

const refusal = async (work: Promise<unknown>) => {
	try {
		await work;
	} catch (error) {
		if (error instanceof ProjectError) return error.refusal;
		throw error;
	}
	throw new Error('Cannot find a refusal: it worked');
};
const problemsOf = async (work: Promise<unknown>) => {
	const refused = await refusal(work);
	if (refused.kind !== 'invalid') throw new Error(`Cannot find problems: ${refused.kind}`);
	return refused.problems.map(({ message, at }) => `${at?.file}:${at?.line}: ${message}`);
};

describe('base paths', () => {
	it.each([
		['/', '/'],
		['//', '/'],
		['/echo/', '/echo'],
		['//a///b//', '/a/b'],
		['/a.b/~c', '/a.b/~c'],
	])('%s is %s', (text, path) => expect(readBasePath(text)).toEqual({ path }));

	it.each(['', 'echo', '/a/../b', '/.', '/a b', '/a?b', '/a#b', '/a%2fb', '/ä', '/a\\b', `/${'x'.repeat(1000)}`])(
		'%j is none',
		(text) => expect(readBasePath(text)).toHaveProperty('fault'),
	);
});

describe('a file with runners', () => {
	it('makes a project of each, under the runner’s name, beside each other', async () => {
		const { up, world, mounts, names, projects } = start();
		const report = await up();
		expect(report.outcomes.map(({ name, kind }) => `${name} ${kind}`).sort()).toEqual([
			'echo/api running',
			'mail/queue running',
			'mail/smtp running',
		]);
		expect(report.name).toBe('shop');
		expect(report.plan.runtimes.added.map(({ name }) => name)).toEqual(['echo/api', 'mail/smtp', 'mail/queue']);
		expect(names()).toEqual(['echo/api', 'mail/queue', 'mail/smtp']);
		expect(mounts()).toEqual({ echo: '/echo', mail: '/mail' });
		expect(world.runtimes.get('echo/api')?.declaration.program).toBe('/echo/api');
		expect(projects.list().map(({ record }) => record.name)).toEqual(['shop', 'echo', 'mail']);
		expect(world.records.get('shop')).toMatchObject({ definitions: { runners: { echo: { basePath: '/echo' } } } });
		expect(world.records.get('shop')?.isMounting).toBeUndefined();
		expect(world.listeners).toBe(0);
	});

	it('is changed nothing by, where it is the same', async () => {
		const { up, world } = start();
		await up();
		const before = world.calls.length;
		const report = await up();
		expect(report.plan).toMatchObject({ runtimes: { added: [], removed: [], changed: [] }, definitions: [] });
		expect(new Set(world.calls.slice(before))).toEqual(new Set(['save']));
	});

	it('tells the problems of all files at once, each in its place, and does nothing then', async () => {
		const { up, world, projects } = start({
			'/shop/orchestrator.yaml': orchestrator.replace('version: 1', 'version: 2').replace('mail.yaml', 'mial.yaml'),
			'/echo/orch.yaml': 'runtimes:\n  api: {comand: x}\n  b: {command: x, needs: c}\n',
		});
		expect(await problemsOf(up())).toEqual([
			'orchestrator.yaml:1: version is 2; it must be 1',
			"../echo/orch.yaml:2: runtimes.api lacks 'command'",
			"../echo/orch.yaml:2: unknown key 'comand' in runtimes.api",
			"../echo/orch.yaml:3: runtime 'b' needs 'c', which is not defined",
			"orchestrator.yaml:7: runner 'mail': cannot read mial.yaml: there is no such file",
		]);
		expect(world.calls).toEqual([]);
		expect(projects.list()).toEqual([]);
	});

	it.each([
		[
			'the same name',
			'  - {name: echo, config: mail.yaml, basePath: /x}\n',
			"orchestrator.yaml:9: a runner 'echo' is there already (line 3)",
		],
		[
			'the same base path, spelt otherwise',
			'  - {name: other, config: mail.yaml, basePath: //echo/}\n',
			"orchestrator.yaml:9: the base path /echo is taken by the runner 'echo'",
		],
		[
			'the name of the project itself',
			'  - {name: shop, config: mail.yaml, basePath: /x}\n',
			"orchestrator.yaml:9: a runner is a project of its own, and this project is called 'shop'",
		],
		[
			'a base path with dots',
			'  - {name: other, config: mail.yaml, basePath: /a/../b}\n',
			"orchestrator.yaml:9: the base path of 'other': it may hold no . or .. between slashes",
		],
		[
			'itself',
			'  - {name: other, config: orchestrator.yaml, basePath: /x}\n',
			'orchestrator.yaml:2: this is mounted as a runner, and a runner has none of its own',
		],
	])('may not mount %s', async (_what, more, expected) => {
		const { up, world } = start({ '/shop/orchestrator.yaml': orchestrator + more });
		expect(await problemsOf(up())).toEqual([expected]);
		expect(world.calls).toEqual([]);
	});

	it('refuses runners of runners, in their place', async () => {
		const { up } = start({ '/shop/mail.yaml': `${mail}runners:\n  - {name: deep, config: deep.yaml}\n` });
		expect(await problemsOf(up())).toEqual(['mail.yaml:6: this is mounted as a runner, and a runner has none of its own']);
	});

	it('mounts one file twice, as two projects', async () => {
		const text = 'runners:\n  - {name: a, config: mail.yaml, basePath: /a}\n  - {name: b, config: mail.yaml, basePath: /b}\n';
		const { up, names } = start({ '/shop/orchestrator.yaml': text });
		await up();
		expect(names()).toEqual(['a/queue', 'a/smtp', 'b/queue', 'b/smtp']);
	});

	it('takes a workflow file as it stands for a runner', async () => {
		const text = 'runners:\n  - {name: ci, config: .loom.yml, basePath: /ci}\n';
		const loom = 'name: Build\njobs:\n  build:\n    steps:\n      - {name: x, run: make}\n';
		const { up, world, names } = start({ '/shop/orchestrator.yaml': text, '/shop/.loom.yml': loom });
		await up();
		expect(Object.keys(world.records.get('ci')?.definitions.workflows ?? {})).toEqual(['Build']);
		expect(names()).toEqual([]);
	});

	it('refuses a name and a base path that are there already, naming both, and leaves what is there', async () => {
		const { up, files, request, projects, mount, mounts } = start();
		files.set('/shop/echo.yaml', 'name: echo\nruntimes: {other: {command: x}}\n');
		await projects.up(request(['echo.yaml']), { waitMs: 60_000, signal: new AbortController().signal });
		await mount('/shop/mail.yaml', '/mail', { name: 'post' });
		expect(await problemsOf(up())).toEqual([
			"orchestrator.yaml:3: a project 'echo' is loaded already, from /shop/echo.yaml",
			"orchestrator.yaml:8: the base path /mail is taken by the runner 'post'",
		]);
		expect(mounts()).toEqual({ post: '/mail' });
		expect(projects.find('shop')).toBeUndefined();
		await expect(projects.diff(request(['orchestrator.yaml']), {})).rejects.toThrow(ProjectError);
	});

	it('gives each of them the variables of who types, and keeps those that are asked for', async () => {
		const { up, world, files, projects, request } = start({
			'/echo/orch.yaml': `runtimes:\n  api: {command: ./api, env: {A: "\${A}"}}\n`,
			'/echo/.env': 'B=1\n',
		});
		expect(await problemsOf(up())).toEqual(['../echo/orch.yaml:2: the variable A is not set']);
		await projects.up(request(['orchestrator.yaml'], [], { A: '1', C: '2' }), {
			waitMs: 60_000,
			signal: new AbortController().signal,
		});
		expect(world.runtimes.get('echo/api')?.declaration.env).toEqual({ PATH: '/usr/bin', A: '1' });
		expect(world.records.get('echo')?.environment).toEqual({ A: '1' });
		expect(world.records.get('shop')?.environment).toEqual({ A: '1' });
		expect(files.has('/echo/.env')).toBe(true);
	});

	it('chooses profiles that any of its files knows, and refuses one that none knows', async () => {
		const withProfile = `${echo}profiles: {dev: {env: {LOG: debug}}}\n`;
		const { up, world } = start({ '/echo/orch.yaml': withProfile });
		expect(await problemsOf(up({}, undefined, ['dve']))).toEqual(["undefined:undefined: no profile 'dve'"]);
		await up({}, undefined, ['dev']);
		expect(world.runtimes.get('echo/api')?.declaration.env).toEqual({ PATH: '/usr/bin', LOG: 'debug' });
	});

	it('goes on with a profile that only its runners know, when it is saved and with the next daemon', async () => {
		const files = { '/echo/orch.yaml': `${echo}profiles: {dev: {env: {LOG: debug}}}\n` };
		const first = start(files);
		await first.up({}, undefined, ['dev']);
		await first.save('/shop/orchestrator.yaml', orchestrator.replace('/mail/', '/post'));
		expect(first.projects.find('shop')?.problems).toEqual([]);
		expect(first.mounts()).toEqual({ echo: '/echo', mail: '/post' });
		await first.projects.close();
		const second = start({ ...files, '/shop/orchestrator.yaml': orchestrator.replace('/mail/', '/post') }, first.world);
		await second.projects.restore();
		expect(second.projects.find('shop')?.problems).toEqual([]);
		await second.save('/shop/orchestrator.yaml', orchestrator);
		expect(second.mounts()).toEqual({ echo: '/echo', mail: '/mail' });
		expect(second.world.runtimes.get('echo/api')?.declaration.env).toEqual({ PATH: '/usr/bin', LOG: 'debug' });
	});

	it('registers all before it links or starts any, and waits across projects for what another starts', async () => {
		const text = `name: shop\nruntimes:\n  front: {command: x, needs: {echo/api: ready}}\nlinks:\n  - {from: front, type: Job, to: mail/smtp}\n${orchestrator.replace('version: 1\n', '')}`;
		const { up, world } = start({
			'/shop/orch.yaml': text,
			'/echo/orch.yaml': echo.replace('./api}', './api, probes: {ready: tcp:80}}'),
		});
		world.behaviours.set('echo/api', 'slow');
		const upping = up({}, ['orch.yaml']);
		await idle();
		const firstLink = world.calls.findIndex((call) => call.startsWith('link'));
		expect(world.calls.findLastIndex((call) => call.startsWith('add'))).toBeLessThan(firstLink);
		expect(world.calls).not.toContain('start shop/front');
		world.set('echo/api', { ready: true });
		const report = await upping;
		expect(report.faults).toEqual([]);
		expect(report.outcomes.map(({ kind }) => kind)).not.toContain('failed');
	});

	it('gives up on what needs another’s that cannot be started, with the reason', async () => {
		const text = `name: shop\nruntimes:\n  front: {command: x, needs: {echo/api: started}}\n${orchestrator.replace('version: 1\n', '')}`;
		const { up, world } = start({ '/shop/orch.yaml': text });
		world.behaviours.set('echo/api', 'refuses');
		const { outcomes } = await up({}, ['orch.yaml']);
		expect(outcomes.find(({ name }) => name === 'shop/front')).toMatchObject({
			kind: 'failed',
			reason: /it needs echo\/api started/,
		});
	});

	it('tells of what belongs to a runner with the runner’s name', async () => {
		const told: string[] = [];
		await start().up({ onProgress: ({ name, runner }) => told.push(`${runner} ${name}`) });
		expect(new Set(told)).toEqual(new Set(['echo echo/api', 'mail mail/smtp', 'mail mail/queue']));
	});
});

describe('what mounts runners', () => {
	it('takes them away with itself, and what it has not mounted it leaves', async () => {
		const { up, down, mount, mounts, names, world, events } = start();
		await up();
		await mount('/shop/mail.yaml', '/own', { name: 'own' });
		expect(await refusal(down('echo'))).toEqual({
			kind: 'declared',
			name: 'echo',
			parent: 'shop',
			file: '/shop/orchestrator.yaml',
		});
		const { removed } = await down('shop');
		expect([...removed].sort()).toEqual(['echo/api', 'mail/queue', 'mail/smtp']);
		expect(names()).toEqual(['own/queue', 'own/smtp']);
		expect(mounts()).toEqual({ own: '/own' });
		expect([...world.records.keys()]).toEqual(['own']);
		expect(events.map((event) => `${event.kind} ${event.project}`)).toEqual([
			...['mounted echo', 'mounted mail', 'mounted own'],
			...['unmounted echo', 'unmounted mail'],
		]);
	});

	it('takes one away that its file mounts no longer, also when that is saved', async () => {
		const { up, save, names, mounts, world } = start();
		await up();
		await save('/shop/orchestrator.yaml', orchestrator.replace(/ {2}- name: mail[\s\S]*/, ''));
		expect(names()).toEqual(['echo/api']);
		expect(mounts()).toEqual({ echo: '/echo' });
		expect([...world.records.keys()].sort()).toEqual(['echo', 'shop']);
	});

	it('leaves it and names it where it is given other files than before, unless told otherwise', async () => {
		const only = orchestrator.replace(/ {2}- name: mail[\s\S]*/, '');
		const { up, files, names } = start();
		await up();
		files.set('/shop/more.yaml', 'runtimes: {}\n').set('/shop/orchestrator.yaml', only);
		const report = await up({}, ['orchestrator.yaml', 'more.yaml']);
		expect(report.orphans).toEqual(['mail/smtp', 'mail/queue']);
		expect(names()).toContain('mail/smtp');
		await up({ removeOrphans: true }, ['orchestrator.yaml', 'more.yaml']);
		expect(names()).toEqual(['echo/api']);
	});

	it('mounts one that is added to its file when that is saved, and moves one whose base path changes', async () => {
		const { up, save, names, mounts, files } = start();
		await up();
		files.set('/shop/third.yaml', 'runtimes: {x: {command: x}}\n');
		const more = `${orchestrator.replace('/mail/', '/post')}  - {name: third, config: third.yaml, base_path: /mail}\n`;
		await save('/shop/orchestrator.yaml', more);
		expect(mounts()).toEqual({ echo: '/echo', mail: '/post', third: '/mail' });
		expect(names()).toContain('third/x');
		expect((await up()).plan.definitions).toEqual([]);
	});

	it('swaps base paths, and gives the one of what goes to what comes', async () => {
		const { up, save, mounts } = start();
		await up();
		const swapped = orchestrator.replace('basePath: /echo', 'basePath: /x').replace('/mail/', '/echo').replace('/x', '/mail');
		await save('/shop/orchestrator.yaml', swapped);
		expect(mounts()).toEqual({ echo: '/mail', mail: '/echo' });
		await save('/shop/orchestrator.yaml', swapped.replace('name: mail', 'name: post'));
		expect(mounts()).toEqual({ echo: '/mail', post: '/echo' });
	});

	it('takes away what another file of the same runner has left', async () => {
		const { up, save, names, files } = start();
		await up();
		files.set(
			'/shop/mail2.yaml',
			mail.replace('  smtp:', '  smtp2:').replaceAll('smtp}', 'smtp2}').replace('-> smtp', '-> smtp2'),
		);
		await save('/shop/orchestrator.yaml', orchestrator.replace('config: mail.yaml', 'config: mail2.yaml'));
		expect(names()).toEqual(['echo/api', 'mail/queue', 'mail/smtp2']);
	});

	it('stays as it is while a runner that is added does not hold, says why, and goes on once it does', async () => {
		const { up, save, names, projects, mounts } = start();
		await up();
		const more = `${orchestrator}  - {name: third, config: third.yaml, basePath: /third}\n`;
		await save('/shop/orchestrator.yaml', more);
		expect(projects.find('shop')?.problems.map(({ message }) => message)).toEqual([
			"runner 'third': cannot read third.yaml: there is no such file",
		]);
		await save('/shop/third.yaml', 'runtimes: {x: {comand: x}}\n');
		expect(projects.find('shop')?.problems.map(({ message, at }) => `${at?.file} ${message}`)).toContain(
			"third.yaml unknown key 'comand' in runtimes.x",
		);
		expect(mounts()).toEqual({ echo: '/echo', mail: '/mail' });
		await save('/shop/third.yaml', 'runtimes: {x: {command: x}}\n');
		expect(projects.find('shop')?.problems).toEqual([]);
		expect(names()).toContain('third/x');
	});

	it('says so where a file that is saved clashes with what somebody else has mounted', async () => {
		const { up, save, mount, projects, mounts, events } = start();
		await up();
		await mount('/shop/mail.yaml', '/own', { name: 'own' });
		await save('/shop/orchestrator.yaml', orchestrator.replace('/mail/', '/own'));
		expect(projects.find('shop')?.problems.map(({ message, at }) => `${at?.line} ${message}`)).toEqual([
			"8 the base path /own is taken by the runner 'own'",
		]);
		expect(events.at(-1)?.kind).toBe('invalid');
		expect(mounts()).toEqual({ echo: '/echo', mail: '/mail', own: '/own' });
	});
});

describe('a runner', () => {
	it('is reloaded alone when its own file is saved; where that does not hold, nothing changes and it says why', async () => {
		const { up, save, world, projects } = start();
		await up();
		const before = world.calls.length;
		await save('/echo/orch.yaml', echo.replace('./api', './api2'));
		expect(new Set(world.calls.slice(before))).toEqual(new Set(['save', 'stop echo/api', 'change echo/api', 'start echo/api']));
		expect(projects.find('shop')?.reloads).toBe(0);
		const after = world.calls.length;
		await save('/echo/orch.yaml', echo.replace('command', 'comand'));
		expect(world.calls.length).toBe(after);
		const [runner] = projects.runners();
		expect(runner?.health).toEqual({
			status: 'degraded',
			reasons: [
				expect.stringContaining("its files are not valid: ../echo/orch.yaml:3: runtimes.api lacks 'command' (and 1 more)"),
			],
		});
		// and does not keep the others from being changed
		await save('/shop/orchestrator.yaml', orchestrator.replace('/mail/', '/post'));
		expect(projects.find('shop')?.problems).toEqual([]);
	});

	it('may be brought up by itself, and stays where it is mounted', async () => {
		const { up, projects, request, files, mounts } = start();
		await up();
		files.set('/shop/mail.yaml', mail.replace('./smtp', './smtp2'));
		const wish = { waitMs: 60_000, signal: new AbortController().signal };
		const report = await projects.up({ ...request(['mail.yaml']), name: 'mail' }, wish);
		expect(report.plan.runtimes.changed.map(({ after }) => after.name)).toEqual(['mail/smtp']);
		expect(mounts()).toEqual({ echo: '/echo', mail: '/mail' });
	});

	it('is added by a command under its own name or a given one, checked before anything is done', async () => {
		const { mount, mounts, names, world, unmount } = start();
		await mount('/echo/orch.yaml', '//echo/');
		expect(mounts()).toEqual({ svc: '/echo' });
		const before = [...world.calls];
		expect(await refusal(mount('/shop/mail.yaml', '/echo', { name: 'mail' }))).toEqual({
			kind: 'path_taken',
			name: 'mail',
			basePath: '/echo',
			other: 'svc',
		});
		expect(await refusal(mount('/echo/orch.yaml', '/x'))).toEqual({ kind: 'name_taken', name: 'svc', file: '/echo/orch.yaml' });
		expect(await refusal(mount('/shop/mail.yaml', 'x'))).toMatchObject({ kind: 'bad_path' });
		expect(await refusal(mount('/shop/none.yaml', '/x'))).toMatchObject({ kind: 'invalid' });
		expect(await refusal(mount('/shop/orchestrator.yaml', '/x'))).toMatchObject({ kind: 'invalid' });
		expect(world.calls).toEqual(before);
		await unmount('svc');
		expect(names()).toEqual([]);
		expect(await refusal(unmount('svc'))).toEqual({ kind: 'not_mounted', name: 'svc', known: [] });
	});

	it('is replaced as a whole, or not at all', async () => {
		const { mount, mounts, names, world, up } = start();
		await mount('/echo/orch.yaml', '/echo', { name: 'own' });
		const before = [...world.calls];
		expect(await refusal(mount('/shop/none.yaml', '/own', { name: 'own', replaces: true }))).toMatchObject({ kind: 'invalid' });
		expect(world.calls).toEqual(before);
		expect(mounts()).toEqual({ own: '/echo' });
		await mount('/shop/mail.yaml', '/own', { name: 'own', replaces: true });
		expect(names()).toEqual(['own/queue', 'own/smtp']);
		expect(mounts()).toEqual({ own: '/own' });
		expect(await refusal(mount('/shop/mail.yaml', '/x', { name: 'none', replaces: true }))).toMatchObject({
			kind: 'not_mounted',
		});
		await up();
		expect(await refusal(mount('/shop/mail.yaml', '/x', { name: 'mail', replaces: true }))).toMatchObject({ kind: 'declared' });
	});

	it('keeps what it has made by itself while what mounts it waits for its turn', async () => {
		const { up, save, world, mounts } = start();
		await up();
		const { save: keep } = world.store;
		let release = () => {};
		const held = new Promise<void>((settled) => {
			release = settled;
		});
		world.store.save = async (record) => {
			if (record.name === 'mail') await held;
			return keep(record);
		};
		const linked = `${mail}  - smtp -Receipt-> queue\n`;
		// both are read before either is applied, the runner's own first
		await save('/shop/mail.yaml', linked);
		await save('/shop/orchestrator.yaml', orchestrator.replace('/mail/', '/post'));
		release();
		await idle();
		expect(mounts()).toEqual({ echo: '/echo', mail: '/post' });
		expect(world.records.get('mail')?.links).toHaveLength(2);
		await save('/shop/mail.yaml', mail);
		expect([...world.links.values()].map(({ type }) => type)).toEqual(['Letter']);
	});

	it('gets one base path, whoever asks for it at the same time', async () => {
		const { mount, mounts, up } = start();
		const both = await Promise.allSettled([
			mount('/echo/orch.yaml', '/x', { name: 'a' }),
			mount('/shop/mail.yaml', '/x', { name: 'b' }),
			mount('/shop/mail.yaml', '/mail', { name: 'c' }),
			up(),
		]);
		expect(both.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'rejected']);
		expect(mounts()).toEqual({ a: '/x', c: '/mail' });
	});

	it('cannot be kept, and then nothing of it is there; kept in part, it is gone on with, or taken away', async () => {
		for (const isKept of [() => false, (name: string) => name !== 'mail', (name: string) => name !== 'shop']) {
			const { up, world, projects, mounts, names, down } = start();
			const { save } = world.store;
			world.store.save = async (record) => {
				if (record.appliedAt > 0 && !isKept(record.name)) throw new Error('the disk is full');
				return save(record);
			};
			await expect(up()).rejects.toThrow('the disk is full');
			const left = ['echo', 'mail'].filter(isKept);
			expect(Object.keys(mounts())).toEqual(left);
			expect([...world.records.keys()].sort()).toEqual(left.length > 0 ? [...left, 'shop'] : []);
			expect(projects.list().length).toBe(world.records.size);
			world.store.save = save;
			if (left.length > 1) await up();
			if (left.length > 0) await down('shop');
			expect([names(), world.records.size]).toEqual([[], 0]);
		}
	});
});

describe('the next daemon', () => {
	it('goes on with all of them, and follows each', async () => {
		const first = start();
		await first.up();
		await first.mount('/echo/orch.yaml', '/own', { name: 'own' });
		await first.projects.close();
		const second = start({}, first.world);
		await second.projects.restore();
		expect(second.mounts()).toEqual({ echo: '/echo', mail: '/mail', own: '/own' });
		await second.save('/shop/mail.yaml', mail.replace('./smtp', './smtp2'));
		expect(second.world.runtimes.get('mail/smtp')?.declaration.program).toBe('/shop/smtp2');
		await second.down('shop');
		expect(second.names()).toEqual(['own/api']);
	});

	it('comes to the same end wherever the one before was interrupted', async () => {
		const whole = start();
		await whole.up();
		const files = { '/shop/orchestrator.yaml': orchestrator.replace('name: mail', 'name: post').replace('/echo\n', '/other\n') };
		const changed = start(files, whole.world);
		await changed.projects.restore();
		await idle();
		await changed.up();
		const goal = whole.world.facts();
		const steps = whole.world.calls.length;
		for (let callsLeft = 0; callsLeft < steps; callsLeft++) {
			const one = start();
			await one.up();
			one.world.callsLeft = callsLeft;
			const two = start(files, one.world);
			await two.projects.restore();
			await two.up().catch(() => {});
			await two.projects.close();
			one.world.callsLeft = Number.POSITIVE_INFINITY;
			const three = start(files, one.world);
			await three.projects.restore();
			await idle();
			await three.up();
			expect(three.world.facts()).toEqual(goal);
		}
	});

	it('goes on by itself with what was being mounted', async () => {
		const first = start();
		first.world.callsLeft = 3;
		await first.up().catch(() => {});
		first.world.callsLeft = Number.POSITIVE_INFINITY;
		const second = start({}, first.world);
		await second.projects.restore();
		await idle();
		expect(second.names()).toEqual(['echo/api', 'mail/queue', 'mail/smtp']);
		expect([...second.world.runtimes.values()].map(({ status }) => status)).toEqual(['running', 'running', 'running']);
		expect(second.world.records.get('shop')?.isMounting).toBeUndefined();
	});
});

it('a tree of files is loaded once for each that is mounted, but for those that are left as they are', () => {
	const files = new Map([
		['/shop/orchestrator.yaml', orchestrator],
		['/echo/orch.yaml', 'nonsense: 1\n'],
		['/shop/mail.yaml', mail],
	]);
	const request = {
		files: [{ path: '/shop/orchestrator.yaml', name: 'orchestrator.yaml' }],
		profiles: [],
		environment: {},
		inherited: {},
	};
	expect(loadTree(request, portsOf(files)).project).toBeUndefined();
	const tree = loadTree(request, portsOf(files), { leaves: ({ name }) => name === 'echo' });
	expect(tree.runners.map(({ declaration }) => declaration.name)).toEqual(['mail']);
	expect(tree.project?.definitions.runners).toEqual({
		echo: { config: '/echo/orch.yaml', basePath: '/echo' },
		mail: { config: '/shop/mail.yaml', basePath: '/mail' },
	});
});
