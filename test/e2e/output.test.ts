/** `orch runtime stdout` and `stderr`: exact bytes, backlog then live, from before the start until the runtime is gone. */
import { appendFileSync, writeFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { connectionsOf, type Orchd, sh, until, useSandbox } from '../support/index.ts';

const sandbox = useSandbox();
let orchd: Orchd;
beforeAll(async () => {
	orchd = await sandbox.startDaemon();
});

/** A program that writes what a test puts into a file, when it is put there. */
const written = (name: string) => {
	const file = sandbox.path(name);
	writeFileSync(file, '');
	return { program: sh(`exec tail -n +1 -f '${file}'`), write: (text: string) => appendFileSync(file, text) };
};

describe('runtime stdout', () => {
	it('shows what comes after it was typed, also when that was before the start, across restarts, until the runtime is removed', async () => {
		const runtime = await orchd.add(sh('echo life $ORCH_RUNTIME_NAME; echo problem >&2; exec sleep 1000000'), { name: 'lives' });
		const connections = connectionsOf(orchd);
		const out = sandbox.running('runtime', 'stdout', 'lives');
		const err = sandbox.running('runtime', 'stderr', 'lives');
		await until('both followers are connected', () => connectionsOf(orchd) >= connections + 2);
		expect(out.stdout + err.stdout).toBe('');
		for (let life = 1; life <= 3; life++) {
			await orchd.call(life === 1 ? 'runtime.start' : 'runtime.restart', { runtime: 'lives' });
			await out.shows('life lives\n'.repeat(life));
			await err.shows('problem\n'.repeat(life));
		}
		await orchd.remove(runtime);
		expect(await out.ended).toMatchObject({ code: 0, stdout: 'life lives\n'.repeat(3), stderr: '' });
		expect(await err.ended).toMatchObject({ code: 0, stdout: 'problem\n'.repeat(3) });
	});

	it('the backlog first, then what comes, nothing twice and nothing left out', async () => {
		const source = written('backlog');
		const runtime = await orchd.run(source.program, { name: 'backlog' });
		const lines = (from: number, to: number) =>
			Array.from({ length: to - from }, (_, index) => `line ${from + index}\n`).join('');
		source.write(lines(0, 5_000));
		await orchd.writes(runtime, 'line 4999\n');
		const terminal = sandbox.running('runtime', 'stdout', 'backlog');
		for (let from = 5_000; from < 10_000; from += 100) source.write(lines(from, from + 100));
		await terminal.shows('line 9999\n');
		expect(terminal.stdout).toBe(lines(0, 10_000));
		expect((await terminal.interrupt()).code).toBe(130);
		// Ctrl-C ended the showing and nothing else
		expect(await orchd.show(runtime)).toMatchObject({ status: 'running' });
		await orchd.remove(runtime);
	});

	it('-n begins with the last lines, --no-follow ends after what there is', async () => {
		const source = written('tail');
		const runtime = await orchd.run(source.program, { name: 'tail' });
		source.write('one\ntwo\nthree\n');
		await orchd.writes(runtime, 'three\n');
		const show = async (...args: string[]) => (await sandbox.cli('runtime', 'stdout', 'tail', ...args)).stdout;
		expect(await show('--no-follow')).toBe('one\ntwo\nthree\n');
		expect(await show('-n', '2', '--no-follow')).toBe('two\nthree\n');
		expect(await show('-n', '0', '--no-follow')).toBe('');
		expect(await show('-n', '99', '--no-follow')).toBe('one\ntwo\nthree\n');
		const following = sandbox.running('runtime', 'stdout', 'tail', '-n', '1');
		await following.shows('three\n');
		source.write('four\n');
		await following.shows('four\n');
		expect(following.stdout).toBe('three\nfour\n');
		await following.interrupt();
		await orchd.remove(runtime);
	});

	it('a reader that goes away (a pipe to head) ends it in silence', async () => {
		const runtime = await orchd.run(sh('i=0; while :; do echo $i; i=$((i+1)); [ $((i % 1000)) -eq 0 ] && sleep 0.01; done'), {
			name: 'endless',
		});
		const result = await new Promise<{ code: number | null; stdout: string; stderr: string }>((resolve) => {
			const shell = sandbox.shell(`orch runtime stdout endless | head -n 3`);
			void shell.ended.then(resolve);
		});
		expect(result).toMatchObject({ code: 0, stdout: '0\n1\n2\n', stderr: '' });
		await orchd.remove(runtime);
	});

	it('a thousand restarts of a follower leave nothing behind in the daemon', async () => {
		const runtime = await orchd.run(sh('echo up; exec sleep 1000000'), { name: 'watched' });
		const client = await orchd.client();
		for (let round = 0; round < 1_000; round++) {
			const stream = client.stream('runtime.stdout', { runtime: 'watched', follow: true });
			const { value, done } = await stream.next();
			expect(done).toBe(false);
			expect(Buffer.from((value as { bytes: Uint8Array }).bytes).toString()).toBe('up\n');
			await stream.return({ ended: 'end' });
		}
		await until('every stream has ended', () => client.session.calls === 0);
		client.close();
		await orchd.remove(runtime);
	});
});
