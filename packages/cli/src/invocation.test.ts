import { plain } from '@orch/base/text';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { commands } from './commands/index.ts';
import { CliError, toShownError } from './errors.ts';
import { hotInvocation, hotNames } from './hot.ts';
import { renderError } from './render/error.ts';
import { parse } from './tree.ts';

const words = (line: string): string[] => (line === '' ? [] : line.split(' '));

const understood = async (argv: readonly string[], by: typeof parse | typeof hotInvocation) => {
	const invocation = await by(argv);
	return invocation && { path: invocation.command.path, input: invocation.input, globals: invocation.globals };
};

const failure = async (line: string): Promise<string> => {
	try {
		await parse(words(line));
	} catch (error) {
		return renderError(toShownError(error), { style: plain, verbose: false });
	}
	throw new Error(`it was understood: ${line}`);
};

describe('both parsers', () => {
	it('understand every plain line of a hot command alike', async () => {
		const word = fc.constantFrom(
			'ping',
			'pong',
			'--json',
			'-q',
			'--no-color',
			'-o',
			'wide',
			'json',
			'--timeout',
			'5s',
			'--status',
			'running',
			'--grace',
			'2s',
			'--priority',
			'low',
			'--color',
			'never',
			'-v',
			'--client',
			'--socket',
			'/x',
		);
		const line = fc.tuple(fc.constantFrom(...hotNames), fc.array(word, { maxLength: 6 })).map(([name, rest]) => [name, ...rest]);
		let compared = 0;
		await fc.assert(
			fc.asyncProperty(line, async (argv) => {
				const outcome = (by: typeof parse | typeof hotInvocation) =>
					understood(argv, by).catch((error: unknown) => (error instanceof CliError ? error.message : Promise.reject(error)));
				const hot = await outcome(hotInvocation);
				if (hot === undefined) return;
				compared++;
				expect(hot).toEqual(await outcome(parse));
			}),
			{ numRuns: 1500 },
		);
		expect(compared).toBeGreaterThan(200);
	});

	it.each(['ps --', 'ps -qv', 'ps --output=json', 'ps -ojson', 'start', 'stop -h', 'ps --nope', 'version extra', 'ps -o'])(
		'%s is left to the full one',
		async (line) => expect(await hotInvocation(words(line))).toBeUndefined(),
	);

	it('nothing but the hot commands takes the short way', async () => {
		expect(await hotInvocation(['runtime', 'list'])).toBeUndefined();
		expect(await hotInvocation([])).toBeUndefined();
		expect(await hotInvocation(['toString'])).toBeUndefined();
	});
});

describe('the tree', () => {
	it('has every command under its path and its aliases', async () => {
		for (const command of commands) {
			const { path, aliases = [], args = [] } = command;
			const given = args.filter(({ required }) => required).map(() => 'x');
			for (const last of [path.at(-1) as string, ...aliases]) {
				const found = await parse([...path.slice(0, -1), last, ...given]);
				expect(found.command.path).toEqual(path);
			}
		}
	});

	it.each([
		['rt ls', ['runtime', 'list']],
		['ln rm abcd', ['link', 'remove']],
		['runtime inspect x', ['runtime', 'show']],
		['', []],
	])('orch %s is %j', async (line, path) => expect((await parse(words(line))).command.path).toEqual(path));

	it('takes the options of every command anywhere', async () => {
		for (const line of ['--json runtime list', 'runtime --json list', 'runtime list --json', 'rt ls -o json']) {
			const { globals } = await parse(words(line));
			expect(globals.json ?? globals.output === 'json').toBe(true);
		}
		expect((await parse(words('link stats -wq'))).globals.quiet).toBe(true);
		expect((await parse(words('runtime list -ojson'))).globals.output).toBe('json');
		expect((await parse(words('ps --color never --no-color'))).globals).toMatchObject({ noColor: true });
		expect((await parse(words('ps --color always'))).globals).toEqual({ color: 'always' });
	});

	it('leaves what stands behind -- to the program', async () => {
		const argv = words('runtime add node --name api --env A=1 -e B --start -- server.js --json -q -- x');
		const { input, globals } = await parse(argv);
		expect(globals).toEqual({});
		expect(input).toEqual({
			args: ['node', 'server.js', '--json', '-q', '--', 'x'],
			options: {
				name: 'api',
				env: [
					{ name: 'A', value: '1' },
					{ name: 'B', value: undefined },
				],
				start: true,
			},
		});
		expect((await parse(words('runtime add -- ./x -v'))).input.args).toEqual(['./x', '-v']);
	});

	it('a dash alone is an argument', async () => {
		expect((await parse(words('link send --to b --type T -'))).input.args).toEqual(['-']);
	});

	it('help is understood in the middle of anything', async () => {
		for (const [line, args] of [
			['runtime add -h', ['runtime', 'add']],
			['rt add ./x --name --help', ['rt', 'add']],
			['-h', []],
			['link --help', ['link']],
		] as const) {
			const { command, input } = await parse(words(line));
			expect([command.path, input.args]).toEqual([['help'], args]);
		}
		expect((await parse(words('runtime add ./x -- --help'))).command.path).toEqual(['runtime', 'add']);
	});
});

describe('what cannot be understood', () => {
	it.each([
		['pss', "orch: 'pss' is not a command of 'orch'\n  did you mean: ps\nhint: orch help\n"],
		['runtme add ./x --foo', "orch: 'runtme' is not a command of 'orch'\n  did you mean: runtime\nhint: orch help\n"],
		['monit', "orch: 'monit' is not a command of 'orch'\n  did you mean: top\nhint: orch help\n"],
		['kill api', "orch: 'kill' is not a command of 'orch'\n  did you mean: runtime signal, stop\nhint: orch help\n"],
		[
			'runtime delete api',
			"orch: 'delete' is not a command of 'orch runtime'\n  did you mean: remove\nhint: orch help runtime\n",
		],
		['list', "orch: 'list' is not a command of 'orch'\n  did you mean: ps, runtime list, project list\nhint: orch help\n"],
		[
			'flush',
			"orch: 'flush' is not a command of 'orch'\nhint: nothing has to be flushed: output is kept within --max-output of its runtime, and goes with it (orch runtime remove)\n",
		],
		['constructor', "orch: 'constructor' is not a command of 'orch'\nhint: orch help\n"],
		['add ./x', "orch: 'add' is not a command of 'orch'\n  did you mean: runtime add, link add, runner add\nhint: orch help\n"],
		['runtime ad ./x', "orch: 'ad' is not a command of 'orch runtime'\n  did you mean: add\nhint: orch help runtime\n"],
		['frobnicate', "orch: 'frobnicate' is not a command of 'orch'\nhint: orch help\n"],
		['ps --jsn', "orch: 'orch ps' has no option --jsn\n  did you mean: --json\nhint: orch help ps\n"],
		['ps -x', "orch: 'orch ps' has no option -x\nhint: orch help ps\n"],
		['ps --json=1', 'orch: --json takes no value\nhint: orch help ps\n'],
		[
			'runtime add ./x --listen 80',
			"orch: 'orch runtime add' has no option --listen\nhint: options of the program itself stand behind --: orch runtime add ./x -- --listen\n",
		],
		['start', "orch: 'orch start' needs RUNTIME, --all or --label\nhint: orch help start\n"],
		['runtime signal ping', "orch: 'orch runtime signal' needs SIGNAL\nhint: orch help runtime signal\n"],
		['clear a b', "orch: 'orch clear' takes no arguments, and does not know what to do with: a b\nhint: orch help clear\n"],
		[
			'status a b',
			"orch: 'orch status' takes no more than RUNTIME, and does not know what to do with: b\nhint: orch help status\n",
		],
		['runtime add ./x --name', "orch: 'orch runtime add' needs NAME behind --name\nhint: orch help runtime add\n"],
		[
			'runtime add ./x --restart alway',
			"orch: --restart is 'alway'; it must be one of: no, on-failure, always\n  did you mean: always\n",
		],
		[
			'ps --timeout 5',
			"orch: --timeout is '5'; it must be a duration with its unit, such as 500ms, 10s, 2m or 1h\n  did you mean: 5s, 5ms\n",
		],
		['ps -o csv', "orch: --output is 'csv'; it must be one of: table, wide, json, name\n"],
	])('orch %s', async (line, text) => {
		expect(await failure(line)).toBe(text);
		expect(await parse(words(line)).catch((error: unknown) => toShownError(error).exit)).toBe(2);
	});
});
