import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '@orch/base/testing';
import { OrchError } from '@orch/protocol';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { buildProjectCheck } from '../testing/build.ts';
import { type FakeDaemon, fakeStart, startFakeDaemon } from '../testing/fake-daemon.ts';
import { runCli } from '../testing/run-cli.ts';

let daemon: FakeDaemon;
let directory: string;
let built: string;
beforeAll(async () => {
	daemon = await startFakeDaemon();
	built = mkdtempSync(join(tmpdir(), 'orch-check-'));
	await buildProjectCheck(built);
});
afterAll(async () => {
	await daemon[Symbol.asyncDispose]();
	rmSync(built, { recursive: true, force: true });
});
beforeEach(() => {
	directory = mkdtempSync(join(tmpdir(), 'orch-project-'));
	daemon.requests.length = 0;
});
const restores: (() => void)[] = [];
afterEach(() => {
	for (const restore of restores.splice(0).reverse()) restore();
	rmSync(directory, { recursive: true, force: true });
});

const orch = (args: readonly string[], cwd = directory, input = '') =>
	runCli(args, {
		socket: daemon.socket,
		cwd,
		input,
		env: { HOME: '/home/ben', SHOP_KEY: 'k' },
		daemonProgram: () => join(built, 'orchd.cjs'),
	});
const write = (text = 'runtimes: {}\n', name = 'orch.yaml') => writeFileSync(join(directory, name), text);

const plan = {
	runtimes: {
		added: ['shop/api'],
		removed: ['shop/old'],
		changed: [
			{
				name: 'shop/worker',
				fields: [
					{ field: 'env.API_TOKEN', before: 'secret', after: 'other' },
					{ field: 'args', before: ['a'], after: ['b'] },
				],
				restart: ['env.API_TOKEN', 'args'],
			},
			{ name: 'shop/db', fields: [{ field: 'restart.when', before: 'no', after: 'always' }], restart: [] },
		],
	},
	links: { added: [{ from: 'shop/api', type: 'Job', to: 'shop/worker' }], removed: [], changed: [] },
	definitions: [{ section: 'workflows', name: 'release', change: 'changed' as const }],
};

describe('orch up', () => {
	const upped = (outcomes: { name: string; kind: 'ready' | 'failed' | 'pending'; reason: string | null; ms: number }[]) =>
		restores.push(
			daemon.override('project.up', async function* ({ name = 'shop' }) {
				for (const { name: runtime, ...outcome } of outcomes) yield { name: runtime, ...outcome };
				return { name, plan, orphans: ['shop/left'], outcomes, faults: [] };
			}),
		);

	it('finds the file upwards, sends what it needs, and tells how it went', async () => {
		write();
		mkdirSync(join(directory, 'src/deep'), { recursive: true });
		upped([{ name: 'shop/api', kind: 'ready', reason: null, ms: 1234 }]);
		const ran = await orch(['up', '--profile', 'dev', 'api'], join(directory, 'src/deep'));
		expect(ran).toEqual({
			code: 0,
			out: '',
			err: [
				' ✓ api       ready       1.2s',
				'  ~ shop/worker was restarted: env.API_TOKEN, args',
				'  shop/left is not in the files any more; orch up --remove-orphans takes it away',
				'orch: 1 ready, 1 restarted, 1 removed (project shop)',
				'',
			].join('\n'),
		});
		expect(daemon.requests.at(-1)).toMatchObject({
			operation: 'project.up',
			params: {
				files: [{ path: join(directory, 'orch.yaml'), name: '../../orch.yaml' }],
				profiles: ['dev'],
				only: ['api'],
				environment: { SHOP_KEY: 'k' },
				inherited: { HOME: '/home/ben', PATH: '/usr/bin:/bin' },
			},
		});
	});

	it('calls a file as it was typed', async () => {
		write();
		upped([]);
		const typed = join(directory, 'orch.yaml');
		await orch(['up', '-f', typed]);
		expect(daemon.requests.at(-1)?.params).toMatchObject({ files: [{ path: typed, name: typed }] });
	});

	it('says what failed, and ends with 1; what is merely not there yet ends with 124', async () => {
		write();
		upped([{ name: 'shop/api', kind: 'failed', reason: 'exit 1 after 3 tries', ms: 400 }]);
		const failed = await orch(['up']);
		expect(failed.code).toBe(1);
		expect(failed.err).toContain(' ✗ api       failed      0.4s   exit 1 after 3 tries\n');
		expect(failed.err).toContain('hint: orch why shop/api · orch logs shop/api -n 100');
		upped([{ name: 'shop/api', kind: 'pending', reason: 'it is not ready', ms: 400 }]);
		expect((await orch(['up', '--wait-timeout', '1s'])).code).toBe(124);
		expect(daemon.requests.at(-1)?.params).toMatchObject({ waitMs: 1000 });
	});

	it('shows every problem of a file in its place, and ends with 8', async () => {
		write();
		const problem = {
			kind: 'unknown_key',
			number: 'E116',
			message: "unknown key 'restrat' in runtimes.api",
			at: { file: 'orch.yaml', line: 5, column: 5 },
			frame: { first: 4, lines: ['    command: x', '    restrat: always'], column: 5, width: 7, note: 'did you mean: restart' },
			facts: [],
			hint: 'orch explain runtimes',
		};
		restores.push(
			// biome-ignore lint/correctness/useYield: it fails before
			daemon.override('project.up', async function* () {
				throw new OrchError('project.invalid', {
					problems: [problem, { ...problem, message: '\u001b[2Jtwo', at: { ...problem.at, line: 9 } }],
				});
			}),
		);
		expect(await orch(['up'])).toEqual({
			code: 8,
			out: '',
			err: `orch: orch.yaml:5:5: unknown key 'restrat' in runtimes.api
    4 │     command: x
    5 │     restrat: always
      │     ^^^^^^^ did you mean: restart
hint: orch explain runtimes

orch.yaml:9:5: \\x1b[2Jtwo
    4 │     command: x
    5 │     restrat: always
      │     ^^^^^^^ did you mean: restart
hint: orch explain runtimes
`,
		});
		const json = await orch(['up', '--json']);
		expect(JSON.parse(json.err)).toMatchObject({
			error: { code: 'project.invalid', exit: 8, data: { problems: [{ number: 'E116' }, {}] } },
		});
	});

	it('needs a file', async () => {
		expect(await orch(['up'])).toMatchObject({
			code: 8,
			err: expect.stringContaining('orch: no project file: there is no orch.yaml in'),
		});
	});

	it('with --dry-run only tells', async () => {
		write();
		expect((await orch(['up', '--dry-run'])).out).toBe('nothing would change in project shop\n');
		expect(daemon.requests.map(({ operation }) => operation)).toEqual(['project.diff']);
	});

	it('with --dry-run starts no orchd: exit code 5', async () => {
		write();
		const started = join(directory, 'started');
		const orchd = join(directory, 'orchd.mjs');
		writeFileSync(orchd, `import { writeFileSync } from 'node:fs'; writeFileSync(${JSON.stringify(started)}, '');`);
		const none = (...args: string[]) =>
			runCli(args, {
				socket: join(directory, 'none.sock'),
				cwd: directory,
				env: { ORCH_AUTOSTART: '', ORCH_HOME: join(directory, 'home') },
				daemonProgram: () => orchd,
			});
		expect(await none('up', '--dry-run')).toMatchObject({ code: 5, err: expect.stringContaining('orchd is not running') });
		expect(existsSync(started)).toBe(false);
		// and so it is told when one has been started: it ends at once
		expect(await none('up')).toMatchObject({ err: expect.stringContaining('orchd did not start') });
		expect(existsSync(started)).toBe(true);
	});

	it('hands on what was typed', async () => {
		write();
		await orch(['up', 'api', 'worker', '--no-deps', '--force-recreate', '--remove-orphans', '--wait', '--wait-timeout', '90s']);
		expect(daemon.requests.at(-1)).toMatchObject({
			operation: 'project.up',
			params: { only: ['api', 'worker'], noDeps: true, forceRecreate: true, removeOrphans: true, waitMs: 90_000 },
		});
		await orch(['up', '--force-recreate', '--dry-run']);
		expect(daemon.requests.at(-1)).toMatchObject({ operation: 'project.diff', params: { forceRecreate: true } });
		await orch(['up', '-f', 'orch.yaml', '-p', 'kiosk']);
		const { params } = daemon.requests.at(-1) as { params: Record<string, unknown> };
		expect(params).toMatchObject({ name: 'kiosk', files: [{ path: join(directory, 'orch.yaml'), name: 'orch.yaml' }] });
		expect(Object.keys(params).sort()).toEqual(['environment', 'files', 'inherited', 'name', 'profiles']);
	});

	it('--timing tells how long each took, the fastest first', async () => {
		write();
		upped([
			{ name: 'shop/worker', kind: 'ready', reason: null, ms: 2340 },
			{ name: 'shop/db', kind: 'ready', reason: null, ms: 410 },
		]);
		const { code, err } = await orch(['up', '--timing']);
		expect(code).toBe(0);
		expect(err).toContain('\n  shop/db      0.41s\n  shop/worker  2.34s\n');
		expect((await orch(['up'])).err).not.toContain('0.41s');
	});

	it('--attach follows the logs of what came up; Ctrl-C ends that and stops nothing', async () => {
		write();
		upped([{ name: 'shop/api', kind: 'failed', reason: 'exit 1', ms: 5 }]);
		const id = '0195fc7b-33e6-70e3-bee1-ac515185fac7';
		let fire: ((exitCode?: number) => void) | undefined;
		let hasEnded = false;
		restores.push(
			daemon.override('runtime.logs', async function* (_params, { signal }) {
				const line = { runtime: id, name: 'shop/api', stream: 'stdout' as const, at: fakeStart, text: 'served 1' };
				yield { lines: [line], dropped: [], cursor: { [id]: { stdout: 9 } } };
				await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
				hasEnded = true;
				return { ended: 'end' as const };
			}),
		);
		const ran = await runCli(['up', '--attach'], {
			socket: daemon.socket,
			cwd: directory,
			interrupt: (listener) => {
				fire = listener;
			},
			onOutput: (text) => {
				if (text.includes('served 1')) fire?.();
			},
		});
		expect(ran.out).toContain('served 1');
		expect(ran.code).toBe(130);
		await until('orchd hears that nobody follows', () => hasEnded);
		expect(daemon.requests.map(({ operation }) => operation)).toEqual(['project.up', 'runtime.logs']);
		expect(daemon.requests.at(-1)?.params).toMatchObject({ runtimes: ['shop/api'], follow: true });
	});
});

it('orch up shows on a terminal what it waits for', async () => {
	write();
	restores.push(
		daemon.override('project.up', async function* ({ name = 'shop' }) {
			yield { name: 'shop/db', kind: 'waiting', reason: 'log:now', ms: 12 };
			return { name, plan, orphans: [], outcomes: [], faults: [] };
		}),
	);
	const onTerminal = await runCli(['up', '--color', 'never'], { socket: daemon.socket, cwd: directory, columns: 100 });
	expect(onTerminal.err).toContain(' … db        waits for log:now\n');
	expect((await orch(['up'])).err).not.toContain('waits');
});

it('orch up that is interrupted or terminated says what goes on, and ends with the exit code of that', async () => {
	write();
	restores.push(
		daemon.override('project.up', async function* ({ name = 'shop' }, { signal }) {
			fire();
			await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
			return { name, plan, orphans: [], outcomes: [], faults: [] };
		}),
	);
	let fire = () => {};
	for (const code of [130, 143]) {
		const interrupt = (listener: (exitCode: number) => void) => {
			fire = () => listener(code);
		};
		expect(await runCli(['up'], { socket: daemon.socket, cwd: directory, interrupt })).toEqual({
			code,
			out: '',
			err: 'orch up was interrupted; starting goes on: orch ps\n',
		});
	}
});

it('orch diff tells each field, what it restarts, and no secrets', async () => {
	write();
	restores.push(daemon.override('project.diff', async () => ({ name: 'shop', plan, orphans: [] })));
	expect((await orch(['diff'])).out).toBe(
		[
			'+ shop/api',
			'~ shop/worker  restarts: env.API_TOKEN, args',
			'    env.API_TOKEN  •••• → ••••',
			'    args  ["a"] → ["b"]',
			'~ shop/db  goes on as it runs',
			'    restart.when  "no" → "always"',
			'- shop/old',
			'+ shop/api ─Job→ shop/worker',
			'~ workflows.release',
			'',
		].join('\n'),
	);
});

it('no command that shows a plan shows a secret, in JSON either', async () => {
	write();
	const field = 'probes.ready.check.headers.X-Who';
	const ofProbe = { name: 'shop/db', fields: [{ field, before: 'secret', after: 'other' }], restart: [] };
	const secret = { ...plan, runtimes: { ...plan.runtimes, changed: [...plan.runtimes.changed, ofProbe] } };
	const report = { name: 'shop', plan: secret, orphans: [], outcomes: [], faults: [] };
	restores.push(
		daemon.override('project.diff', async () => report),
		// biome-ignore lint/correctness/useYield: only its end is looked at
		daemon.override('project.up', async function* () {
			return report;
		}),
		// biome-ignore lint/correctness/useYield: only its end is looked at
		daemon.override('project.reload', async function* () {
			return report;
		}),
	);
	const lines = ['diff', 'up', 'up --dry-run', 'apply', 'apply --dry-run', 'project reload shop'];
	for (const line of lines.flatMap((each) => [each, `${each} --json`])) {
		const { out, err } = await orch(line.split(' '));
		expect(`${line}: ${out}${err}`).not.toMatch(/secret|other/);
		if (line.endsWith('--json'))
			expect(JSON.parse(out).plan.runtimes.changed.at(-1).fields).toEqual([{ field, before: '••••', after: '••••' }]);
	}
});

describe('orch apply', () => {
	it('starts nothing', async () => {
		write();
		expect(await orch(['apply'])).toMatchObject({ code: 0, out: '', err: 'nothing to change in project shop\n' });
		expect(daemon.requests.at(-1)).toMatchObject({ operation: 'project.up', params: { startNothing: true } });
		expect(daemon.requests.at(-1)?.params).not.toHaveProperty('removeOrphans');
	});

	it('--prune asks for what is left over to be taken away, and tells what was', async () => {
		write();
		const removal = { ...plan, runtimes: { added: [], removed: ['shop/old'], changed: [] }, links: { ...plan.links, added: [] } };
		restores.push(
			// biome-ignore lint/correctness/useYield: nothing is started
			daemon.override('project.up', async function* ({ name = 'shop' }) {
				return { name, plan: { ...removal, definitions: [] }, orphans: [], outcomes: [], faults: [] };
			}),
		);
		expect(await orch(['apply', '--prune'])).toEqual({
			code: 0,
			out: '- shop/old\n',
			err: 'applied project shop; nothing was started\n',
		});
		expect(daemon.requests.at(-1)?.params).toMatchObject({ startNothing: true, removeOrphans: true });
	});

	it('--dry-run asks for the difference alone, with what --prune would take away', async () => {
		write();
		restores.push(
			daemon.override('project.diff', async ({ removeOrphans }) => ({
				name: 'shop',
				plan: { ...plan, runtimes: { added: [], changed: [], removed: removeOrphans ? ['shop/old'] : [] } },
				orphans: removeOrphans ? [] : ['shop/old'],
			})),
		);
		expect((await orch(['apply', '--prune', '--dry-run'])).out).toMatch(/^- shop\/old\n/);
		expect((await orch(['apply', '--dry-run'])).out).not.toMatch(/^- shop\/old/m);
		expect(daemon.requests.map(({ operation }) => operation)).toEqual(['project.diff', 'project.diff']);
	});

	it('ends with 1 where something could not be applied, and says what', async () => {
		write();
		restores.push(
			// biome-ignore lint/correctness/useYield: nothing is started
			daemon.override('project.up', async function* ({ name = 'shop' }) {
				const outcomes = [{ name: 'shop/old', kind: 'failed' as const, reason: 'pid 7 is left', ms: 5 }];
				return { name, plan, orphans: [], outcomes, faults: ['link shop/api ─Job→ shop/worker: no more links are taken'] };
			}),
		);
		const { code, err } = await orch(['apply']);
		expect(code).toBe(1);
		expect(err).toContain('  link shop/api ─Job→ shop/worker: no more links are taken\n  shop/old: pid 7 is left\n');
	});
});

describe('orch project reload', () => {
	it('tells what was restarted and why, as up does, and with what limit', async () => {
		restores.push(
			daemon.override('project.reload', async function* ({ project: name }) {
				const outcome = { name: 'shop/worker', kind: 'ready' as const, reason: null, ms: 1200 };
				yield outcome;
				return { name, plan, orphans: [], outcomes: [outcome], faults: [] };
			}),
		);
		expect(await orch(['project', 'reload', 'shop', '--wait-timeout', '5s'])).toEqual({
			code: 0,
			out: '',
			err: [
				' ✓ worker    ready       1.2s',
				'  ~ shop/worker was restarted: env.API_TOKEN, args',
				'orch: 1 ready, 1 restarted, 1 removed (project shop)',
				'',
			].join('\n'),
		});
		expect(daemon.requests).toEqual([{ operation: 'project.reload', params: { project: 'shop', waitMs: 5000 } }]);
		const json = await orch(['project', 'reload', 'shop', '--json']);
		expect(JSON.parse(json.out)).toMatchObject({ name: 'shop', outcomes: [{ name: 'shop/worker', kind: 'ready' }] });
		expect(json.err).toBe('');
	});

	it('of files that do not hold ends with 8, of a project that is not loaded with 4', async () => {
		const restore = daemon.override(
			'project.reload',
			// biome-ignore lint/correctness/useYield: it fails before
			async function* () {
				throw new OrchError('project.invalid', {
					problems: [{ kind: 'value', number: 'E117', message: 'no such thing', facts: [] }],
				});
			},
		);
		expect(await orch(['project', 'reload', 'shop'])).toMatchObject({ code: 8, err: 'orch: no such thing\n' });
		restore();
		restores.push(
			// biome-ignore lint/correctness/useYield: it fails before
			daemon.override('project.reload', async function* ({ project }) {
				throw new OrchError('project.not_found', { project, candidates: ['shop'] });
			}),
		);
		expect(await orch(['project', 'reload', 'sohp'])).toMatchObject({
			code: 4,
			err: expect.stringContaining('did you mean: shop'),
		});
	});
});

describe('orch down', () => {
	const info = {
		...{ given: [], profiles: [], runtimes: [], links: 0, workflows: [], types: [], runners: [], mount: null },
		...{ appliedAt: null, reloadedAt: null, reloads: 0, problems: [] },
	};

	it('takes the project of the file, as it is loaded', async () => {
		write();
		restores.push(
			daemon.override('project.list', async () => [{ ...info, name: 'kiosk', files: [join(directory, 'orch.yaml')] }]),
			// biome-ignore lint/correctness/useYield: nothing is told on the way
			daemon.override('project.down', async function* ({ project: name }) {
				return { name, removed: ['kiosk/a'], left: [{ name: 'kiosk/b', reason: 'pid 7 is left' }] };
			}),
		);
		expect(await orch(['down'])).toEqual({
			code: 1,
			out: '',
			err: '  ✗ kiosk/b: pid 7 is left\norch: 1 removed, 1 left (project kiosk)\n',
		});
	});

	it('has nothing to do where nothing is there, but for a name that was typed', async () => {
		write();
		restores.push(
			// biome-ignore lint/correctness/useYield: it fails before
			daemon.override('project.down', async function* ({ project }) {
				throw new OrchError('project.not_found', { project, candidates: [] });
			}),
		);
		expect(await orch(['down'])).toMatchObject({ code: 0, err: 'nothing of project shop is there\n' });
		expect((await orch(['down', '-p', 'sohp'])).code).toBe(4);
	});

	describe('of a file that another project came from, too', () => {
		const loaded = (...names: string[]) =>
			restores.push(
				daemon.override('project.validate', async () => ({
					project: { name: 'store', runtimes: [], links: 0, workflows: [] },
					problems: [],
				})),
				daemon.override('project.list', async () =>
					names.map((name) => ({ ...info, name, files: [join(directory, 'orch.yaml')] })),
				),
			);

		it('means the one that the file names, and tells of the other', async () => {
			write('name: store\nruntimes: {a: {command: sh}}\n');
			loaded('shop', 'store');
			expect(await orch(['down'])).toMatchObject({
				code: 0,
				err: expect.stringContaining("note: project 'shop' came from orch.yaml, too, and is left: orch down -p shop\n"),
			});
			expect(daemon.requests.at(-1)?.params).toMatchObject({ project: 'store' });
		});

		it('takes nothing away where it is none of them, and names them', async () => {
			write('name: store\nruntimes: {a: {command: sh}}\n');
			loaded('shop', 'kiosk');
			expect(await orch(['down'])).toEqual({
				code: 4,
				out: '',
				err: "orch: no project 'store' is loaded; from orch.yaml are: shop, kiosk\nhint: orch down -p shop\n",
			});
			expect(daemon.requests.map(({ operation }) => operation)).not.toContain('project.down');
		});
	});
});

describe('a project from standard input', () => {
	const text = 'name: shop\nruntimes: {a: {command: sh}}\n';
	const given = () => ({ path: join(directory, '-'), name: 'standard input', text });

	it('is sent as it is, from where it is typed; others are laid over it', async () => {
		write('runtimes: {}\n', 'more.yaml');
		for (const name of ['up', 'apply', 'diff']) {
			expect(await orch([name, '-f', '-', '-f', 'more.yaml'], directory, text)).toMatchObject({ code: 0 });
			expect(daemon.requests.at(-1)?.params).toMatchObject({
				files: [given(), { path: join(directory, 'more.yaml'), name: 'more.yaml' }],
			});
		}
		expect((await orch(['down', '-f', '-'], directory, text)).code).toBe(0);
		expect(daemon.requests.at(-1)?.params).toMatchObject({ project: 'shop' });
	});

	it('is checked and shown without orchd', async () => {
		expect(await orch(['validate', '-f', '-'], directory, text)).toMatchObject({
			code: 0,
			err: 'standard input: ok (project shop: 1 runtime)\n',
		});
		expect(JSON.parse((await orch(['config', '-f', '-'], directory, text)).out)).toMatchObject({ name: 'shop', directory });
		expect(await orch(['validate', '-f', '-'], directory, 'runtimes: {a: {}}\n')).toMatchObject({
			code: 8,
			err: expect.stringContaining('orch: standard input:1:12: runtimes.a'),
		});
		expect(daemon.requests).toEqual([]);
	});

	it('is read only once, and not without end', async () => {
		expect(await orch(['up', '-f', '-', '-f', '-'], directory, text)).toEqual({
			code: 2,
			out: '',
			err: 'orch: standard input can be read only once, and - stands there twice\nhint: put one of them into a file\n',
		});
		expect(await orch(['up', '-f', '-'], directory, `${text}#${'x'.repeat(1_048_576)}`)).toEqual({
			code: 8,
			out: '',
			err: 'orch: cannot read standard input: it has more than the 1048576 bytes that are taken\n',
		});
		expect(daemon.requests).toEqual([]);
	});

	it('is told for what it is', async () => {
		const info = {
			name: 'shop',
			files: [join(directory, '-'), join(directory, 'more.yaml')],
			given: [join(directory, '-')],
			profiles: [],
			runtimes: ['shop/a'],
			links: 0,
			workflows: [],
			types: [],
			runners: [],
			mount: null,
			appliedAt: null,
			reloadedAt: null,
			reloads: 0,
			problems: [],
		};
		restores.push(
			daemon.override('project.show', async () => info),
			daemon.override('project.list', async () => [info]),
		);
		expect((await orch(['project', 'show', 'shop'])).out).toContain(
			`  files       standard input in ${directory} (kept as it was; not followed) ${directory}/more.yaml\n`,
		);
		expect((await orch(['project', 'list'])).out).toBe(
			`shop  1 runtime  0 links  (standard input in ${directory}) ${directory}/more.yaml\n`,
		);
	});
});

describe('without a daemon', () => {
	it('orch init writes a file that is valid, with its schema, and replaces nothing', async () => {
		expect(await orch(['init', 'shop'])).toMatchObject({ code: 0, out: 'shop/orch.yaml\n' });
		const shop = join(directory, 'shop');
		expect(await orch(['validate'], shop)).toEqual({ code: 0, out: '', err: 'orch.yaml: ok (project shop: 1 runtime)\n' });
		expect(JSON.parse(readFileSync(join(shop, '.orch/orch.schema.json'), 'utf8'))).toMatchObject({ title: 'orch.yaml' });
		expect(readFileSync(join(shop, '.gitignore'), 'utf8')).toBe('.orch/\n');
		expect((await orch(['init', 'shop'])).code).toBe(2);
		expect((await orch(['init', 'shop', '--force'])).code).toBe(0);
		expect(daemon.requests).toEqual([]);
	});

	it.each(['2024', '1e5', '0x1f', 'true', 'No', 'null', '2fa', '2024-01-01'])(
		'orch init takes the name %s for a text',
		async (name) => {
			expect((await orch(['init', name])).code).toBe(0);
			expect((await orch(['validate'], join(directory, name))).err).toBe(`orch.yaml: ok (project ${name}: 1 runtime)\n`);
		},
	);

	it('orch init says what it cannot write', async () => {
		write('', 'shop');
		expect(await orch(['init', 'shop'])).toEqual({
			code: 8,
			out: '',
			err: expect.stringContaining(`orch: cannot write ${join(directory, 'shop', 'orch.yaml')}: `),
		});
	});

	it('orch validate tells what this machine has not, as up would', async () => {
		write(`runtimes:
  a: {command: sh, cwd: nodir, user: nosuch-user, stop: SIGFOO, watch: nodir/src}
  b: {command: sh, env_file: nofile, schedule: "61 * * * *", probes: {ready: "exec:./nope.sh"}}
  c: {command: sh, schedule: {cron: "@daily", time_zone: Mars/X}, stop: {command: ./nope.sh}}
  d: {command: sh, cwd: ., user: root, stop: HUP, watch: [orch.yaml, late], env_file: orch.yaml, schedule: "@daily"}
`);
		const { code, err } = await orch(['validate']);
		expect([
			code,
			[...err.matchAll(/orch\.yaml:(\d+):\d+: (?:runtimes\.|runtime ')([a-z_.]+)/g)].map(([, line, what]) => `${line} ${what}`),
		]).toEqual([
			8,
			['2 a.cwd', '2 a.user', '2 a.stop', '2 a.watch', '3 b.env_file', '3 b.schedule', '3 b', '4 c.schedule', '4 c'],
		]);
	});

	it('orch validate tells what is wrong', async () => {
		write('runtimes: {a: {command: sh, restart: alway}}\n');
		expect(await orch(['validate'])).toMatchObject({
			code: 8,
			err: expect.stringContaining("orch.yaml:1:38: runtimes.a.restart is 'alway'"),
		});
	});

	it('orch config shows it filled in, without secrets', async () => {
		write(`name: shop\nruntimes:\n  a: {command: sh -c x, env: {API_KEY: "\${SHOP_KEY}", PORT: 1}}\n`);
		const shown = JSON.parse((await orch(['config'])).out);
		expect(shown.runtimes[0]).toMatchObject({ name: 'shop/a', args: ['-c', 'x'], env: { API_KEY: '••••', PORT: '1' } });
		expect(JSON.parse((await orch(['config', '--reveal'])).out).runtimes[0].env.API_KEY).toBe('k');
	});

	it('orch config cannot be made to drive the terminal by the file', async () => {
		write('runtimes:\n  api:\n    command: node\n    env:\n      A: "\\x9b2J\\u202e\\u061c"\n');
		const { out } = await orch(['config']);
		expect(out).toContain('"A": "\\u009b2J\\u202e\\u061c"');
		expect(JSON.parse(out).runtimes[0].env.A).toBe('\u009b2J\u202e\u061c');
	});

	it('orch config shows neither the headers of probes and services nor who authenticates, and schemas of types whole', async () => {
		const ready = '{http: {url: "http://h/", headers: {X-Who: hidden-1}}}';
		write(`name: shop
runtimes:
  a: {command: sh -c x, probes: {ready: ${ready}}}
services:
  auth: {url: "http://u:hidden-2@h/", headers: {X-Who: hidden-3}, auth: {type: basic, user: ana, pass: hidden-4}}
gateway: {auth: {token: hidden-5}}
types:
  Login: {type: object, properties: {token: {type: string}}}
`);
		const { out } = await orch(['config']);
		expect(out).not.toContain('hidden');
		expect(JSON.parse(out).definitions.types.Login.properties).toEqual({ token: { type: 'string' } });
		expect((await orch(['config', '--reveal'])).out.match(/hidden-\d/g)).toHaveLength(5);
	});

	it('orch graph draws what a file declares', async () => {
		write(`name: shop
runtimes:
  db: {command: sh}
  api: {command: sh, needs: db:ready, instances: 2}
links:
  - api -Job-> db
`);
		const drawn = `needs:
shop/api ×2
└─ shop/db  (ready)

links:
shop/api ×2
└─ Job → shop/db
`;
		expect(await orch(['graph', '-f', 'orch.yaml'])).toEqual({ code: 0, err: '', out: drawn });
		expect((await orch(['graph', '-f', '-', '--deps'], directory, readFileSync(join(directory, 'orch.yaml'), 'utf8'))).out).toBe(
			'shop/api ×2\n└─ shop/db  (ready)\n',
		);
		expect((await orch(['link', 'graph', '-f', 'orch.yaml', '-p', 'kiosk', '--json'])).out).toContain(
			'"links":[{"from":"kiosk/api","type":"Job","to":"kiosk/db"}]',
		);
		write('runtimes: {a: {restart: no}}\n');
		expect((await orch(['graph', '-f', 'orch.yaml'])).code).toBe(8);
		expect(daemon.requests).toEqual([]);
	});

	it('orch explain knows keys, numbers, and what was meant', async () => {
		expect((await orch(['explain', 'runtimes.restart'])).out).toContain('takes one of: no, on-failure, always, or a map');
		expect((await orch(['explain', 'workflows.jobs.steps.retry'])).out).toContain('backoff_ms');
		expect((await orch(['explain', 'E114'])).out).toBe(
			'E114\n  A need or a link names something that the file does not define, or that is there only with a\n  profile.\n  project.invalid, exit 8\n',
		);
		expect(JSON.parse((await orch(['explain', 'e107', '--json'])).out)).toMatchObject({
			number: 'E107',
			meaning: expect.stringContaining('not where it was looked for'),
			codes: ['program.not_found', 'program.not_found'],
		});
		expect(await orch(['explain', 'runtimes.restrat'])).toMatchObject({
			code: 2,
			err: expect.stringContaining('did you mean: restart'),
		});
		expect((await orch(['explain', 'E999'])).code).toBe(2);
	});

	it('orch schema yaml prints the schema', async () => {
		expect(JSON.parse((await orch(['schema', 'yaml'])).out)).toMatchObject({
			$schema: 'https://json-schema.org/draft/2020-12/schema',
		});
		expect((await orch(['schema', 'toml'])).code).toBe(2);
	});
});
