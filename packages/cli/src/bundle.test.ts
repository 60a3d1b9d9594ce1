/** The program as it is installed: the bundle behind its loader, as a process of its own. */
import { spawn } from 'node:child_process';
import {
	chmodSync,
	cpSync,
	existsSync,
	mkdtempSync,
	readdirSync,
	readFileSync,
	rmSync,
	statSync,
	symlinkSync,
	writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { until } from '@orch/base/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { buildCli, buildFakeOrchd } from './testing/build.ts';
import { type FakeDaemon, startFakeDaemon } from './testing/fake-daemon.ts';

let built: string;
let program: string;
let inputs: string[];
let quickInputs: string[];
let daemon: FakeDaemon;
beforeAll(async () => {
	built = mkdtempSync(join(tmpdir(), 'orch-bundle-'));
	({ program, inputs, quickInputs } = await buildCli(built));
	daemon = await startFakeDaemon();
});
afterAll(async () => {
	await daemon[Symbol.asyncDispose]();
	rmSync(built, { recursive: true, force: true });
});

let cache: string;
beforeEach(() => {
	cache = mkdtempSync(join(built, 'cache-'));
	daemon.runtimes.clear();
	daemon.output.clear();
	daemon.requests.length = 0;
});

const environment = (env: Record<string, string> = {}) => {
	// colours and caches of whoever runs the tests are not those of the tests
	const { FORCE_COLOR: _1, NO_COLOR: _2, ORCH_HOME: _3, ...inherited } = process.env;
	return { ...inherited, ORCH_SOCKET: daemon.socket, XDG_CACHE_HOME: cache, ORCH_AUTOSTART: '0', ...env };
};

interface Ended {
	readonly code: number | null;
	readonly out: string;
	readonly err: string;
}

/** Not the synchronous way: the daemon lives in this process. */
function orch(args: readonly string[], env: Record<string, string> = {}, node: readonly string[] = []): Promise<Ended> {
	return ended(
		spawn(process.execPath, [...node, program, ...args], { env: environment(env), stdio: ['ignore', 'pipe', 'pipe'] }),
	);
}

function shell(script: string): Promise<Ended> {
	const env = { ...environment(), orch: `${process.execPath} ${program}` };
	return ended(spawn('sh', ['-c', script], { env, stdio: ['ignore', 'pipe', 'pipe'] }));
}

function ended(child: ReturnType<typeof spawn>): Promise<Ended> {
	const written = { out: '', err: '' };
	child.stdout?.on('data', (text) => {
		written.out += String(text);
	});
	child.stderr?.on('data', (text) => {
		written.err += String(text);
	});
	return new Promise((resolve) => child.once('close', (code) => resolve({ code, ...written })));
}

describe('the bundle', () => {
	it('holds no schema library, no checker and no table library', () => {
		const packages = [...new Set(inputs.flatMap((path) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? []))];
		expect(packages.sort()).toEqual(['commander', 'msgpackr', 'picocolors']);
	});

	it('holds nothing of the daemon or the router, of base only what people write, and of the protocol only its wire', () => {
		expect(
			inputs.filter((path) =>
				/packages\/(daemon|router|base(?!\/src\/(directory|pattern|text|turns|watchdog))|sdk)\//.test(path),
			),
		).toEqual([]);
		expect(inputs.filter((path) => /protocol\/src\/(operations|api|dispatch|operation)\b/.test(path))).toEqual([]);
	});

	it('takes msgpackr without its native addon', () => {
		expect(inputs.filter((path) => path.includes('msgpackr')).map((path) => path.replace(/.*node_modules\//, ''))).toEqual(
			expect.arrayContaining(['msgpackr/index.js', 'msgpackr/pack.js', 'msgpackr/unpack.js']),
		);
		expect(readFileSync(join(built, 'dist/orch.cjs'), 'latin1')).not.toContain('msgpackr-extract');
	});

	it('loads nothing by import(), which its loader cannot answer', () => {
		expect(readFileSync(join(built, 'dist/orch.cjs'), 'latin1')).not.toMatch(/\bimport\(/);
	});

	it('is ASCII, which its loader does not decode', () => {
		for (const name of ['orch', 'orch-quick'])
			expect(readFileSync(join(built, `dist/${name}.cjs`)).every((byte) => byte < 128)).toBe(true);
	});
});

describe('the quick bundle', () => {
	const withoutQuick = async (args: readonly string[], env: Record<string, string> = {}) => {
		const whole = mkdtempSync(join(built, 'whole-'));
		cpSync(join(built, 'bin'), join(whole, 'bin'), { recursive: true });
		cpSync(join(built, 'dist/orch.cjs'), join(whole, 'dist/orch.cjs'));
		writeFileSync(join(whole, 'dist/orch-quick.cjs'), '(function (exports) { exports.main = async () => undefined; })');
		const child = spawn(process.execPath, [join(whole, 'bin/orch.cjs'), ...args], {
			env: environment(env),
			stdio: ['ignore', 'pipe', 'pipe'],
		});
		return ended(child);
	};

	it('holds no library but that of colours, and of the commands only its own', () => {
		expect(
			quickInputs.filter((path) => path.includes('node_modules')).map((path) => path.replace(/.*node_modules\//, '')),
		).toEqual(['picocolors/picocolors.js']);
		expect(quickInputs.filter((path) => path.includes('cli/src/commands/')).map((path) => path.replace(/.*\//, ''))).toEqual([
			'ps.ts',
			'version.ts',
		]);
		// small is what it is for
		expect(statSync(join(built, 'dist/orch-quick.cjs')).size).toBeLessThan(80_000);
	});

	it.each([
		[['ps']],
		[['ps', '-q']],
		[['ps', '--json']],
		[['ps', '--status', 'running', '-o', 'wide']],
		[['ps', '--status', 'nonsense']],
		[['ps', '--statsu', 'running']],
		[['ps', '-qo', 'name']],
		[['ps', '--help']],
		[['ps', 'nobody']],
		[['ps', '--timeout', '5s']],
		[['version']],
		[['version', '--client']],
		[['version', 'superfluous']],
	])('says of %j what the whole program says', async (args) => {
		daemon.addRuntime('ping');
		daemon.addRuntime('pong', { args: ['\u00f6', 'two words', ''] });
		const plain = (ended: Ended) => ({ ...ended, out: ended.out.replace(/"uptimeMs": ?\d+/g, '') });
		const said = plain(await orch(args));
		expect(said).toEqual(plain(await withoutQuick(args)));
		// neither has fallen over
		expect(said.err).not.toMatch(/^\s+at /m);
	});

	it('leaves to the whole program what is not well, and nothing is said twice', async () => {
		const nowhere = { ORCH_SOCKET: '/nonexistent/o.sock' };
		for (const args of [['ps'], ['version'], ['ps', '--json']]) {
			const said = await orch(args, nowhere);
			expect(said).toEqual(await withoutQuick(args, nowhere));
			expect([said.code, said.err.match(/not running/g)?.length]).toEqual([5, 1]);
		}
		daemon.addRuntime('ping');
		expect((await orch(['ps'], { FORCE_COLOR: '1' })).out.match(/NAME/g)).toEqual(['NAME']);
	});

	it('answers at a terminal with colours, too', async () => {
		daemon.addRuntime('ping');
		await orch(['ps'], { FORCE_COLOR: '1' });
		// who has had to ask the whole program has left its code as well
		expect(readdirSync(join(cache, 'orch')).map((name) => name.replace(/-v.*/, ''))).toEqual(['orch-quick']);
	});

	it('does not ask again whoever was given a time to answer in', async () => {
		const restore = daemon.override('runtime.table', () => new Promise(() => {}));
		daemon.requests.length = 0;
		const { code, err } = await orch(['ps', '--timeout', '200ms']);
		restore();
		expect([code, err]).toEqual([124, expect.stringContaining('200')]);
		expect(daemon.requests.filter(({ operation }) => operation === 'runtime.table').length).toBe(1);
	});
});

describe('the program', () => {
	it('answers like the one in the other tests', async () => {
		daemon.addRuntime('ping');
		expect(await orch(['ps', '-q'])).toEqual({ code: 0, out: 'ping\n', err: '' });
		expect(await orch(['runtime', 'ls', '-o', 'name'])).toEqual({ code: 0, out: 'ping\n', err: '' });
		expect(await orch(['start', 'pnig'])).toEqual({
			code: 4,
			out: '',
			err: "orch: no runtime 'pnig'\n  did you mean: ping\nhint: orch ps\n",
		});
		expect((await orch(['nope'])).code).toBe(2);
		expect((await orch(['ps'], { ORCH_SOCKET: '/nonexistent/o.sock' })).code).toBe(5);
	});

	it('has no colours in a pipe, and has them there when forced', async () => {
		daemon.addRuntime('ping');
		expect((await orch(['ps'])).out).not.toContain('\u001b');
		expect((await orch(['ps'], { FORCE_COLOR: '1' })).out).toContain('\u001b[');
	});

	it('is silent when its reader has had enough', async () => {
		for (let at = 0; at < 5000; at++) daemon.addRuntime(`runtime-${at}`);
		expect(await shell('($orch ps; echo "exit $?" >&2) | head -1')).toEqual({
			code: 0,
			out: expect.stringMatching(/^NAME/),
			err: 'exit 0\n',
		});
	});

	it('ends when its reader has had enough, though the program that it shows says nothing more', async () => {
		daemon.addRuntime('ping');
		daemon.write('ping', Buffer.from('one\ntwo\n'));
		expect(await shell('($orch runtime stdout ping; echo "exit $?" >&2) | head -1')).toEqual({
			code: 0,
			out: 'one\n',
			err: 'exit 0\n',
		});
		await until('nobody is connected any more', () => daemon.sessions.size === 0);
	});

	it('stays while anybody reads, also when the first reader hands the pipe on', async () => {
		daemon.addRuntime('ping');
		daemon.write('ping', Buffer.from('one\n'));
		const env = { ...environment(), orch: `${process.execPath} ${program}` };
		const script = '$orch runtime stdout ping | (read line; echo "first $line"; exec sh -c "cat; echo end")';
		const child = spawn('sh', ['-c', script], { env, stdio: ['ignore', 'pipe', 'inherit'] });
		let out = '';
		child.stdout.on('data', (text) => {
			out += String(text);
		});
		const closed = new Promise((resolve) => child.once('close', resolve));
		await until('the first line', () => out === 'first one\n');
		daemon.write('ping', Buffer.from('two\n'));
		await until('the second line', () => out === 'first one\ntwo\n');
		daemon.runtimes.clear();
		daemon.write('ping', Buffer.from(''));
		await closed;
		expect(out).toBe('first one\ntwo\nend\n');
	});

	it('says when its output cannot be written', async () => {
		daemon.addRuntime('ping');
		expect(await shell('$orch ps >/dev/full')).toEqual({
			code: 1,
			out: '',
			err: expect.stringContaining('orch: cannot write the output: ENOSPC'),
		});
		expect((await shell('$orch start ping 2>/dev/full')).code).toBe(0);
	});

	it('writes all of a long output to a slow reader', async () => {
		daemon.addRuntime('ping');
		daemon.write('ping', Buffer.alloc(3_000_000, 'x'));
		expect((await shell('$orch runtime stdout ping --no-follow | (sleep 0.2; wc -c)')).out.trim()).toBe('3000000');
		expect(
			(await shell(`$orch call runtime.stdout '{"runtime":"ping","follow":false}' | (sleep 0.2; wc -c)`)).out.trim(),
		).toMatch(/^40\d{5}$/);
	});

	it('reads no further ahead than its reader allows', async () => {
		daemon.addRuntime('ping');
		const portion = 65_536;
		let produced = 0;
		const restore = daemon.override('runtime.stdout', async function* () {
			for (; produced < 200; produced++) yield { bytes: Buffer.alloc(portion, 'x') };
			return { ended: 'end' as const };
		});
		const child = spawn(process.execPath, [program, 'runtime', 'stdout', 'ping'], {
			env: environment(),
			stdio: ['ignore', 'pipe', 'inherit'],
		});
		let read = 0;
		let ahead = 0;
		for await (const chunk of child.stdout) {
			read += (chunk as Buffer).length;
			// a slow reader: everybody else gets many turns between two of its own
			for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
			ahead = Math.max(ahead, produced * portion - read);
		}
		restore();
		expect(read).toBe(200 * portion);
		expect(ahead).toBeLessThan(64 * portion);
	});

	it.each([
		['SIGINT', 130],
		['SIGTERM', 143],
	] as const)('%s ends what follows with %i, in silence', async (signal, expected) => {
		daemon.addRuntime('ping');
		daemon.write('ping', Buffer.from('hello\n'));
		const child = spawn(process.execPath, [program, 'runtime', 'stdout', 'ping'], {
			env: environment(),
			stdio: ['ignore', 'pipe', 'pipe'],
		});
		child.stdout.once('data', () => child.kill(signal));
		const { code, out, err } = await ended(child);
		expect([code, err]).toEqual([expected, '']);
		expect(out === '' || out === 'hello\n').toBe(true);
		await until('nobody is connected any more', () => daemon.sessions.size === 0);
	});

	it('becomes orchd with daemon start --foreground', async () => {
		const fake = await buildFakeOrchd(built);
		const directory = mkdtempSync(join(built, 'fg-'));
		const socket = join(directory, 'o.sock');
		const env = environment({ ORCH_SOCKET: socket, ORCH_HOME: join(directory, 'home'), ORCHD_BIN: fake, ORCH_RUNTIME_ID: 'x' });
		const child = spawn(process.execPath, [program, 'daemon', 'start', '--foreground'], {
			env,
			stdio: ['ignore', 'pipe', 'pipe'],
		});
		const ran = ended(child);
		await until('it answers', async () => (await orch(['ps', '-q'], { ORCH_SOCKET: socket })).code === 0);
		child.kill('SIGINT');
		const { code, err } = await ran;
		expect(code).toBe(0);
		expect(JSON.parse(err)).toMatchObject({
			pid: child.pid,
			args: ['--socket', socket, '--home', join(directory, 'home')],
			inherited: ['ORCH_SOCKET', 'ORCH_HOME'],
		});
	});
});

describe('the loader', () => {
	const cached = () => (existsSync(join(cache, 'orch')) ? readdirSync(join(cache, 'orch')) : []);

	it('keeps the code of each hot command and one for the rest, for this user alone', async () => {
		await orch(['ps']);
		await orch(['ps', '-q']);
		await orch(['help']);
		await orch(['link', 'ls']);
		const names = cached();
		expect(names.map((name) => name.replace(/-v[\d.]+-\w+-[0-9a-f]{16}-/, ' ')).sort()).toEqual([
			'orch other.v8cache',
			'orch-quick ps.v8cache',
		]);
		expect(statSync(join(cache, 'orch')).mode & 0o777).toBe(0o700);
		for (const name of names) expect(statSync(join(cache, 'orch', name)).mode & 0o777).toBe(0o600);
	});

	it('is found through a symbolic link, as on PATH', async () => {
		const link = join(cache, 'orch');
		symlinkSync(program, link);
		for (const args of [['ps'], ['link', 'ls']]) {
			const child = spawn(process.execPath, [link, ...args], { env: environment(), stdio: ['ignore', 'pipe', 'pipe'] });
			expect(await ended(child)).toEqual(await orch(args));
		}
	});

	it('makes do without a cache: none, broken, not to be written', async () => {
		await orch(['ps']);
		const [name = ''] = cached();
		const file = join(cache, 'orch', name);
		const good = readFileSync(file);
		writeFileSync(file, good.subarray(0, 100));
		expect((await orch(['ps'])).code).toBe(0);
		expect(readFileSync(file).length).toBeGreaterThan(100);
		writeFileSync(file, Buffer.alloc(good.length, 7));
		expect((await orch(['ps'])).code).toBe(0);
		expect((await orch(['ps'], { XDG_CACHE_HOME: '/dev/null' })).code).toBe(0);
		expect((await orch(['ps'], { XDG_CACHE_HOME: '', HOME: '' })).code).toBe(0);
	});

	it('does not run code that others may have written', async () => {
		await orch(['ps']);
		const [name = ''] = cached();
		const file = join(cache, 'orch', name);
		chmodSync(file, 0o666);
		await orch(['ps']);
		// it was not taken, but replaced
		expect(statSync(file).mode & 0o777).toBe(0o600);
	});

	describe('as a command', () => {
		const byName = (args: readonly string[], cwd: string) => {
			const link = join(cwd, 'orch');
			if (!existsSync(link)) symlinkSync(program, link);
			const env = environment({ PATH: `${dirname(process.execPath)}:${process.env['PATH']}` });
			return ended(spawn(link, [...args], { env, cwd, stdio: ['ignore', 'pipe', 'pipe'] }));
		};

		it('is the same by a symbolic link', async () => {
			const directory = mkdtempSync(join(built, 'command-'));
			expect(await byName(['ps'], directory)).toEqual(await orch(['ps']));
		});

		it('gives Node none of its arguments: neither a missing --env-file nor what stands in one is for Node', async () => {
			const directory = mkdtempSync(join(built, 'command-'));
			const missing = await byName(['runtime', 'add', '/bin/true', '--env-file', 'none.env'], directory);
			expect(missing).toEqual({ code: 8, out: '', err: 'orch: cannot read none.env: it does not exist\n' });
			writeFileSync(join(directory, 'a.env'), 'NODE_OPTIONS=--require=./none.cjs\n');
			expect(await byName(['runtime', 'add', '/bin/true', '--env-file', 'a.env'], directory)).toMatchObject({ code: 0 });
			expect([...daemon.runtimes.values()][0]).toMatchObject({ env: { NODE_OPTIONS: '--require=./none.cjs' } });
		});
	});

	it('tells an old Node what it needs', async () => {
		const preload = join(built, 'old.cjs');
		writeFileSync(preload, "Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '18.19.1' } });");
		expect(await orch(['ps'], {}, ['-r', preload])).toEqual({
			code: 1,
			out: '',
			err: `orch: orch needs Node 20.19 or newer, this is 18.19.1 (${process.execPath})\n`,
		});
	});

	it('says so when there is no bundle', async () => {
		const unbuilt = mkdtempSync(join(built, 'unbuilt-'));
		cpSync(join(built, 'bin'), join(unbuilt, 'bin'), { recursive: true });
		const child = spawn(process.execPath, [join(unbuilt, 'bin/orch.cjs'), 'ps'], {
			env: environment(),
			stdio: ['ignore', 'pipe', 'pipe'],
		});
		const { code, err } = await ended(child);
		expect(code).toBe(1);
		expect(err).toMatch(/^orch: cannot read its program: ENOENT.*\nhint: npm run build\n$/);
	});
});
