/** `orch logs` as people type it: many runtimes by time, filters, following over a restart of orchd, pipes that close. */
import { randomBytes } from 'node:crypto';
import { appendFileSync, existsSync, readdirSync, writeFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { inSandbox, type Orchd, processAt, residentBytesOf, sh, until, useSandbox } from '../support/index.ts';

const sandbox = useSandbox();
let orchd: Orchd;
beforeAll(async () => {
	orchd = await sandbox.startDaemon();
});

const logs = async (...args: string[]) => (await sandbox.cli('logs', ...args)).stdout;

describe('orch logs', () => {
	it('merges runtimes and streams by time, and filters', async () => {
		const one = await orchd.run(sh('echo first; sleep 0.3; echo third >&2; exec sleep 1000000'), { name: 'one' });
		await orchd.writes(one, 'first\n');
		const two = await orchd.run(sh('echo second; exec sleep 1000000'), { name: 'second-one' });
		await orchd.writes(two, 'second\n');
		await until('all is written', async () => (await logs('one', '--stream', 'stderr')) === 'third\n');
		const whole = (await logs('one', 'second-one')).split('\n');
		expect(whole.filter((line) => line !== '').sort()).toEqual([
			'one        | first',
			'one        | third',
			'second-one | second',
		]);
		expect(whole[0]).toBe('one        | first');
		expect(await logs('--grep', '^T', '-i', '--no-prefix')).toBe('third\n');
		expect(await logs('one', '-n', '1')).toBe('third\n');
		expect(await logs('one', '--since', '1h', '--until', '30m')).toBe('');
		const [line] = (await logs('second-one', '--json')).split('\n');
		expect(JSON.parse(line ?? '')).toEqual({
			runtime: two.id,
			name: 'second-one',
			stream: 'stdout',
			at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
			text: 'second',
		});
		expect(await sandbox.cli('logs', 'nobody')).toMatchObject({ code: 4 });
		expect(await sandbox.cli('logs', '--grep', '(')).toMatchObject({ code: 2 });
		await orchd.remove(one, two);
	});

	it('--previous shows the process before, and the one that runs stays out of it', async () => {
		const runtime = await orchd.run(sh('echo "life of $$"; echo unfinished | tr -d "\\n"; exec sleep 1000000'), {
			name: 'lives',
		});
		const first = (await orchd.show(runtime)).pid;
		await orchd.writes(runtime, 'unfinished');
		expect(await sandbox.cli('logs', 'lives', '--previous')).toMatchObject({ stdout: '', code: 0 });
		await orchd.call('runtime.restart', { runtime: 'lives', graceMs: 0 });
		const second = (await orchd.show(runtime)).pid;
		await orchd.writes(runtime, `life of ${second}`);
		expect(await logs('lives', '--previous')).toBe(`life of ${first}\nunfinished\n`);
		expect((await logs('lives')).startsWith(`life of ${first}\nunfinished\nlife of ${second}\n`)).toBe(true);
		await orchd.remove(runtime);
	});

	it('scenario 34: one line of 10 MB, NUL and clear-screen come through a pipe as one line without what drives terminals', async () => {
		const runtime = await orchd.run(
			sh('head -c 10000000 /dev/zero | tr "\\0" x; echo; printf "a\\0b\\033[2J\\033[31mred\\033[0m\\r\\n"; exec sleep 1000000'),
			{ name: 'long' },
		);
		await orchd.writes(runtime, 'red');
		const lines = (await logs('long')).split('\n');
		expect([lines.length, lines[0]?.length, lines[1]]).toEqual([3, 10_000_000, 'a\0bred']);
		expect((await logs('long', '--raw')).endsWith('\na\0b\u001b[2J\u001b[31mred\u001b[0m\r\n')).toBe(true);
		await orchd.remove(runtime);
	});

	it('a reader that goes away ends it in silence, Ctrl-C with 130', async () => {
		const runtime = await orchd.run(sh('i=0; while :; do echo $i; i=$((i+1)); sleep 0.01; done'), { name: 'endless' });
		const { ended } = sandbox.shell('orch logs -f endless -n all | head -n 3');
		expect(await ended).toMatchObject({ code: 0, stdout: '0\n1\n2\n', stderr: '' });
		const following = sandbox.running('logs', '-f', 'endless', '-n', '0');
		await following.shows('\n');
		expect((await following.interrupt()).code).toBe(130);
		await orchd.remove(runtime);
		expect(existsSync(`${sandbox.home}/logs/${runtime.id}`)).toBe(false);
	});

	it('what was removed with its output kept is told of by its name', async () => {
		const { id } = await orchd.run(sh('echo last words'), { name: 'leaves', restart: { when: 'no' } });
		await until('it has ended', async () => (await orchd.show('leaves')).lastExit !== null);
		expect((await sandbox.cli('runtime', 'rm', 'leaves', '--keep-logs')).code).toBe(0);
		expect((await sandbox.cli('logs', 'leaves', '--no-prefix')).stdout).toBe('last words\n');
		expect((await sandbox.cli('logs', id, '--no-prefix')).stdout).toBe('last words\n');
		expect((await sandbox.cli('runtime', 'show', 'leaves')).code).toBe(4);
	});

	it('scenario 38: instances have output of their own, and what one wrote is kept when it is scaled away', async () => {
		await orchd.run(sh('echo "I am $ORCH_INSTANCE"; exec sleep 1000000'), { name: 'many', instances: 3 });
		await until('all have spoken', async () => (await logs('many')).split('\n').length === 4);
		expect((await logs('many')).split('\n').sort()).toEqual(['', 'many-1 | I am 1', 'many-2 | I am 2', 'many-3 | I am 3']);
		const { removed } = await orchd.call('runtime.scale', { group: 'many', instances: 1 });
		expect(removed.map(({ name, stdoutPath }) => [name, existsSync(stdoutPath)]).sort()).toEqual([
			['many-2', true],
			['many-3', true],
		]);
		expect(await logs('many')).toBe('I am 1\n');
		// found by name for as long as it is kept, also where it would be followed; a new instance of that name is what is meant then
		expect(await logs('many-3')).toBe('I am 3\n');
		const { stdout, code } = await sandbox.cli('logs', 'many-2', '-f');
		expect([stdout, code]).toEqual(['I am 2\n', 0]);
		expect((await sandbox.cli('logs', 'many-4')).code).toBe(4);
		await orchd.call('runtime.scale', { group: 'many', instances: 3 });
		await until('the new one has spoken', async () => (await logs('many-3')) !== '');
		expect(await logs('many-3')).toBe('I am 3\n');
		await orchd.call('runtime.remove', { runtime: 'many', force: true });
	});
});

it('scenario 36: a suspended `orch logs -f` holds nobody up and is told what it missed', async () => {
	await inSandbox(async (own) => {
		const file = own.path('source');
		writeFileSync(file, '');
		const daemon = await own.startDaemon();
		const runtime = await daemon.run(sh(`exec tail -n +1 -f '${file}'`), {
			name: 'source',
			output: { maxBytes: 2 ** 20, segmentBytes: 2 ** 16 },
		});
		let written = 0;
		/** Of what no compression makes much smaller, so that little of it is kept. */
		const write = (lines: number) => {
			const line = () => `${written++} ${randomBytes(384).toString('base64')}\n`;
			appendFileSync(file, Array.from({ length: lines }, line).join(''));
			return written - 1;
		};
		const follow = () => own.running('logs', '-f', 'source', '--no-prefix', '-n', 'all');
		const suspended = follow();
		await suspended.shows(`${write(100)} `);
		suspended.child.kill('SIGSTOP');
		await until('it is suspended', () => processAt(suspended.child.pid ?? 0)?.state === 'T');
		const other = follow();
		for (let round = 0; round < 20; round++) {
			const last = write(1_000);
			await other.shows(`\n${last} `);
			await daemon.writes(runtime, new RegExp(`^${last} `, 'm'));
		}
		const before = residentBytesOf(daemon.pid);
		suspended.child.kill('SIGCONT');
		const last = write(1);
		for (const one of [suspended, other]) await one.shows(`\n${last} `);
		expect(before).toBeLessThan(300 * 2 ** 20);
		expect((await suspended.interrupt()).code).toBe(130);
		expect((await other.interrupt()).code).toBe(130);
		const lines = suspended.stdout.trimEnd().split('\n');
		const [marker, whole] = [/^… (\d+) lines? \(\d+ bytes\) of source’s stdout had been removed/, /^(\d+) \S{512}$/];
		// of the line that it was in the middle of there is only the beginning, right before what says that the rest is gone
		const isCut = (index: number) => marker.test(lines[index + 1] ?? '');
		expect(lines.filter((line, index) => !marker.test(line) && !whole.test(line) && !isCut(index))).toEqual([]);
		const told = lines.flatMap((line) => marker.exec(line)?.[1] ?? []);
		const numbers = lines.flatMap((line) => whole.exec(line)?.[1] ?? []).map(Number);
		expect(numbers.every((number, index) => index === 0 || number > (numbers[index - 1] ?? 0))).toBe(true);
		const missed = told.reduce((sum, count) => sum + Number(count), 0);
		expect(missed).toBeGreaterThan(1_000);
		expect(numbers.length + missed).toBe(written);
		expect(other.stderr).toBe('');
		expect(other.stdout.trimEnd().split('\n')).toHaveLength(written);
	});
});

it('scenario 29: orch logs -f goes on over a restart of orchd: no gap, no duplicate, also of runtimes that come later', async () => {
	await inSandbox(async (own) => {
		const file = own.path('source');
		writeFileSync(file, '');
		let daemon = await own.startDaemon();
		const runtime = await daemon.run(sh(`exec tail -n +1 -f '${file}'`), { name: 'source' });
		const following = own.running('logs', '-f', '--no-prefix', '-n', 'all');
		let expected = '';
		for (let round = 0; round < 3; round++) {
			const text = (what: string) => Array.from({ length: 500 }, (_, line) => `${what} ${round} ${line}\n`).join('');
			appendFileSync(file, text('while it runs'));
			expected += text('while it runs');
			await following.shows(`while it runs ${round} 499\n`);
			if (round === 1) await daemon.stop('SIGUSR2');
			else await daemon.kill9();
			appendFileSync(file, text('while it is gone'));
			expected += text('while it is gone');
			await until('the program has written it', () => readdirSync(`${own.home}/logs/${runtime.id}`).includes('stdout.log'));
			daemon = await own.startDaemon();
			await following.shows(`while it is gone ${round} 499\n`);
		}
		await daemon.run(sh('echo late; exec sleep 1000000'), { name: 'late' });
		await following.shows('late\n');
		expect(following.stdout).toBe(`${expected}late\n`);
		const { stdout } = await own.cli('logs', 'source', '-t', '--grep', 'gone 2 499');
		// an interval: nobody was there to see when
		expect(stdout).toMatch(/^\S+Z\/\S+Z while it is gone 2 499\n$/);
		expect((await following.interrupt()).code).toBe(130);
		await daemon.stop();
	});
});
