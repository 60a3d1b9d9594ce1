/** Figures, limits and events of real processes, by the real programs. */
import { beforeAll, describe, expect, it } from 'vitest';
import { node, type Orchd, sh, sleeper, until, useSandbox } from '../support/index.ts';

const sandbox = useSandbox();
let orchd: Orchd;
beforeAll(async () => {
	orchd = await sandbox.startDaemon();
});

interface Event {
	readonly seq: number;
	readonly kind: string;
	readonly from: string | null;
	readonly to: string | null;
	readonly reason: string | null;
	readonly runtime: { readonly name: string } | null;
	readonly exit: { readonly code: number | null } | null;
	readonly stderrTail: readonly string[];
	readonly missed?: number;
}

const eventsOf = async (...args: readonly string[]): Promise<Event[]> => {
	const { stdout } = await sandbox.cli('events', '--no-follow', ...args);
	return stdout
		.split('\n')
		.slice(0, -1)
		.map((line) => JSON.parse(line) as Event);
};

describe('what runtimes use', () => {
	it('is that of the whole tree: memory of a grandchild that left the group, and no shim', async () => {
		const work = 'const held = Buffer.alloc(96 * 2 ** 20, 1); setInterval(() => held[0], 1e6)';
		await orchd.run(sh(`setsid '${process.execPath}' -e '${work}' & sleep 1000000 & wait`), { name: 'tree' });
		const usage = await until('the memory of the grandchild is seen', async () => {
			const { stdout } = await sandbox.cli('ps', '--json', 'tree');
			const [tree] = JSON.parse(stdout) as { usage: { memoryBytes: number; processes: number } | null }[];
			return tree?.usage && tree.usage.memoryBytes > 96 * 2 ** 20 ? tree.usage : undefined;
		});
		expect(usage.processes).toBe(3);
		expect(usage.memoryBytes).toBeLessThan(1024 * 2 ** 20);
		await orchd.call('runtime.stop', { runtime: 'tree' });
		expect((await orchd.show('tree')).usage).toBeNull();
	});

	it('above a limit ends in a restart by policy, with the reason in status, events and log', async () => {
		const leak = 'const held = []; setInterval(() => held.push(Buffer.alloc(32 * 2 ** 20, 1)), 100)';
		await orchd.run(node('-e', leak), {
			name: 'leak',
			limits: { memoryBytes: 256 * 2 ** 20 },
			restart: { failures: 2, withinMs: 600_000 },
		});
		await until('it was given up', async () => (await orchd.show('leak')).status === 'failed', 120_000);
		const { reason, restarts, lastExit } = await orchd.show('leak');
		expect(reason).toMatch(/^gave up after 2 failures in .*; last: used .*iB, limit 256 MiB$/);
		expect([restarts, lastExit?.by, lastExit?.reason]).toEqual([
			1,
			expect.stringMatching(/^(stop|kill)$/),
			expect.stringMatching(/limit 256 MiB$/),
		]);
		const ended = (await eventsOf('leak')).filter(({ to }) => to === 'stopping');
		expect(ended.map(({ reason: why }) => why)).toEqual([
			expect.stringMatching(/^used .*, limit 256 MiB$/),
			expect.stringMatching(/^used .*, limit 256 MiB$/),
		]);
		expect(orchd.log).toContain('limit 256 MiB');
	});
});

describe('orch events', () => {
	it('tells of a failure with its last words, and of nobody else when one is named', async () => {
		await orchd.run(sh('echo trouble ahead >&2; exit 3'), { name: 'fails', restart: { when: 'no' } });
		await until('it has ended', async () => (await orchd.show('fails')).lastExit !== null);
		const events = await eventsOf('fails');
		expect(new Set(events.map(({ runtime }) => runtime?.name))).toEqual(new Set(['fails']));
		expect(events.find(({ exit }) => exit !== null)).toMatchObject({ exit: { code: 3 }, stderrTail: ['trouble ahead'] });
		expect((await eventsOf('fails', '--kind', 'added')).map(({ kind }) => kind)).toEqual(['added']);
	});

	it('are followed live, and taken up again with another orchd where they were left', async () => {
		await orchd.add(sleeper(), { name: 'lives' });
		const following = sandbox.running('events', 'lives');
		await until('it follows', async () => {
			await orchd.call('runtime.restart', { runtime: 'lives' });
			return following.stdout.split('\n').length > 2;
		});
		const seen = following.stdout.split('\n').slice(0, -1);
		const last = (JSON.parse(seen.at(-1) ?? '{}') as Event).seq;
		const before = await eventsOf('--since', String(last));
		await orchd.kill9();
		orchd = await sandbox.startDaemon();
		await orchd.call('runtime.stop', { runtime: 'lives' });
		const after = await eventsOf('--since', String(last));
		expect(after.slice(0, before.length)).toEqual(before);
		expect(after.map(({ seq }) => seq)).toEqual(after.map((_, index) => last + 1 + index));
		expect(after.some(({ kind, runtime }) => kind === 'adopted' && runtime?.name === 'lives')).toBe(true);
		expect(after.at(-1)).toMatchObject({ from: 'stopping', to: 'stopped', runtime: { name: 'lives' } });
	});
});

describe('the log of orchd', () => {
	it('has the pid of orchd in every line, and that of a program beside it', async () => {
		await orchd.run(sleeper(), { name: 'logged' });
		const { pid } = await orchd.show('logged');
		const lines = orchd.log.split('\n').filter((line) => line.includes('"name":"orchd"'));
		expect(lines.filter((line) => line.match(/"pid":/g)?.length !== 1)).toEqual([]);
		const started = lines.find((line) => line.includes('process started') && line.includes('"logged"')) ?? '{}';
		expect(JSON.parse(started)).toMatchObject({ pid: orchd.pid, processPid: pid });
	});
});
