/** Output under real load: rotation at full speed, sudden deaths of orchd in the middle of it, a disk that is full. */
import { mkdirSync, readdirSync, statfsSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
	allocatedIn,
	type Client,
	fixture,
	has,
	inSandbox,
	isAlive,
	mayMount,
	type Orchd,
	type Program,
	residentBytesOf,
	type Runtime,
	type Sandbox,
	sh,
	smallDisk,
	until,
} from '../support/index.ts';

const mib = 1024 * 1024;
const python = (...args: readonly string[]): Program => ({ program: '/usr/bin/python3', args: ['-S', ...args] });
const longMs = 240_000;

/** Counts numbered lines of two writers: in order, each once, none cut. */
class Tally {
	readonly next = { a: 0, b: 0 };
	readonly wrong: string[] = [];
	#rest = '';

	bytes(bytes: Uint8Array): void {
		const lines = (this.#rest + Buffer.from(bytes).toString('latin1')).split('\n');
		this.#rest = lines.pop() ?? '';
		for (const line of lines) this.line(line);
	}

	line(line: string): void {
		const [, name, number] = /^([ab]) (\d{7}) -{38}$/.exec(line) ?? [];
		const writer = name === 'a' || name === 'b' ? name : undefined;
		if (writer && Number(number) === this.next[writer]) this.next[writer]++;
		else if (this.wrong.length < 5)
			this.wrong.push(`${JSON.stringify(line.slice(0, 80))} where a ${this.next.a} or b ${this.next.b} should be`);
	}

	get total(): number {
		return this.next.a + this.next.b;
	}
}

const ended = (orchd: Orchd, runtime: Runtime) =>
	orchd.becomes(
		runtime,
		'at its end',
		({ status, pid }) => pid === null && status !== 'running' && status !== 'starting',
		longMs,
	);

async function tallyOf(orchd: Orchd, runtime: Runtime): Promise<Tally> {
	const tally = new Tally();
	for await (const { bytes } of orchd.stream('runtime.stdout', { runtime: runtime.id, follow: false })) tally.bytes(bytes);
	return tally;
}

/** Follows by lines until it is told that orchd has gone, or has all. */
async function followLines(
	client: Client,
	runtime: Runtime,
	tally: Tally,
	cursor: Record<string, object>,
	wanted: number,
): Promise<boolean> {
	try {
		const params = { runtimes: [runtime.id], follow: true, streams: ['stdout' as const] };
		const known = Object.keys(cursor).length > 0 ? { fromCursor: cursor as Record<string, { stdout?: number }> } : {};
		for await (const item of client.stream('runtime.logs', { ...params, ...known })) {
			for (const { text = '', partial } of item.lines) tally.line(partial ? `cut: ${text}` : text);
			for (const { dropped } of item.dropped) tally.wrong.push(`${dropped} dropped`);
			Object.assign(cursor, item.cursor);
			if (tally.total >= wanted) return true;
		}
	} catch {
		// orchd is gone: the next one goes on
	}
	return tally.total >= wanted;
}

/** A PATH for orchd on which fallocate cannot be found: then holes cannot be made. */
function withoutFallocate(sandbox: Sandbox): Record<string, string> {
	const directory = sandbox.path('bin');
	mkdirSync(directory);
	for (const name of ['sh', 'cat', 'sleep']) symlinkSync(`/bin/${name}`, join(directory, name));
	return sandbox.env({ PATH: directory });
}

describe.each([
	['making holes', false],
	['cutting, with everything stopped', true],
])('rotation by %s', (_how, isCutting) => {
	it.skipIf(!isCutting && !has('fallocate'))(
		'scenario 33 and 35: 800,000 lines of two writers at full speed: none lost, none cut, the size under the limit',
		async () => {
			await inSandbox(async (sandbox) => {
				const orchd = await sandbox.startDaemon(isCutting ? { env: withoutFallocate(sandbox) } : {});
				const output = { maxBytes: 64 * mib, segmentBytes: mib };
				const runtime = await orchd.add(python(fixture('two-writers.py'), '400000'), {
					name: 'writers',
					restart: { when: 'no' },
					output,
				});
				const directory = `${sandbox.home}/logs/${runtime.id}`;
				const live = new Tally();
				const following = followLines(await orchd.client(), runtime, live, {}, 800_000);
				await orchd.call('runtime.start', { runtime: runtime.id });
				let largest = 0;
				await until(
					'it has written all',
					async () => {
						largest = Math.max(largest, allocatedIn(directory));
						return (await orchd.show(runtime)).status === 'exited';
					},
					longMs,
				);
				expect(await orchd.show(runtime)).toMatchObject({ lastExit: { code: 0 } });
				expect(largest).toBeLessThanOrEqual(output.maxBytes);
				const tally = await tallyOf(orchd, runtime);
				expect([tally.wrong, tally.next]).toEqual([[], { a: 400_000, b: 400_000 }]);
				expect(await following).toBe(true);
				expect([live.wrong, live.total]).toEqual([[], 800_000]);
				const starts = readdirSync(directory).flatMap((name) => /^stdout\.(\d{15})-/.exec(name)?.[1] ?? []);
				expect(starts.length).toBeGreaterThan(5);
				expect(starts).toEqual([...starts].sort());
				const { code, stdout } = await sandbox.cli('logs', 'writers', '-n', '3', '--grep', '^a');
				expect([code, stdout.split('\n').map((line) => line.slice(0, 9))]).toEqual([
					0,
					['a 0399997', 'a 0399998', 'a 0399999', ''],
				]);
				await orchd.remove(runtime);
				expect(readdirSync(`${sandbox.home}/logs`)).toEqual([]);
			});
		},
		2 * longMs,
	);

	it(
		'scenario 23 and 29: orchd is killed again and again meanwhile: every line once, for readers and for who follows',
		async () => {
			await inSandbox(async (sandbox) => {
				const options = isCutting ? { env: withoutFallocate(sandbox) } : {};
				let orchd = await sandbox.startDaemon(options);
				const runtime = await orchd.run(python(fixture('two-writers.py'), '200000'), {
					name: 'writers',
					restart: { when: 'no' },
					output: { maxBytes: 256 * mib, segmentBytes: 256 * 1024 },
				});
				const cli = sandbox.running('logs', 'writers', '-f', '-n', 'all', '--raw');
				const shown = new Tally();
				cli.child.stdout?.on('data', (bytes: Buffer) => shown.bytes(bytes));
				// it has found orchd: from now on it goes on by itself
				await until('the terminal shows some', () => shown.total > 0, longMs);
				const live = new Tally();
				const cursor: Record<string, object> = {};
				let round = 0;
				for (; round < 6; round++) {
					const client = await orchd.client();
					const following = followLines(client, runtime, live, cursor, 400_000);
					const before = live.total;
					// somewhere in the middle of moving output on
					await until('some have come', () => live.total >= Math.min(400_000, before + 5_000 * (round + 1)), longMs);
					await orchd.kill9();
					await following;
					orchd = await sandbox.startDaemon(options);
				}
				await ended(orchd, runtime);
				expect(await followLines(await orchd.client(), runtime, live, cursor, 400_000)).toBe(true);
				expect([live.wrong, live.next]).toEqual([[], { a: 200_000, b: 200_000 }]);
				const tally = await tallyOf(orchd, runtime);
				expect([tally.wrong, tally.total]).toEqual([[], 400_000]);
				const all = () => shown.total >= 400_000 || shown.wrong.length > 0;
				await until('the terminal has all', all, longMs).catch((error) => {
					throw new Error(`${error.message}: ${shown.total} lines; ${cli.stderr}`);
				});
				expect([shown.wrong, shown.total]).toEqual([[], 400_000]);
				expect((await cli.interrupt()).code).toBe(130);
				await orchd.remove(runtime);
			});
		},
		2 * longMs,
	);
});

it.skipIf(!mayMount())(
	'scenario 31: a disk that programs fill: orchd and others live on, it is said, and it heals without a restart',
	async () => {
		const disk = smallDisk(48 * mib);
		try {
			await inSandbox(async (sandbox) => {
				const home = join(disk.directory, 'home');
				const orchd = await sandbox.startDaemon({ home, env: sandbox.env({ ORCH_HOME: home }) });
				const calm = await orchd.run(sh('i=0; while :; do echo calm $((i+=1)); sleep 0.05; done'), { name: 'calm' });
				await until('the reserve is taken', () => statSync(join(home, 'reserve'), { throwIfNoEntry: false })?.size === 4 * mib);
				// shells say that they could not write, and go on
				const flood = await orchd.run(
					sh(
						'line=$(head -c 4000 /dev/zero | tr "\\\\0" x); while :; do for i in 1 2 3 4 5 6 7 8; do echo $line; done 2>/dev/null; done',
					),
					{ name: 'flood', output: { maxBytes: 1024 * mib } },
				);
				const notices = async () => (await orchd.call('daemon.status', {})).notices.join('\n');
				await until('it is said', async () => (await notices()).includes('the disk is full'), longMs);
				const before = residentBytesOf(orchd.pid);
				await until('much has been removed', async () => Number(/(\d+) KiB/.exec(await notices())?.[1]) > 64 * 1024, longMs);
				expect(residentBytesOf(orchd.pid) - before).toBeLessThan(64 * mib);
				expect(isAlive(flood.pid ?? 0) && isAlive(calm.pid ?? 0)).toBe(true);
				expect((await orchd.show(calm)).status).toBe('running');
				await orchd.call('runtime.stop', { runtime: flood.id, graceMs: 0 });
				await until('it has healed', async () => !(await notices()).includes('is full'), longMs);
				expect(statSync(join(home, 'reserve')).size).toBe(4 * mib);
				const { bavail, bsize } = statfsSync(home);
				expect(bavail * bsize).toBeGreaterThan(mib);
				const count = async () => (await orchd.output(calm)).toString().split('\n').length;
				const seen = await count();
				await until('the other one writes on', async () => (await count()) > seen + 5);
				await orchd.remove(calm, flood);
			});
		} finally {
			disk.unmount('lazy');
		}
	},
	2 * longMs,
);
