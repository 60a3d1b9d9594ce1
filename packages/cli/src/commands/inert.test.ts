/** Whatever stands in the files of users, is said by programs or told by orchd: nothing of it drives the terminal. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { plain } from '@orch/base/text';
import type { Api, ResultOf } from '@orch/protocol';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { renderLogLine } from '../daemon-log.ts';
import { planText } from '../project/plan-text.ts';
import { fakeStart, type FakeDaemon, newRunner, startFakeDaemon } from '../testing/fake-daemon.ts';
import { runCli } from '../testing/run-cli.ts';

/** Clears the screen in two ways, and turns round what follows in two others. */
const evil = 'evil\u001b[2J\u009b2J\u202e\u061c';
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const driving = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/;

const problem = {
	kind: 'unknown-key',
	number: 'E200',
	message: evil,
	at: { file: evil, line: 1, column: 1 },
	frame: { first: 1, lines: [evil], column: 1, width: 1, note: evil },
	facts: [evil],
	hint: evil,
};
const outcome = { name: 'shop/api', kind: 'failed' as const, reason: evil, ms: 1 };
const plan: ResultOf<Api['project.diff']>['plan'] = {
	runtimes: {
		added: [],
		removed: [],
		changed: [{ name: 'api', fields: [{ field: `env.${evil}`, before: evil, after: [evil] }], restart: [evil] }],
	},
	links: { added: [{ from: 'api', type: evil, to: 'api' }], removed: [], changed: [] },
	definitions: [{ section: 'types', name: evil, change: 'added' }],
};

let daemon: FakeDaemon;
beforeAll(async () => {
	daemon = await startFakeDaemon();
	daemon.addRuntime('api');
	daemon.addLink('api', 'turned\u202eround', 'api', { notices: [evil] });
	mkdirSync(join(daemon.directory, 'home'));
	writeFileSync(join(daemon.directory, 'home', 'orchd.log'), `${JSON.stringify({ msg: evil })}\n`);
	writeFileSync(join(daemon.directory, 'orch.yaml'), 'name: shop\n');
	const status = JSON.parse((await runCli(['daemon', 'status', '--json'], { socket: daemon.socket })).out);
	daemon.override('daemon.status', async () => ({ ...status, notices: [evil] }));
	daemon.override('project.diff', async () => ({ name: 'shop', plan, orphans: [] }));
	// biome-ignore lint/correctness/useYield: a project of which nothing is told
	daemon.override('project.up', async function* () {
		return { name: 'shop', plan, orphans: [], outcomes: [outcome], faults: [evil] };
	});
	daemon.override('project.down', async function* () {
		yield { name: 'shop/api', kind: 'failed' as const, reason: evil, ms: 1 };
		return { name: 'shop', removed: [], left: [{ name: 'api', reason: evil }] };
	});
	daemon.override('runner.list', async () => [newRunner({ config: evil, health: { status: 'failing', reasons: [evil] } })]);
	daemon.override('runner.show', async () => ({
		...newRunner({ config: evil, health: { status: 'failing', reasons: [evil] } }),
		jobs: [],
		problems: [problem],
	}));
	daemon.types.push({
		name: 'Turned\u202eround',
		producers: [],
		consumers: [],
		messages: 0,
		refused: 0,
		schemas: [{ project: 'shop', problem: evil, schema: { title: evil } }],
		last: null,
		lastRefused: null,
	});
});
afterAll(() => daemon[Symbol.asyncDispose]());

const commands = [
	'diff',
	'up --dry-run',
	'up',
	'apply',
	'down -p shop',
	'daemon status',
	'daemon logs',
	'link types',
	'link types -q',
	'link types Turned\u202eround',
	'link types Turned\u202eround --schema',
	'link list',
	'link stats',
	'status api',
	'runner list',
	'runner show echo',
];

it.each(commands.flatMap((typed) => [[typed, []] as const, [typed, ['--color', 'always']] as const]))(
	'`orch %s` shows it, and cannot be made to do it (%j)',
	async (typed, more) => {
		const { out, err } = await runCli([...typed.split(' '), ...more], {
			socket: daemon.socket,
			cwd: daemon.directory,
			env: { ORCH_HOME: join(daemon.directory, 'home') },
			columns: 400,
		});
		const shown = `${out}${err}`;
		// biome-ignore lint/suspicious/noControlCharactersInRegex: the colours of our own
		expect(shown.replace(/\u001b\[\d*m/g, '')).not.toMatch(driving);
		expect(shown).toMatch(/evil|[tT]urned/);
	},
);

it('a line of the log of orchd does not, whatever stands in it', () => {
	const fields = { level: evil, time: evil, name: evil, pid: evil, msg: evil, path: `a b${evil}`, error: { message: evil } };
	const line = JSON.stringify({ ...fields, [evil]: evil, list: [evil] });
	expect(renderLogLine(line, plain, false)).not.toMatch(driving);
	expect(renderLogLine(JSON.stringify({ ...fields, time: fakeStart }), plain, true)).not.toMatch(driving);
});

it('a long value in a plan is not cut in the middle of a letter', () => {
	const fields = [{ field: 'env.A', before: undefined, after: `${'x'.repeat(78)}😀😀` }];
	const changed = { ...plan, runtimes: { added: [], removed: [], changed: [{ name: 'api', fields, restart: [] }] } };
	const text = planText({ name: 'shop', plan: changed, orphans: [] }, plain);
	expect(text).not.toMatch(/\p{Cs}/u);
	expect(text).toContain(`→ ${'x'.repeat(78)}…`);
});
