/** `orch runner`, word for word, against an orchd that only remembers. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OrchError } from '@orch/protocol';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type FakeDaemon, fakeStart, newRunner, startFakeDaemon } from '../testing/fake-daemon.ts';
import { runCli } from '../testing/run-cli.ts';

let daemon: FakeDaemon;
let directory: string;
beforeAll(async () => {
	daemon = await startFakeDaemon();
});
afterAll(() => daemon[Symbol.asyncDispose]());
beforeEach(() => {
	directory = mkdtempSync(join(tmpdir(), 'orch-runner-'));
	daemon.requests.length = 0;
});
const restores: (() => void)[] = [];
afterEach(() => {
	for (const restore of restores.splice(0).reverse()) restore();
	rmSync(directory, { recursive: true, force: true });
});

const orch = (...args: readonly string[]) =>
	runCli(args, { socket: daemon.socket, cwd: directory, env: { HOME: '/home/ben', SHOP_KEY: 'k' } });

const mail = newRunner({
	name: 'mail',
	basePath: '/mail',
	config: '/srv/mail.yaml',
	parent: 'shop',
	runtimes: ['mail/smtp', 'mail/queue'],
	health: { status: 'failing', reasons: ['mail/smtp: exit 1 after 5 tries'] },
});

describe('orch runner list', () => {
	it('shows where they are mounted and how they are', async () => {
		restores.push(daemon.override('runner.list', async () => [newRunner(), mail]));
		expect((await orch('runner', 'list')).out).toBe(
			[
				'NAME  BASE PATH  HEALTH   RUNTIMES  MOUNTED BY  CONFIG',
				'echo  /echo      ok              1  command     /srv/echo.yaml',
				'mail  /mail      failing         2  shop        /srv/mail.yaml',
				'',
			].join('\n'),
		);
		expect((await orch('rn', 'ls', '-q')).out).toBe('echo\nmail\n');
		expect(JSON.parse((await orch('runner', 'ls', '--json')).out)).toEqual([newRunner(), mail]);
	});

	it('says so where there are none', async () => {
		expect(await orch('runner', 'list')).toEqual({
			code: 0,
			out: '',
			err: 'no runners; mount one: orch runner add FILE --base-path /PATH\n',
		});
	});
});

describe('orch runner show', () => {
	it('shows health with its reasons, jobs and problems, and ends with 3 where it is not ok', async () => {
		const job = { name: 'mail/clean', cron: '0 3 * * *', timeZone: null, enabled: true, nextAt: fakeStart };
		const ran = { runs: 2, lastRunAt: fakeStart, lastResult: 'failed', lastError: 'exit 3' } as const;
		const problem = {
			kind: 'unknown_key',
			number: 'E116',
			message: "unknown key 'x'",
			at: { file: 'mail.yaml', line: 3, column: 1 },
			facts: [],
		};
		restores.push(daemon.override('runner.show', async () => ({ ...mail, jobs: [{ ...job, ...ran }], problems: [problem] })));
		expect(await orch('runner', 'show', 'mail')).toEqual({
			code: 3,
			out: [
				'mail',
				'  base path   /mail',
				'  health      failing',
				'              mail/smtp: exit 1 after 5 tries',
				'  config      /srv/mail.yaml',
				'  mounted by  project shop',
				'  runtimes    mail/smtp mail/queue',
				`  jobs        mail/clean  0 3 * * *  next ${fakeStart}, 2 runs, last failed: exit 3`,
				'',
				"mail.yaml:3:1: unknown key 'x'",
				'',
			].join('\n'),
			err: '',
		});
	});

	it('ends with 0 where it is ok, and names what is near where there is none', async () => {
		const put = daemon.override('runner.show', async () => ({ ...newRunner(), jobs: [], problems: [] }));
		expect((await orch('runner', 'show', 'echo')).code).toBe(0);
		put();
		restores.push(
			daemon.override('runner.show', async ({ runner }) => {
				throw new OrchError('runner.not_found', { runner, candidates: ['echo'] });
			}),
		);
		expect(await orch('runner', 'inspect', 'ecoh')).toEqual({
			code: 4,
			out: '',
			err: "orch: no runner 'ecoh' is mounted\n  did you mean: echo\nhint: orch runner list\n",
		});
	});
});

describe('orch runner add', () => {
	it('sends the file, what it may ask for, and where it goes; prints its name', async () => {
		writeFileSync(join(directory, 'echo.yaml'), 'runtimes: {}\n');
		restores.push(
			daemon.override('runner.add', async ({ config, basePath }) => ({
				runner: newRunner({ config, basePath }),
				outcomes: [{ name: 'echo/api', kind: 'ready', reason: null, ms: 1200 }],
				faults: [],
			})),
		);
		expect(await orch('runner', 'add', 'echo.yaml', '--base-path', '/echo', '--profile', 'dev', '--wait-timeout', '5s')).toEqual({
			code: 0,
			out: 'echo\n',
			err: ' ✓ echo/api  ready       1.2s\nmounted echo at /echo\n',
		});
		expect(daemon.requests.at(-1)).toMatchObject({
			operation: 'runner.add',
			params: {
				config: join(directory, 'echo.yaml'),
				configName: 'echo.yaml',
				basePath: '/echo',
				profiles: ['dev'],
				environment: { SHOP_KEY: 'k' },
				inherited: { HOME: '/home/ben', PATH: '/usr/bin:/bin' },
				waitMs: 5000,
			},
		});
		expect(daemon.requests.at(-1)?.params).not.toHaveProperty('name');
		await orch('runner', 'add', 'echo.yaml', '--name', 'other');
		expect(daemon.requests.at(-1)?.params).toMatchObject({ name: 'other', basePath: '/' });
	});

	it('ends with 1 where something failed, with 124 where it is merely not there yet', async () => {
		const came = (kind: 'failed' | 'pending', faults: string[] = []) =>
			restores.push(
				daemon.override('runner.add', async () => ({
					runner: newRunner(),
					outcomes: [{ name: 'echo/api', kind, reason: 'exit 1', ms: 10 }],
					faults,
				})),
			);
		came('failed', ['cannot link a ─X→ b: b is not there']);
		const failed = await orch('runner', 'add', 'echo.yaml');
		expect([failed.code, failed.err]).toEqual([
			1,
			' ✗ echo/api  failed      0.0s   exit 1\n  ✗ cannot link a ─X→ b: b is not there\nmounted echo at /echo\n',
		]);
		came('pending');
		expect((await orch('runner', 'add', 'echo.yaml')).code).toBe(124);
	});

	it.each([
		[
			new OrchError('runner.path_taken', { runner: 'a', basePath: '/x', other: 'b' }),
			7,
			"orch: cannot mount 'a' at /x: the runner 'b' is there\nhint: orch runner list shows what is mounted where; choose with --base-path\n",
		],
		[
			new OrchError('runner.name_taken', { name: 'a', file: '/srv/a.yaml' }),
			7,
			"orch: a runner is a project, and a project 'a' is loaded already, from /srv/a.yaml\nhint: another name for this one: orch runner add FILE --name NAME\n",
		],
		[
			new OrchError('runner.bad_path', { basePath: 'x', reason: 'it must begin with /' }),
			2,
			"orch: 'x' is no base path: it must begin with /\nhint: such as /shop, or / for all that no other runner has\n",
		],
	])('says why not: %s', async (error, code, err) => {
		restores.push(
			daemon.override('runner.add', async () => {
				throw error;
			}),
		);
		expect(await orch('runner', 'add', 'echo.yaml')).toEqual({ code, out: '', err });
	});
});

describe('orch runner remove', () => {
	it('takes them away, and says what is left', async () => {
		expect(await orch('runner', 'rm', 'echo')).toEqual({ code: 0, out: '', err: 'removed runner echo (0 runtimes)\n' });
		restores.push(
			daemon.override('runner.remove', async ({ runner: name }) => ({
				name,
				removed: ['echo/api'],
				left: [{ name: 'echo/db', reason: 'pid 7 escaped' }],
			})),
		);
		expect(await orch('runner', 'remove', 'echo')).toEqual({
			code: 1,
			out: '',
			err: '  ✗ echo/db: pid 7 escaped\necho is still mounted: 1 left\n',
		});
	});

	it('leaves to its file what a file mounts', async () => {
		restores.push(
			daemon.override('runner.remove', async ({ runner }) => {
				throw new OrchError('runner.declared', { runner, parent: 'shop', file: '/srv/orch.yaml' });
			}),
		);
		expect(await orch('runner', 'rm', 'echo')).toEqual({
			code: 7,
			out: '',
			err: "orch: the runner 'echo' is mounted by the project 'shop', in /srv/orch.yaml\nhint: change that file: saving it is enough; orch down -p shop takes away all of it\n",
		});
	});
});

it('orch up shows runtimes of runners in full', async () => {
	writeFileSync(join(directory, 'orch.yaml'), 'runners: []\n');
	restores.push(
		daemon.override('project.up', async function* ({ name = 'shop' }) {
			yield { name: 'shop/api', kind: 'ready', reason: null, ms: 100 };
			yield { name: 'echo/api', kind: 'ready', reason: null, ms: 200, runner: 'echo' };
			const plan = {
				runtimes: { added: [], removed: [], changed: [] },
				links: { added: [], removed: [], changed: [] },
				definitions: [],
			};
			return { name, plan, orphans: [], outcomes: [], faults: [] };
		}),
	);
	expect((await orch('up')).err).toBe(
		' ✓ api       ready       0.1s\n ✓ echo/api  ready       0.2s\norch: nothing to run (project shop)\n',
	);
});
