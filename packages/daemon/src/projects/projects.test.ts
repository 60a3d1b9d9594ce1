import { isDeepStrictEqual } from 'node:util';
import { settle } from '@orch/base/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type LinkDeclaration, linkKey } from './declaration.ts';
import { isEmptyPlan } from './plan.ts';
import { ProjectError } from './refusal.ts';
import { FakeWorld } from './testing/fake-world.ts';
import { projectFile } from './testing/random-project.ts';
import { startProjects } from './testing/start-projects.ts';

/** Lets everything happen that can happen now. */
const idle = async () => {
	for (let turn = 0; turn < 20; turn++) await settle();
};

const three = `
name: shop
runtimes:
  db: {command: ./db}
  api: {command: ./api, needs: db}
  worker: {command: ./worker, needs: [api]}
links:
  - api -Job-> worker
`;

/** The same, where it matters that the first is ready. */
const strict = three.replace('needs: db}', 'needs: db:ready}');

const refusal = async (work: Promise<unknown>) => {
	try {
		await work;
	} catch (error) {
		if (error instanceof ProjectError) return error.refusal;
		throw error;
	}
	throw new Error('Cannot find a refusal: it worked');
};

describe('up', () => {
	it('starts in the order of needs, what is independent at the same time, and tells how it went', async () => {
		const { up, world } = startProjects(`${three}\n  - db -Row-> api\n`.replace('worker: {', 'other: {command: x}\n  worker: {'));
		const report = await up();
		expect(report.outcomes.map(({ name, kind }) => `${name} ${kind}`)).toEqual([
			'shop/db running',
			'shop/api running',
			'shop/other running',
			'shop/worker running',
		]);
		const calls = world.calls.filter((call) => !/^add|other/.test(call));
		expect(calls).toEqual([
			'save',
			'link shop/api Job shop/worker',
			'link shop/db Row shop/api',
			...['start shop/db', 'start shop/api', 'start shop/worker'],
			'save',
		]);
		expect(world.listeners).toBe(0);
	});

	it('waits for what is needed to be ready, not merely started', async () => {
		const { up, world } = startProjects(strict);
		world.behaviours.set('shop/db', 'slow');
		const upping = up();
		await idle();
		expect(world.calls).not.toContain('start shop/api');
		world.set('shop/db', { ready: true });
		expect((await upping).outcomes.map(({ kind }) => kind)).toEqual(['ready', 'running', 'running']);
	});

	it('tells what it waits for while it does', async () => {
		const { up, world } = startProjects(
			'runtimes:\n  db: {command: x, probes: {ready: log:now}}\n  migrate: {command: x}\n  api: {command: x, needs: {db: ready, migrate: succeeded}}\n',
		);
		world.behaviours.set('shop/db', 'slow').set('shop/migrate', 'slow');
		const told: string[] = [];
		const upping = up({ onProgress: ({ name, kind, reason }) => told.push(`${name} ${kind} ${reason}`) });
		await idle();
		expect(told.filter((each) => each.includes('waiting'))).toEqual(['shop/db waiting log:now', 'shop/migrate waiting its end']);
		world.set('shop/db', { ready: true });
		world.set('shop/migrate', { status: 'exited', succeeded: true });
		await upping;
		expect(told.at(-1)).toBe('shop/api running null');
	});

	it('does not wait for readiness where started is enough, and waits for an end where that is asked', async () => {
		const { up, world } = startProjects(
			'runtimes:\n  db: {command: x}\n  migrate: {command: x, needs: db:started}\n  api: {command: x, needs: {migrate: succeeded}}\n',
		);
		world.behaviours.set('shop/db', 'slow').set('shop/migrate', 'slow');
		const upping = up();
		await idle();
		expect(world.calls).toContain('start shop/migrate');
		expect(world.calls).not.toContain('start shop/api');
		world.set('shop/migrate', { status: 'exited', succeeded: true });
		await idle();
		expect(world.calls).toContain('start shop/api');
		world.set('shop/db', { ready: true });
		expect((await upping).outcomes.map(({ kind }) => kind)).toEqual(['ready', 'succeeded', 'running']);
	});

	it('says what is not ready and why, and what waits for it in vain', async () => {
		const { up, world } = startProjects(three);
		world.behaviours.set('shop/db', 'fails');
		expect((await up()).outcomes).toEqual([
			{ name: 'shop/db', kind: 'failed', reason: 'exit 1 after 3 tries', ms: 0 },
			{ name: 'shop/api', kind: 'failed', reason: 'it needs shop/db started, which is not: exit 1 after 3 tries', ms: 0 },
			{
				name: 'shop/worker',
				kind: 'failed',
				reason: 'it needs shop/api started, which is not: it needs shop/db started, which is not: exit 1 after 3 tries',
				ms: 0,
			},
		]);
	});

	it('gives up waiting after its time; what waits is left to wait, and is started without it', async () => {
		const { up, world, clock } = startProjects(strict);
		world.behaviours.set('shop/db', 'slow').set('shop/api', 'waits').set('shop/worker', 'waits');
		const upping = up({ waitMs: 5_000 });
		await idle();
		await clock.advance(5_000);
		expect((await upping).outcomes).toEqual([
			{ name: 'shop/db', kind: 'pending', reason: 'it is not ready', ms: 5_000 },
			{ name: 'shop/api', kind: 'pending', reason: 'it needs shop/db ready, which is not yet: it is not ready', ms: 5_000 },
			{
				name: 'shop/worker',
				kind: 'pending',
				reason: 'it needs shop/api started, which is not yet: it needs shop/db ready, which is not yet: it is not ready',
				ms: 5_000,
			},
		]);
		await idle();
		expect([...world.runtimes.values()].map(({ status, desired }) => [status, desired])).toEqual([
			['running', 'running'],
			['waiting', 'running'],
			['waiting', 'running'],
		]);
		expect(clock.pending).toBeLessThanOrEqual(1);
	});

	it('that is called away leaves what waits to wait as well, and an orchd that ends starts nothing more', async () => {
		const { up, world, projects } = startProjects(strict);
		world.behaviours.set('shop/db', 'slow').set('shop/api', 'waits').set('shop/worker', 'waits');
		const called = new AbortController();
		const upping = up({ signal: called.signal });
		await idle();
		called.abort();
		expect((await upping).outcomes.map(({ kind }) => kind)).toEqual(['pending', 'pending', 'pending']);
		await idle();
		expect([world.runtimes.get('shop/worker')?.status, world.records.get('shop')?.starting]).toEqual(['waiting', []]);
		await projects.close();

		const other = startProjects(strict);
		other.world.behaviours.set('shop/db', 'slow');
		const closing = other.up();
		await idle();
		await other.projects.close();
		await closing;
		expect(other.world.calls).not.toContain('start shop/api');
		expect(other.world.records.get('shop')?.starting).toEqual(['shop/db', 'shop/api', 'shop/worker']);
	});

	it('twice changes nothing the second time', async () => {
		const { up, world } = startProjects(three);
		world.behaviours.set('shop/db', 'succeeds');
		await up();
		const before = world.calls.length;
		const report = await up();
		expect(isEmptyPlan(report.plan)).toBe(true);
		expect(world.calls.slice(before)).toEqual(['save', 'save']);
		expect(report.outcomes.map(({ kind }) => kind)).toEqual(['succeeded', 'running', 'running']);
	});

	it('starts again what was stopped or has failed', async () => {
		const { up, world } = startProjects(three);
		await up();
		world.set('shop/api', { status: 'stopped', desired: 'stopped' });
		world.set('shop/worker', { status: 'failed' });
		const before = world.calls.length;
		await up();
		expect(world.calls.slice(before)).toEqual(['save', 'start shop/api', 'start shop/worker', 'save']);
	});

	it('restarts only what needs a new process, and changes the rest as it runs', async () => {
		const { up, world, files } = startProjects(three);
		await up();
		files.set(
			'/shop/orch.yaml',
			three.replace('{command: ./db}', '{command: ./db, labels: {x: 1}}').replace('./worker,', './worker --fast,'),
		);
		const before = world.calls.length;
		const report = await up();
		expect(report.plan.runtimes.changed.map(({ after, restart }) => [after.name, restart])).toEqual([
			['shop/db', []],
			['shop/worker', ['args']],
		]);
		expect(world.calls.slice(before)).toEqual([
			'save',
			'stop shop/worker',
			'change shop/db',
			'change shop/worker',
			'start shop/worker',
			'save',
		]);
	});

	it('takes away what the same file declares no longer; with another set of files only where it is told to', async () => {
		const { up, world, files } = startProjects(three);
		files.set('/shop/more.yaml', 'runtimes:\n  extra: {command: x}\n');
		await up({}, ['orch.yaml', 'more.yaml']);
		const forgotten = await up();
		expect(forgotten.orphans).toEqual(['shop/extra']);
		expect(world.runtimes.get('shop/extra')?.status).toBe('running');
		await up({ removeOrphans: true });
		expect(world.runtimes.has('shop/extra')).toBe(false);
		files.set('/shop/orch.yaml', three.replace(/ {2}worker.*\n/, '').replace(/links[\s\S]*/, ''));
		await up();
		expect([...world.runtimes.keys()]).toEqual(['shop/db', 'shop/api']);
		expect([...world.links.keys()]).toEqual([]);
	});

	it('leaves alone what belongs to a profile that was not chosen this time', async () => {
		const text =
			'runtimes:\n  api: {command: x}\n  debug: {command: x, profiles: [debug], instances: 2}\nlinks:\n  - api -X-> debug\n';
		const { up, world } = startProjects(text);
		await up({}, undefined, ['debug']);
		const report = await up();
		expect(report.orphans).toEqual([]);
		expect([...world.runtimes.keys()]).toEqual(['shop/api', 'shop/debug-1', 'shop/debug-2']);
		expect(world.links.size).toBe(2);
	});

	it('of some names brings up those and what they need', async () => {
		const { up, world } = startProjects(three);
		await up({ only: ['api'] });
		expect([...world.runtimes.keys()]).toEqual(['shop/db', 'shop/api']);
		expect(world.links.size).toBe(0);
		await up({ only: ['shop/worker'], noDeps: true });
		expect(world.calls).toContain('start shop/worker');
		expect(world.links.size).toBe(1);
		expect(await refusal(up({ only: ['wroker'] }))).toEqual({
			kind: 'unknown_runtime',
			name: 'wroker',
			known: ['db', 'api', 'worker'],
		});
	});

	it('waits for the hour of what has one, unless it is named', async () => {
		const { up, world } = startProjects('runtimes:\n  nightly: {command: x, schedule: "@daily"}\n  api: {command: x}\n');
		const report = await up();
		expect(report.outcomes.map(({ name, kind }) => [name, kind])).toEqual([
			['shop/nightly', 'scheduled'],
			['shop/api', 'running'],
		]);
		expect(world.calls).not.toContain('start shop/nightly');
		await up({ only: ['nightly'] });
		expect(world.calls).toContain('start shop/nightly');
	});

	it('gives each a new process where that is asked for', async () => {
		const { up, world } = startProjects(three);
		await up();
		await up({ forceRecreate: true });
		expect([...world.runtimes.values()].map(({ starts }) => starts)).toEqual([2, 2, 2]);
	});

	it('registers and starts nothing where that is asked for', async () => {
		const { up, world } = startProjects(three);
		const report = await up({ startNothing: true });
		expect(report.outcomes).toEqual([]);
		expect([...world.runtimes.values()].map(({ status }) => status)).toEqual(['stopped', 'stopped', 'stopped']);
	});

	it('does with the rest what it can when one cannot be added or linked', async () => {
		const { up, world } = startProjects(three);
		world.behaviours.set('shop/db', 'refuses');
		world.runtimesPort.add = ((add) => async (declaration) => {
			if (declaration.name === 'shop/worker') throw new Error('no room');
			await add(declaration);
		})(world.runtimesPort.add) as typeof world.runtimesPort.add;
		const report = await up();
		expect(report.outcomes.map(({ name, reason }) => [name, reason])).toEqual([
			['shop/db', 'it cannot be started'],
			['shop/api', 'it needs shop/db started, which is not: it cannot be started'],
			['shop/worker', 'no room'],
		]);
		expect(report.faults).toEqual(['cannot link shop/api ─Job→ shop/worker: shop/worker is not there']);
	});

	it('leaves to its owner a link that was there before', async () => {
		const { up, down, world } = startProjects(three);
		await up({ startNothing: true });
		const [link] = world.links.values();
		if (!link) throw new Error('Cannot find the link');
		await down();
		expect(world.links.size).toBe(0);
		await up({ startNothing: true, only: ['db', 'api'] });
		const own = { ...(link as LinkDeclaration), from: 'shop/db', to: 'shop/api', type: 'Mine' };
		world.links.set(linkKey(own), own);
		await up();
		expect(world.records.get('shop')?.links).toEqual([linkKey(link)]);
		expect(world.links.size).toBe(2);
	});

	it('refuses a name that is loaded from elsewhere, and files with problems', async () => {
		const { up, projects, files, request } = startProjects(three);
		await up();
		files.set('/shop/copy.yaml', three);
		expect(await refusal(up({}, ['copy.yaml']))).toEqual({ kind: 'elsewhere', name: 'shop', file: '/shop/orch.yaml' });
		files.set('/shop/orch.yaml', 'runtimes: 1');
		expect(await refusal(up())).toMatchObject({ kind: 'invalid', problems: [{ number: 'E117' }] });
		await expect(projects.diff(request(), {})).rejects.toThrow(ProjectError);
	});

	it('keeps the PATH of the first time', async () => {
		const { projects, request, world } = startProjects(three);
		const signal = new AbortController().signal;
		await projects.up(request(), { waitMs: 1000, signal });
		const before = world.calls.length;
		await projects.up({ ...request(), inherited: { PATH: '/elsewhere' } }, { waitMs: 1000, signal });
		expect(world.calls.slice(before)).toEqual(['save', 'save']);
	});

	it('one after the other, in order, where several ask at once', async () => {
		const { up, world, files } = startProjects(three);
		const first = up();
		const second = up();
		files.set('/shop/orch.yaml', three.replace('./db', './db2'));
		await Promise.all([first, second]);
		expect(world.runtimes.get('shop/db')?.starts).toBe(1);
		expect(world.calls.filter((call) => call === 'save')).toHaveLength(4);
	});
});

describe('down', () => {
	it('takes away what the project has made, users before what they need, and nothing else', async () => {
		const { up, down, world } = startProjects(three);
		await up();
		const link = { from: '*', type: 'Any', to: 'other/x', messages: 1, bytes: 1, overflow: 'block', whileDown: 'drop' } as const;
		await world.runtimesPort.add({
			...(world.runtimes.get('shop/db')?.declaration as object),
			name: 'other/x',
			project: 'other',
		} as never);
		await world.linksPort.add(link);
		const report = await down();
		expect(report).toEqual({ name: 'shop', removed: ['shop/worker', 'shop/api', 'shop/db'], left: [] });
		expect([...world.runtimes.keys()]).toEqual(['other/x']);
		expect([...world.links.values()]).toEqual([link]);
		expect(world.records.size).toBe(0);
		expect(await down()).toEqual({ name: 'shop', removed: [], left: [] });
	});

	it('of some names takes away those, and the project stays', async () => {
		const { up, down, world, projects } = startProjects(three);
		await up();
		await down(['worker']);
		expect([...world.runtimes.keys()]).toEqual(['shop/db', 'shop/api']);
		expect(projects.find('shop')).toBeDefined();
		expect(await refusal(down(['nobody']))).toMatchObject({ kind: 'unknown_runtime', name: 'nobody' });
	});

	it('says what is left and why, and goes on from there', async () => {
		const { up, down, world } = startProjects(three);
		await up();
		const { stop } = world.runtimesPort;
		world.runtimesPort.stop = (async (name: string, signal: AbortSignal) => {
			if (name === 'shop/db') throw new Error('pid 7 escaped');
			await stop(name, signal);
		}) as never;
		expect(await down()).toMatchObject({ left: [{ name: 'shop/db', reason: 'pid 7 escaped' }] });
		world.runtimesPort.stop = stop as never;
		expect(await down()).toMatchObject({ removed: ['shop/db'], left: [] });
	});
});

const texts = fc.tuple(projectFile, projectFile).map(([a, b]) => [JSON.stringify(a), JSON.stringify(b)] as const);

describe('a project that cannot be forgotten', () => {
	it.each(['down', 'clear'] as const)('by %s is there with its types, until it can be', async (how) => {
		const { up, down, world, projects } = startProjects(`${three}\ntypes:\n  Ping: { type: object }\n`);
		await up();
		const types = world.types.get('shop');
		const { remove } = world.store;
		world.store.remove = async () => {
			throw new Error('the disk is full');
		};
		const forget = () => (how === 'down' ? down() : projects.clear());
		await expect(forget()).rejects.toThrow('the disk is full');
		expect([projects.find('shop')?.record.name, world.types.get('shop')]).toEqual(['shop', types]);
		world.store.remove = remove;
		await forget();
		expect([projects.list(), world.records.size, world.types.get('shop')]).toEqual([[], 0, '{}']);
	});
});

describe('up of one project after another of the same name', () => {
	it('ends as the second alone does, has restarted nothing but what differs, and is done then', async () => {
		await fc.assert(
			fc.asyncProperty(texts, async ([before, after]) => {
				const alone = startProjects(after);
				await alone.up();

				const parts = startProjects(before);
				await parts.up();
				const declared = new Map([...parts.world.runtimes].map(([name, { declaration }]) => [name, declaration] as const));
				const startsBefore = new Map([...parts.world.runtimes].map(([name, { starts }]) => [name, starts] as const));
				const mark = parts.world.calls.length;
				parts.files.set('/shop/orch.yaml', after);
				const { plan } = await parts.up();
				expect(parts.world.facts()).toEqual(alone.world.facts());

				const done = parts.world.calls.slice(mark);
				const restarts = new Set(
					plan.runtimes.changed.filter(({ restart }) => restart.length > 0).map(({ after: { name } }) => name),
				);
				for (const [name, { declaration, starts }] of parts.world.runtimes) {
					const old = declared.get(name);
					const expected = old === undefined ? 1 : (startsBefore.get(name) ?? 0) + (restarts.has(name) ? 1 : 0);
					expect([name, starts]).toEqual([name, expected]);
					// what is declared as it was is not touched at all
					if (old !== undefined && isDeepStrictEqual(old, declaration))
						expect(done.filter((call) => call.endsWith(` ${name}`))).toEqual([]);
				}

				const again = parts.world.calls.length;
				const second = await parts.up();
				expect([isEmptyPlan(second.plan), parts.world.calls.slice(again)]).toEqual([true, ['save', 'save']]);
			}),
			{ numRuns: 60 },
		);
	});
});

describe('an up that is interrupted', () => {
	it('comes to the same end when it is done again, wherever it was', async () => {
		await fc.assert(
			fc.asyncProperty(texts, fc.nat(), async ([before, after], chance) => {
				const straight = startProjects(after);
				await straight.up();

				const { world, up, files, clock } = startProjects(before);
				await up();
				files.set('/shop/orch.yaml', after);
				const done = world.calls.length;
				const probe = startProjects(before);
				await probe.up();
				probe.files.set('/shop/orch.yaml', after);
				await probe.up();
				const steps = probe.world.calls.length - done;

				world.callsLeft = chance % (steps + 1);
				await up().catch(() => {});
				world.callsLeft = Number.POSITIVE_INFINITY;
				// a daemon that starts anew finds what is, and what was written down
				world.restoreTypes();
				const next = startProjects(after, world, clock);
				await next.projects.restore();
				await next.up();
				expect(world.facts()).toEqual(straight.world.facts());
				expect(probe.world.facts()).toEqual(straight.world.facts());
				const settled = world.calls.length;
				await next.up();
				expect(world.calls.slice(settled)).toEqual(['save', 'save']);
			}),
			{ numRuns: 30 },
		);
	});

	it('at every step of thirty runtimes starts none of them twice', async () => {
		const runtimes = Array.from(
			{ length: 30 },
			(_, index) => `  r${index}: {command: x${index > 2 ? `, needs: [r${index - 3}]` : ''}}`,
		);
		const text = `runtimes:\n${runtimes.join('\n')}\nlinks:\n  - r0 -X-> r29\n`;
		const whole = startProjects(text);
		await whole.up();
		for (let steps = 0; steps <= whole.world.calls.length; steps++) {
			const { world, up, clock } = startProjects(text);
			world.callsLeft = steps;
			await up().catch(() => {});
			world.callsLeft = Number.POSITIVE_INFINITY;
			const next = startProjects(text, world, clock);
			await next.projects.restore();
			await next.up();
			expect([...world.runtimes.values()].every(({ starts }) => starts === 1)).toBe(true);
			expect(world.facts()).toEqual(whole.world.facts());
		}
	});
});

describe('an up of a changed file that is interrupted', () => {
	/** Thirty of which a third changes its program, a third its policy, some go, and some come with links of their own. */
	const generation = (second: boolean) => {
		const names = Array.from({ length: 30 }, (_, index) => index).filter((index) => index % 6 !== (second ? 1 : 2));
		const runtimes = names.map((index) => {
			const needs = names.includes(index - 3) ? `, needs: [r${index - 3}]` : '';
			const program = second && index % 3 === 0 ? 'y' : 'x';
			const restart = second && index % 3 === 1 ? ', restart: always' : '';
			return `  r${index}: {command: ${program}${needs}${restart}}`;
		});
		const links = names.slice(1).map((to, at) => `  - r${names[at]} -X-> r${to}`);
		return `runtimes:\n${runtimes.join('\n')}\nlinks:\n${links.join('\n')}\n`;
	};
	const [before, after] = [generation(false), generation(true)];

	it('at any step is finished by the next one: each has one process, which is of the new file', async () => {
		const whole = startProjects(before);
		await whole.up();
		const first = whole.world.calls.length;
		whole.files.set('/shop/orch.yaml', after);
		const { plan } = await whole.up();
		const steps = whole.world.calls.length - first;
		// it is about all of them: processes that go, come, are replaced, are kept
		const { added, removed, changed } = plan.runtimes;
		const restarts = new Set(changed.filter(({ restart }) => restart.length > 0).map(({ after: { name } }) => name));
		for (const some of [added, removed, changed, [...restarts]]) expect(some.length).toBeGreaterThan(3);

		for (let step = 0; step <= steps; step++) {
			const { world, up, clock, files } = startProjects(before);
			await up();
			files.set('/shop/orch.yaml', after);
			world.callsLeft = step;
			await up().catch(() => {});
			world.callsLeft = Number.POSITIVE_INFINITY;
			const next = startProjects(after, world, clock);
			await next.projects.restore();
			await next.up();
			expect(world.facts()).toEqual(whole.world.facts());
			for (const [name, { starts }] of world.runtimes)
				expect([step, name, starts]).toEqual([step, name, restarts.has(name) ? 2 : 1]);
		}
	});
});

describe('what follows its files', () => {
	const saveQuietly = async (parts: ReturnType<typeof startProjects>, text: string | undefined) => {
		parts.save('/shop/orch.yaml', text);
		await parts.clock.advance(1_000);
		await idle();
	};

	it('is changed once for each save, and only where it differs', async () => {
		const parts = startProjects(three);
		await parts.up();
		await parts.clock.advance(1_000);
		const before = parts.world.calls.length;
		await saveQuietly(parts, three.replace('./db', './db2'));
		expect(parts.world.calls.slice(before)).toEqual(['save', 'stop shop/db', 'change shop/db', 'start shop/db', 'save']);
		const after = parts.world.calls.length;
		await saveQuietly(parts, three.replace('./db', './db2'));
		expect(parts.world.calls.length).toBe(after);
		expect(parts.projects.find('shop')?.reloads).toBe(1);
	});

	it('is not another project because its name is: a renamed one is refused, and nothing is started twice', async () => {
		const parts = startProjects(three);
		await parts.up();
		await parts.clock.advance(1_000);
		const before = parts.world.calls.length;
		await saveQuietly(parts, three.replace('name: shop', 'name: store'));
		expect(parts.world.calls.slice(before)).toEqual([]);
		const problem = {
			kind: 'renamed',
			number: 'E215',
			message: "the file names the project 'store', and it is loaded as 'shop'",
			at: { file: 'orch.yaml', line: 2, column: 7 },
			hint: 'orch down -p shop, then orch up',
		};
		expect(parts.projects.list().map(({ record, problems }) => [record.name, problems])).toMatchObject([['shop', [problem]]]);
		const renamed = { kind: 'renamed', name: 'store', loaded: 'shop', file: '/shop/orch.yaml' };
		expect(await refusal(parts.up())).toEqual(renamed);
		expect(await refusal(parts.projects.diff(parts.request(), {}))).toEqual(renamed);
		// the same file under a name of its own is meant so
		await parts.projects.up({ ...parts.request(), name: 'other' }, { waitMs: 1, signal: new AbortController().signal });
		await parts.down();
		expect((await parts.up()).name).toBe('store');
	});

	it('tells what to do where its file is gone', async () => {
		const parts = startProjects(three);
		await parts.up();
		await parts.clock.advance(1_000);
		await saveQuietly(parts, undefined);
		expect(parts.projects.find('shop')?.problems).toMatchObject([
			{ message: 'cannot read orch.yaml: there is no such file', hint: 'orch down -p shop, where it is not to come back' },
		]);
	});

	it('may be of a file that gives each its name by a variable', async () => {
		// biome-ignore lint/suspicious/noTemplateCurlyInString: variables of project files are written so
		const text = three.replace('name: shop', 'name: shop-${STAGE}');
		const { projects, request } = startProjects(text);
		const wish = { waitMs: 60_000, signal: new AbortController().signal };
		await projects.up(request(undefined, [], { STAGE: 'a' }), wish);
		await projects.up(request(undefined, [], { STAGE: 'b' }), wish);
		expect(projects.list().map(({ record }) => record.name)).toEqual(['shop-a', 'shop-b']);
	});

	it('says of types what the files say, before anything is started, until it is down', async () => {
		const parts = startProjects(`${three}\ntypes:\n  Ping: { type: object }\n`);
		await parts.up();
		const said = () => parts.world.types.get('shop');
		expect(said()).toBe('{"Ping":{"type":"object"}}');
		const { calls } = parts.world;
		expect(calls.indexOf('types Ping')).toBeLessThan(calls.findIndex((call) => call.startsWith('start ')));
		const before = calls.length;
		parts.files.set('/shop/orch.yaml', `${three}\ntypes:\n  Ping: { type: string }\n`);
		await parts.up();
		expect([said(), calls.slice(before)]).toEqual(['{"Ping":{"type":"string"}}', ['save', 'types Ping', 'save']]);
		await parts.down();
		expect(said()).toBe('{}');
	});

	it('tells what is said of types and not enforced', async () => {
		const parts = startProjects(`${three}\ntypes:\n  Ping: { type: object }\n`);
		parts.world.typeFaults.push('type Ping is not enforced: not to be had');
		expect((await parts.up()).faults).toEqual(['type Ping is not enforced: not to be had']);
	});

	it('is tried again, not at once and not given up, where what was saved cannot be written down', async () => {
		const parts = startProjects(three);
		await parts.up();
		await parts.clock.advance(1_000);
		const { save } = parts.world.store;
		let tries = 0;
		parts.world.store.save = async () => {
			tries++;
			throw new Error('the disk is full');
		};
		await saveQuietly(parts, three.replace('./db', './db2'));
		expect(tries).toBe(1);
		for (let second = 0; second < 25; second++) {
			await parts.clock.advance(1_000);
			await idle();
		}
		expect(tries).toBe(3);
		parts.world.store.save = save;
		for (let second = 0; second < 12; second++) {
			await parts.clock.advance(1_000);
			await idle();
		}
		expect(parts.world.runtimes.get('shop/db')?.declaration.program).toBe('/shop/db2');
		const before = parts.world.calls.length;
		await parts.clock.advance(60_000);
		await idle();
		expect(parts.world.calls.length).toBe(before);
	});

	it('is what it was until a save is applied: the same again is a change', async () => {
		const parts = startProjects(three);
		await parts.up();
		await parts.clock.advance(1_000);
		parts.files.set('/shop/orch.yaml', three.replace('./db', './db2'));
		const { save } = parts.world.store;
		parts.world.store.save = async () => {
			throw new Error('the disk is full');
		};
		await expect(parts.up()).rejects.toThrow('the disk is full');
		parts.world.store.save = save;
		await saveQuietly(parts, three.replace('./db', './db2'));
		expect(parts.world.runtimes.get('shop/db')?.declaration.program).toBe('/shop/db2');
	});

	it('changes once for a burst of a thousand saves', async () => {
		const parts = startProjects(three);
		await parts.up();
		await parts.clock.advance(1_000);
		for (let count = 0; count < 1000; count++) {
			parts.save('/shop/orch.yaml', three.replace('./db', `./db${count}`));
			await parts.clock.advance(1);
		}
		await parts.clock.advance(1_000);
		await idle();
		expect(parts.projects.find('shop')?.reloads).toBe(1);
		expect(parts.world.runtimes.get('shop/db')?.declaration.program).toBe('/shop/db999');
	});

	it('tells somebody who never stops saving, at last', async () => {
		const parts = startProjects(three);
		await parts.up();
		for (let count = 0; count < 150; count++) {
			parts.save('/shop/orch.yaml', three.replace('./db', `./db${count}`));
			await parts.clock.advance(100);
		}
		expect(parts.projects.find('shop')?.reloads).toBeGreaterThan(0);
	});

	it('waits for a file that is being written', async () => {
		const parts = startProjects(three);
		await parts.up();
		await parts.clock.advance(1_000);
		const half = three.slice(0, three.indexOf('worker') - 2);
		parts.save('/shop/orch.yaml', '');
		await parts.clock.advance(100);
		parts.save('/shop/orch.yaml', half.trimEnd());
		await parts.clock.advance(1_000);
		expect(parts.world.runtimes.has('shop/worker')).toBe(true);
		parts.save('/shop/orch.yaml', `${three}# done\n`);
		await parts.clock.advance(1_000);
		expect(parts.projects.find('shop')?.problems).toEqual([]);
		expect(parts.world.calls.filter((call) => call.startsWith('remove'))).toEqual([]);
	});

	it('waits for a file that comes over a slow network, in pieces that end anywhere', async () => {
		const parts = startProjects(three);
		await parts.up();
		await parts.clock.advance(1_000);
		const text = `${three.replace('./db', './db2')}# the end\n`;
		for (let length = 0; length < text.length; length += 7) {
			parts.save('/shop/orch.yaml', text.slice(0, length));
			await parts.clock.advance(90);
		}
		parts.save('/shop/orch.yaml', text);
		await parts.clock.advance(1_000);
		await idle();
		expect(parts.projects.find('shop')).toMatchObject({ reloads: 1, problems: [] });
		expect(parts.world.calls.filter((call) => call.startsWith('remove'))).toEqual([]);
		expect(parts.world.runtimes.get('shop/db')?.processDeclaration?.program).toBe('/shop/db2');
	});

	it('is told late, twice, or of what it has read already: one reload for one content', async () => {
		const parts = startProjects(three);
		await parts.up();
		await parts.clock.advance(1_000);
		const hears = () =>
			parts.watched
				.filter(({ isClosed }) => !isClosed)
				.at(-1)
				?.changed();
		// the content is there long before the word of it
		parts.files.set('/shop/orch.yaml', three.replace('./db', './db2'));
		await parts.clock.advance(30_000);
		expect(parts.projects.find('shop')?.reloads).toBe(0);
		hears();
		await parts.clock.advance(1_000);
		await idle();
		expect(parts.projects.find('shop')?.reloads).toBe(1);
		// and comes once more, of the same save
		hears();
		await parts.clock.advance(1_000);
		await idle();
		expect(parts.projects.find('shop')?.reloads).toBe(1);
		// the word of a save comes while what it saved has been taken back
		parts.files.set('/shop/orch.yaml', three.replace('./db', './db3'));
		parts.files.set('/shop/orch.yaml', three.replace('./db', './db2'));
		hears();
		await parts.clock.advance(1_000);
		await idle();
		expect(parts.projects.find('shop')?.reloads).toBe(1);
	});

	it('stays as it is while its file is invalid, empty or gone, and says why', async () => {
		const parts = startProjects(three);
		await parts.up();
		const facts = JSON.stringify(parts.world.facts());
		const told: string[] = [];
		parts.projects.events.subscribe((event) => told.push(event.kind));
		for (const [text, message] of [
			['runtimes: {a: {restart: alway}}\n', 'E200'],
			['', 'E204'],
			[undefined, 'E204'],
			['a: b: c\n', 'E115'],
		] as const) {
			await saveQuietly(parts, text);
			await parts.clock.advance(5_000);
			expect(parts.projects.find('shop')?.problems[0]?.number).toBe(message);
			expect(JSON.stringify(parts.world.facts())).toBe(facts);
		}
		expect(told).toEqual(['invalid', 'invalid', 'invalid', 'invalid']);
		await saveQuietly(parts, three);
		expect(parts.projects.find('shop')?.problems).toEqual([]);
		expect(JSON.stringify(parts.world.facts())).toBe(facts);
	});

	it('does not start what somebody has stopped', async () => {
		const parts = startProjects(three);
		await parts.up();
		parts.world.set('shop/worker', { status: 'stopped', desired: 'stopped' });
		const before = parts.world.calls.length;
		await saveQuietly(parts, `${three.replace('./worker', './worker2').replace('./api', './api2')}`);
		expect(parts.world.calls.slice(before)).toEqual([
			'save',
			'stop shop/api',
			'change shop/api',
			'change shop/worker',
			'start shop/api',
			'save',
		]);
	});

	it('follows .env and workflows in files of their own, also those that come later', async () => {
		const parts = startProjects(`${three}env: {A: "\${A:-none}"}\n`);
		await parts.up();
		parts.save('/shop/.env', 'A=1\n');
		await parts.clock.advance(1_000);
		await idle();
		expect(parts.world.runtimes.get('shop/db')?.processDeclaration?.env['A']).toBe('1');
		await saveQuietly(parts, `${three}workflows: [flow.yaml]\n`);
		expect(parts.projects.find('shop')?.problems[0]?.number).toBe('E204');
		parts.save('/shop/flow.yaml', 'steps: [{run: x}]\n');
		await parts.clock.advance(1_000);
		await idle();
		expect(parts.projects.find('shop')?.record.definitions.workflows).toEqual({ flow: { steps: [{ run: 'x' }] } });
	});

	it('of an earlier daemon is gone on with: what changed meanwhile is a change, what did not is none', async () => {
		const first = startProjects(three);
		await first.up();
		await first.projects.close();
		const same = startProjects(three, first.world, first.clock);
		await same.projects.restore();
		const before = first.world.calls.length;
		await same.clock.advance(1_000);
		expect(first.world.calls.length).toBe(before);
		await same.projects.close();
		const other = startProjects(three.replace('./db', './db2'), first.world, first.clock);
		await other.projects.restore();
		await other.clock.advance(1_000);
		expect(first.world.runtimes.get('shop/db')?.processDeclaration?.program).toBe('/shop/db2');
	});

	it('is left alone once it is down', async () => {
		const parts = startProjects(three);
		await parts.up();
		await parts.down();
		await saveQuietly(parts, three.replace('./db', './db2'));
		expect(parts.world.runtimes.size).toBe(0);
		expect(parts.watched.every(({ isClosed }) => isClosed)).toBe(true);
		expect(parts.clock.pending).toBe(0);
	});
});

describe('a project of a text that was given', () => {
	const given = (text: string, more: readonly string[] = []) => ({
		files: [{ path: '/shop/-', name: 'standard input', text }, ...more.map((name) => ({ path: `/shop/${name}`, name }))],
		profiles: [],
		environment: {},
		inherited: { PATH: '/usr/bin' },
	});
	const wish = () => ({ waitMs: 60_000, signal: new AbortController().signal });

	it('stands under the next daemon as it was, though nobody could read it again', async () => {
		const first = startProjects();
		await first.projects.up(given(three), wish());
		const facts = first.world.facts();
		await first.projects.close();
		const next = startProjects(undefined, first.world, first.clock);
		await next.projects.restore();
		await next.clock.advance(5_000);
		expect(next.projects.find('shop')).toMatchObject({ problems: [], reloads: 0 });
		await next.projects.reload('shop', wish());
		expect(next.world.facts()).toEqual(facts);
		// and the same text once more changes nothing
		const before = next.world.calls.length;
		await next.projects.up(given(three), wish());
		expect(next.world.calls.slice(before)).toEqual(['save', 'save']);
	});

	it('is not followed, whatever stands where its name says; the files beside it are', async () => {
		const parts = startProjects();
		await parts.projects.up(given(`${three}env: {A: "\${A:-none}"}\n`, ['more.yaml']), wish()).catch(() => {});
		parts.files.set('/shop/more.yaml', 'runtimes: {more: {command: ./more}}\n');
		await parts.projects.up(given(`${three}env: {A: "\${A:-none}"}\n`, ['more.yaml']), wish());
		expect(parts.watched.at(-1)?.paths).toEqual(['/shop/more.yaml', '/shop/.env']);
		await parts.clock.advance(1_000);
		parts.save('/shop/-', 'runtimes: {}\n');
		parts.save('/shop/.env', 'A=1\n');
		parts.save('/shop/more.yaml', 'runtimes: {more: {command: ./other}}\n');
		await parts.clock.advance(1_000);
		await idle();
		expect(parts.projects.find('shop')?.reloads).toBe(1);
		expect(parts.world.runtimes.get('shop/db')?.processDeclaration?.env['A']).toBe('1');
		expect(parts.world.runtimes.get('shop/more')?.processDeclaration?.program).toBe('/shop/other');
	});

	it('changes by another text, and takes away what that declares no longer', async () => {
		const parts = startProjects();
		await parts.projects.up(given(three), wish());
		const report = await parts.projects.up(given('name: shop\nruntimes: {db: {command: ./db}}\n'), wish());
		expect(report.plan.runtimes.removed.map(({ name }) => name).sort()).toEqual(['shop/api', 'shop/worker']);
		expect([...parts.world.runtimes.keys()]).toEqual(['shop/db']);
	});

	it('is not that of a file, nor the other way round', async () => {
		const parts = startProjects(three);
		await parts.projects.up(given(three), wish());
		expect(await refusal(parts.up())).toEqual({ kind: 'elsewhere', name: 'shop', file: 'standard input' });
	});

	it('tells its problems by its name', async () => {
		const found = await refusal(startProjects().projects.up(given('runtimes: {a: {restart: no}}\n'), wish()));
		expect(found).toMatchObject({ kind: 'invalid', problems: [{ number: 'E200', at: { file: 'standard input', line: 1 } }] });
		const empty = await refusal(startProjects().projects.up(given(''), wish()));
		expect(empty).toMatchObject({ problems: [{ message: 'standard input is empty' }] });
	});
});

it('the world of these tests is none where a program runs twice', async () => {
	const world = new FakeWorld(startProjects().clock);
	await world.runtimesPort.add({ name: 'a/b', project: 'a' } as never);
	await world.runtimesPort.start('a/b', new AbortController().signal);
	await expect(world.runtimesPort.start('a/b', new AbortController().signal)).rejects.toThrow('runs already');
});
