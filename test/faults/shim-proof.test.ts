/** Proof of docs/decisions/0001: the launch shim is the truth about launch, pid, signals and end, under every shell that is here. */
import { execFileSync, spawn } from 'node:child_process';
import {
	closeSync,
	existsSync,
	mkdtempSync,
	openSync,
	readFileSync,
	readdirSync,
	rmSync,
	writeFileSync,
	writeSync,
} from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { seededRandom, until } from '@orch/base/testing';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type ExitStatus, readExitRecord, readProgramPid } from '../../packages/daemon/src/supervisor/exit-record.ts';
import {
	broodInvocation,
	GO,
	launchText,
	recordOf,
	SHIM_NAME,
	shimDescriptors,
	shimInvocation,
} from '../../packages/daemon/src/supervisor/launch-shim.ts';
import { type Command, type Launched, launch, launchPlain, type Place, shellNamedSh } from '../fixtures/shim/launch.ts';
import { processAt, processes } from '../fixtures/shim/processes.ts';
import { findProgram, shells } from '../fixtures/shim/shells.ts';

const sleep: Command = { program: findProgram('sleep') ?? '/bin/sleep', args: ['120'], silent: true };
const script = (text: string, ...args: string[]): Command => ({ program: '/bin/sh', args: ['-c', text, 'sh', ...args] });
const dies = (signal: NodeJS.Signals): ExitStatus => ({ kind: 'signal', signal, coreDumped: false });

const ways = ['alone', 'in a brood'] as const;

describe.each(shells.flatMap((shell) => ways.map((way) => ({ ...shell, way }))))(
	'under $name, the launch shim $way',
	({ name, file = '', way }) => {
		let shell: string;
		let folder: string;
		let place: Place;
		/** Every launch of a test, so that none outlives it. */
		let launched: Pick<Launched, 'shimPid' | 'hasEnded'>[];
		const start = async (command: Command, by: 'spawn' | 'execa' | 'tailored' = 'spawn') => {
			const one = await launch({ ...place, by: way === 'alone' ? by : 'brood' }, command);
			launched.push(one);
			return one;
		};
		/** How it ends where that is seen. */
		const end = (code: number) => (way === 'alone' ? { code, signal: null } : undefined);

		beforeEach((context) => {
			context.skip(file === '', `${name} is not installed`);
			context.skip(way !== 'alone' && findProgram('setsid') === undefined, 'setsid is not installed');
			folder = mkdtempSync(join(tmpdir(), 'orch-shim-'));
			shell = shellNamedSh(folder, file);
			place = { folder, shell };
			launched = [];
		});

		afterEach(() => {
			for (const { shimPid, hasEnded } of launched ?? []) if (!hasEnded()) killGroup(shimPid);
			if (folder) rmSync(folder, { recursive: true, force: true });
		});

		test('loses none of very many signals sent 0 to 5 ms after the word, once the pid is told', async () => {
			const random = seededRandom(1);
			const signals = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGALRM', 'SIGPIPE', 'SIGKILL'] as const;
			const wanted: unknown[] = [];
			const seen: unknown[] = [];
			await eachOf(way === 'alone' ? 1000 : 300, async (index) => {
				const signal = signals[index % signals.length] ?? 'SIGTERM';
				const toGroup = random.float() < 0.5;
				const one = await start(sleep);
				// Half of them at once, which is before the exec; the others at any time in 5 ms.
				const [pid] = await Promise.all([one.told, index % 2 === 0 ? undefined : afterMs(5 * random.float())]);
				if (pid === undefined) throw new Error(`Launch ${index} told no pid: ${one.record()}`);
				process.kill(toGroup ? -one.shimPid : pid, signal);
				await until(
					`launch ${index} ends by ${signal} to ${toGroup ? 'the group' : 'the program'}: ${one.record()}`,
					one.hasEnded,
				);
				// Between pid and program a SIGPIPE is what a dead orchd looks like.
				const neverRan = signal === 'SIGPIPE' && !one.record().includes('told');
				wanted[index] = { signal, toGroup, pid, status: neverRan ? { kind: 'not_launched', reason: '' } : dies(signal) };
				seen[index] = { signal, toGroup, pid: readProgramPid(one.record()), status: one.status(toGroup && signal === 'SIGKILL') };
			});
			expect(seen).toEqual(wanted);
			await until('nothing of any launch is alive', () => groupsAlive(launched).length === 0);
		});

		test.each(['SIGTERM', 'SIGKILL'] as const)(
			'leaves nothing open when the group gets %s at any moment after the spawn',
			async (signal) => {
				const random = seededRandom(2);
				const outcomes = new Map<string, number>();
				await eachOf(120, async () => {
					const one = await start(sleep);
					let told: number | undefined;
					let toldBefore = false;
					const telling = one.told.then((pid) => {
						told = pid;
					});
					await afterMs(5 * random.float());
					toldBefore = told !== undefined;
					const hit = killGroup(one.shimPid, signal);
					await Promise.race([one.ended, telling]);
					await telling;
					// A SIGTERM from before there was a program is no signal to the program: it runs, and we know its pid.
					if (told !== undefined && !toldBefore && !one.hasEnded()) killGroup(one.shimPid, signal);
					const ended = await one.ended;
					const status = one.status(signal === 'SIGKILL' && hit);
					const outcome = status.kind === 'signal' ? status.signal : status.kind;
					outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
					if (told !== undefined) expect(status).toEqual(dies(signal));
					else if (status.kind === 'signal')
						expect({ status, pid: readProgramPid(one.record()) }).toEqual({ status: dies(signal), pid: expect.any(Number) });
					else if (status.kind === 'unknown')
						expect({ record: one.record(), ended }).toEqual({
							record: '',
							ended: way === 'alone' ? expect.objectContaining(signal === 'SIGKILL' ? { signal } : {}) : undefined,
						});
					else expect(status.kind).toBe('not_launched');
				});
				await until('nothing of any launch is alive', () => groupsAlive(launched).length === 0);
				expect([...outcomes.values()].reduce((sum, count) => sum + count)).toBe(120);
			},
		);

		test('records the exit codes 0 to 255 as they are, but for 130 and 141, which count as signals', async () => {
			const seen: ExitStatus[] = [];
			await eachOf(256, async (code) => {
				const one = await start({ ...script(`exit ${code}`), silent: true }, 'execa');
				expect(await one.ended).toEqual(end(code));
				seen[code] = one.status();
			});
			const wanted: ExitStatus[] = Array.from({ length: 256 }, (_, code) => ({ kind: 'code', code }));
			wanted[130] = dies('SIGINT');
			wanted[141] = dies('SIGPIPE');
			expect(seen).toEqual(wanted);
		});

		test('records every fatal signal as a plain parent sees it', async () => {
			const harmless = ['SIGCHLD', 'SIGCONT', 'SIGSTOP', 'SIGTSTP', 'SIGTTIN', 'SIGTTOU', 'SIGURG', 'SIGWINCH'];
			const numbers = new Set(
				Object.entries(constants.signals).flatMap(([signal, number]) => (harmless.includes(signal) ? [] : number)),
			);
			const plain: unknown[] = [];
			const seen: unknown[] = [];
			await eachOf([...numbers], async (number) => {
				const command = script(`ulimit -c 0; kill -${number} $$`);
				const one = await start(command);
				plain.push({ number, ...(await launchPlain(folder, command)) });
				await one.ended;
				seen.push({ number, status: one.status() });
			});
			const bare = (plain as { number: number; signal: NodeJS.Signals | null; code: null }[]).map(({ number, signal }) => ({
				number,
				status: { kind: 'signal', signal, coreDumped: false },
			}));
			const byNumber = (a: unknown, b: unknown) => (a as { number: number }).number - (b as { number: number }).number;
			expect(seen.sort(byNumber)).toEqual(bare.sort(byNumber));
			expect(seen.length).toBeGreaterThanOrEqual(23);
		});

		test('names a real-time signal by its number', async () => {
			const one = await start(script('kill -40 $$'));
			await one.ended;
			expect(one.status()).toEqual({ kind: 'signal', signal: 'SIG40', coreDumped: false });
		});

		test('knows of a core dump', async (context) => {
			const pattern = readFileSync('/proc/sys/kernel/core_pattern', 'utf8').trim();
			context.skip(!/^[^/|]/.test(pattern), `core dumps go to ${pattern}, where they prove nothing`);
			const one = await start(script('ulimit -c unlimited; kill -SEGV $$'));
			await one.ended;
			context.skip(!readdirSync(folder).some((entry) => entry.startsWith('core')), 'this machine allows no core dumps');
			expect(one.status()).toEqual({ kind: 'signal', signal: 'SIGSEGV', coreDumped: true });
		});

		test('leaves the stderr of the program to the program, also in a language that is not installed', async () => {
			const program = findProgram('cat') ?? '/bin/cat';
			const env = { LC_ALL: 'xx_YY.UTF-8', LANG: 'de_DE.UTF-8' };
			const texts = [
				'printf "one\\377\\000two" >&2; kill -SEGV $$',
				'printf "x\\n" >&2; kill -TERM $$',
				'kill -ABRT $$',
				'exit 3',
			];
			for (const command of [
				...texts.map((text) => ({ ...script(`ulimit -c 0; ${text}`), env })),
				{ program, args: ['/nowhere'], env },
			]) {
				const one = await start(command);
				const plain = await launchPlain(folder, command);
				await one.ended;
				expect({ stderr: one.stderr(), stdout: one.stdout() }).toEqual({ stderr: plain.stderr, stdout: plain.stdout });
			}
		});

		test('gives the program clean signals, its three descriptors, and a session that the shim leads', async () => {
			const cat = findProgram('cat') ?? '/bin/cat';
			const list = { program: findProgram('ls') ?? '/bin/ls', args: ['/proc/self/fd'] };
			const status = await start({ program: cat, args: ['/proc/self/status'] }, 'execa');
			const stat = await start({ program: cat, args: ['/proc/self/stat'] });
			const descriptors = await start(list, 'execa');
			const input = await start(script('readlink /proc/self/fd/0'));
			await Promise.all([status, stat, descriptors, input].map((one) => one.ended));
			const masks = status
				.stdout()
				.toString()
				.match(/^Sig(?:Blk|Ign|Cgt):\s*\S+/gm);
			expect(masks).toEqual(['SigBlk:\t0000000000000000', 'SigIgn:\t0000000000000000', 'SigCgt:\t0000000000000000']);
			expect(stat.stdout().toString()).toMatch(
				new RegExp(`^${await stat.told} \\(cat\\) R ${stat.shimPid} ${stat.shimPid} ${stat.shimPid} 0 `),
			);
			expect(descriptors.stdout().toString()).toBe((await launchPlain(folder, list)).stdout.toString());
			expect(input.stdout().toString()).toBe('/dev/null\n');
		});

		test('passes the environment on, with what a shell would drop or change', async () => {
			const env = {
				ORCH_PROCESS: 'p1',
				EMPTY: '',
				LINES_: 'a\nb\n',
				'discovery.type': 'single-node',
				'x-y': 'ü',
				IFS: ':',
				PPID: '1',
				LC_ALL: '',
				POSIXLY_CORRECT: '1',
			};
			for (const { given, by } of [
				env,
				{ ...env, LC_ALL: 'C', SHELLOPTS: 'errexit:xtrace', ENV: '/nowhere', 'BASH_FUNC_echo%%': '() { exit 9; }' },
				{ HOME: '/x' },
				// every byte that UTF-8 knows, and all that means something to a shell
				{
					ALL: `${String.fromCodePoint(...Array.from({ length: 0x7ff }, (_, index) => index + 1))}\u{1f600}`,
					QUOTES: `'\\''"$(x)\``,
				},
				{ orch_shim_record: '/nowhere', BASH_SUBSHELL: '7', EPOCHSECONDS: '1', LC_ALL: 'xx_YY.UTF-8' },
			].flatMap((one) => [
				{ given: one, by: 'spawn' as const },
				{ given: one, by: 'tailored' as const },
			])) {
				const one = await start({ program: findProgram('cat') ?? '/bin/cat', args: ['/proc/self/environ'], env: given }, by);
				await one.ended;
				const got: Record<string, string> = {};
				for (const entry of one.stdout().toString().split('\0').slice(0, -1))
					got[entry.slice(0, entry.indexOf('='))] = entry.slice(entry.indexOf('=') + 1);
				// What a shell adds where it was missing, and nothing else.
				for (const added of ['PWD', 'SHLVL', 'PATH', '_']) delete got[added];
				expect(got).toEqual(given);
				expect(one.status()).toEqual({ kind: 'code', code: 0 });
			}
		});

		test('says in the program’s stderr, under its own name, what it could not execute', async () => {
			const one = await start({ program: join(folder, 'missing') });
			await one.ended;
			expect(one.status()).toEqual({ kind: 'code', code: 127 });
			expect(one.stderr().toString()).toMatch(new RegExp(`^${SHIM_NAME}: .*missing`));
		});

		test('outlives a signal to the group that the program handles', async () => {
			const ready = join(folder, 'ready');
			const one = await start(
				script(
					'trap "exit 7" TERM; trap : HUP INT QUIT USR1; : >"$1"; while :; do read -r line <"$2"; done',
					ready,
					fifoIn(folder),
				),
			);
			await until('the program has set its traps', () => existsSync(ready));
			for (const signal of ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGUSR1'] as const) killGroup(one.shimPid, signal);
			killGroup(one.shimPid, 'SIGTERM');
			expect(await one.ended).toEqual(end(7));
			expect(one.status()).toEqual({ kind: 'code', code: 7 });
		});

		test('is not misled by a program that is stopped and continued', async () => {
			const one = await start(sleep);
			const pid = (await one.told) ?? 0;
			for (const target of [pid, -one.shimPid]) {
				process.kill(target, 'SIGSTOP');
				await until('the program is stopped', () => stateOf(pid) === 'T');
				process.kill(target, 'SIGCONT');
				await until('the program goes on', () => stateOf(pid) === 'S');
			}
			expect(one.record()).toBe(`pid ${pid}\ntold\n`);
			process.kill(-one.shimPid, 'SIGTERM');
			await one.ended;
			expect(one.status()).toEqual(dies('SIGTERM'));
		});

		test('tells the pid also where there is no /proc', async () => {
			const withoutProc = (script: string) => script.replace('/proc/self/stat', '/nowhere/self/stat');
			const one = await launch(
				{ ...place, by: way === 'alone' ? 'spawn' : 'brood', change: withoutProc },
				script('echo $$; exit 4'),
			);
			launched.push(one);
			await one.ended;
			expect({ status: one.status(), stdout: one.stdout().toString() }).toEqual({
				status: { kind: 'code', code: 4 },
				stdout: `${await one.told}\n`,
			});
		});

		describe('when orchd is killed', () => {
			/** An orchd that is dead at the given step, and what its launch left. */
			async function killOrchdAt(step: 'before go' | 'after go, deaf' | 'right after go' | 'after go' | 'after pid') {
				const base = mkdtempSync(join(folder, 'orchd-'));
				const fifo = fifoIn(base);
				const file = join(base, 'launch');
				const others = [`${file}-1`, `${file}-2`];
				const files = { stdout: join(base, 'out'), stderr: join(base, 'err') };
				const record = recordOf(file);
				for (const path of [...Object.values(files), record, ...others.map(recordOf)]) writeFileSync(path, '');
				const command = script('read -r line <"$1"; echo late; echo later >&2; exit 42', fifo);
				writeFileSync(
					file,
					launchText({ ...files, cwd: base, umask: 0o22 }, { program: command.program, args: command.args ?? [], env: {} }),
				);
				const setsid = findProgram('setsid') ?? '';
				const invocation = way === 'alone' ? shimInvocation(file) : broodInvocation({ shell, setsid, files: [file, ...others] });
				const fixture = { shell, ...invocation, socket: shimDescriptors.orchd, go: GO, step };
				const orchd = spawn(process.execPath, [parentFixture, JSON.stringify(fixture)], { stdio: ['ignore', 'pipe', 'inherit'] });
				const gone = new Promise((resolve) => orchd.once('exit', (_, signal) => resolve(signal)));
				const facts = await new Promise<{ shim: number; program?: number }>((resolve, reject) => {
					createInterface({ input: orchd.stdout })
						.once('line', (line) => resolve(JSON.parse(line)))
						.once('close', () => reject(new Error('The fixture ended without a word')));
				});
				launched.push({ shimPid: facts.shim, hasEnded: () => processAt(facts.shim) === undefined });
				const read = (file: string) => readFileSync(file, 'utf8');
				if (step === 'after go') await until('the pid is handed over', () => read(record).includes('told'));
				if (step !== 'right after go') orchd.kill('SIGKILL');
				expect(await gone).toBe('SIGKILL');
				return {
					...facts,
					fifo,
					record: () => read(record),
					status: () => readExitRecord(read(record), false),
					stdout: () => read(files.stdout),
					stderr: () => read(files.stderr),
				};
			}

			test.each(['before go', 'after go, deaf'] as const)('%s, launches nothing', async (step) => {
				const { shim, record, status, stdout } = await killOrchdAt(step);
				await until('the shim is gone', () => processAt(shim) === undefined);
				expect({ status: status(), stdout: stdout() }).toEqual({ status: { kind: 'not_launched', reason: '' }, stdout: '' });
				if (step === 'before go') expect(record()).toBe('exit 0\n');
				expect(groupsAlive([{ shimPid: shim }])).toEqual([]);
			});

			test.each(['after go', 'after pid'] as const)('%s, lets the program run, and records its pid and its end', async (step) => {
				const { shim, program, fifo, record, status, stdout, stderr } = await killOrchdAt(step);
				const pid = readProgramPid(record());
				expect(program ?? pid).toBe(pid);
				expect(processAt(pid ?? 0)).toEqual({ pid, group: shim, session: shim });
				const writer = openSync(fifo, 'r+');
				writeSync(writer, 'end\n');
				await until('the shim is gone', () => processAt(shim) === undefined);
				closeSync(writer);
				const ended: ExitStatus = { kind: 'code', code: 42 };
				expect({ status: status(), stdout: stdout(), stderr: stderr() }).toEqual({
					status: ended,
					stdout: 'late\n',
					stderr: 'later\n',
				});
			});

			test.each(['after go', 'after pid'] as const)('%s, lets another orchd stop the program and know its end', async (step) => {
				const { shim, status } = await killOrchdAt(step);
				process.kill(-shim, 'SIGTERM');
				await until('the shim is gone', () => processAt(shim) === undefined);
				expect(status()).toEqual(dies('SIGTERM'));
				await until('nothing of the launch is alive', () => groupsAlive([{ shimPid: shim }]).length === 0);
			});

			test('while the pid is on its way, either launches nothing or lets the program run, and says which', async () => {
				for (let round = 0; round < 4; round++) {
					const { shim, record, status, stdout } = await killOrchdAt('right after go');
					await until('the launch is decided', () => record().includes('told') || processAt(shim) === undefined);
					if (record().includes('told')) {
						process.kill(-shim, 'SIGTERM');
						await until('the shim is gone', () => processAt(shim) === undefined);
						expect(status()).toEqual(dies('SIGTERM'));
					} else
						expect({ status: status(), stdout: stdout() }).toEqual({ status: { kind: 'not_launched', reason: '' }, stdout: '' });
					await until('nothing of the launch is alive', () => groupsAlive([{ shimPid: shim }]).length === 0);
				}
			});
		});
	},
);

const parentFixture = fileURLToPath(new URL('../fixtures/shim/parent.mjs', import.meta.url));

/** Runs `work` for every index or item, 16 at a time. */
async function eachOf(items: number | readonly number[], work: (item: number) => Promise<void>): Promise<void> {
	const waiting = typeof items === 'number' ? Array.from({ length: items }, (_, index) => index) : [...items];
	const worker = async () => {
		for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await work(item);
	};
	await Promise.all(Array.from({ length: 16 }, worker));
}

/** The moment of a signal, which is what these tests vary; nothing is awaited by it. */
const afterMs = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** False when the group was gone already. */
function killGroup(group: number, signal: NodeJS.Signals = 'SIGKILL'): boolean {
	try {
		return process.kill(-group, signal);
	} catch {
		return false;
	}
}

function groupsAlive(launched: readonly { readonly shimPid: number }[]) {
	const groups = new Set(launched.map(({ shimPid }) => shimPid));
	return processes().filter(({ group }) => groups.has(group));
}

function stateOf(pid: number): string | undefined {
	return /^State:\t(\S)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
}

function fifoIn(folder: string): string {
	const fifo = join(folder, 'fifo');
	execFileSync('mkfifo', [fifo]);
	return fifo;
}
