/** The state breaks under programs that run: a daemon comes up all the same, knows them again, doubles nothing, and says what was lost. */
import { existsSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { seededRandom } from '@orch/base/testing';
import { describe, expect, it } from 'vitest';
import { inSandbox, isAlive, type Orchd, processesWith, type Runtime, sleeper } from '../support/index.ts';

/** What is done to `orch.db`, and what a daemon says of it. */
const damages: readonly (readonly [string, (path: string) => void, RegExp])[] = [
	['of zero length', (path) => truncateSync(path, 0), /could not be read \(it is empty\).*orch\.db\.1 of .* is used instead/],
	['truncated', (path) => truncateSync(path, (statSync(path).size >> 13) << 12), /could not be read.*is used instead/],
	['all zeros', (path) => writeFileSync(path, Buffer.alloc(statSync(path).size)), /could not be read.*is used instead/],
	[
		'garbage, and so is its log',
		(path) => {
			for (const file of [path, `${path}-wal`]) writeFileSync(file, seededRandom(7).bytes(statSync(file).size));
		},
		/could not be read.*is used instead/,
	],
	['gone', (path) => rmSync(path), /was missing.*is used instead/],
	['without its log', (path) => rmSync(`${path}-wal`), /may be lost: its log orch\.db-wal is not whole: it is not there/],
	[
		'with an empty log',
		(path) => truncateSync(`${path}-wal`, 0),
		/may be lost: its log orch\.db-wal is not whole: it is not there/,
	],
	[
		'with a log that was written as text',
		(path) => writeFileSync(`${path}-wal`, readFileSync(`${path}-wal`, 'utf8')),
		/may be lost: its log orch\.db-wal is not whole/,
	],
	[
		'with a bit of its log turned',
		(path) => turnBit(`${path}-wal`, 1_000),
		/may be lost: its log orch\.db-wal is not whole: it is broken/,
	],
];

describe('what was written of one runtime', () => {
	it('its output is no directory any more: orchd starts, adopts all, says so, and only what that runtime writes is missing', async () => {
		await inSandbox(async (own) => {
			let daemon = await own.startDaemon();
			const broken = await daemon.run(sleeper(), { name: 'broken' });
			const whole = await daemon.run(sleeper(), { name: 'whole' });
			await daemon.kill9();
			const directory = `${own.home}/logs/${broken.id}`;
			rmSync(directory, { recursive: true });
			writeFileSync(directory, 'not a directory');
			daemon = await own.startDaemon();
			await sameAsEver(daemon, [broken, whole], 'output that is no directory');
			expect(daemon.log).toContain('a directory for output could not be made');
			await expect(daemon.call('runtime.restart', { runtime: broken.id })).rejects.toThrow(/broken/);
			await daemon.call('runtime.remove', { runtime: broken.id, force: true });
			expect(existsSync(directory)).toBe(false);
			await daemon.call('clear', {});
		});
	});
});

describe('supervision 3.1.26', () => {
	it('orch.db truncated, zeroed, garbage, without its log, under live runtimes: what is good is used, the same pids are adopted, nothing is doubled, daemon status says so', async () => {
		await inSandbox(async (own) => {
			const path = `${own.home}/orch.db`;
			let daemon = await own.startDaemon();
			const running: Runtime[] = [];
			const start = async (name: string) => {
				running.push(await daemon.run(sleeper(), { name, labels: { of: name } }));
			};
			await start('first');
			await daemon.call('link.add', { from: 'first', type: 'Kept', to: 'first' });
			for (const [index, [what, damage, told]] of damages.entries()) {
				// the backup that an orderly end makes knows all but the last one, which stands in the log alone
				await daemon.stop('SIGUSR2');
				expect(existsSync(`${path}-wal`), what).toBe(false);
				daemon = await own.startDaemon();
				expect(await noticesOf(daemon), what).toEqual([]);
				await start(`later-${index}`);
				await daemon.kill9();
				damage(path);
				daemon = await own.startDaemon();
				await sameAsEver(daemon, running, what);
				expect(
					(await daemon.call('link.list', {})).map(({ type }) => type),
					what,
				).toEqual(['Kept']);
				expect((await noticesOf(daemon)).join('\n'), what).toMatch(told);
				const status = await own.cli('daemon', 'status');
				expect(status.stdout.replace(/\s+/g, ' '), what).toMatch(/orch\.db/);
				expect((await own.cli('events', '--no-follow')).stdout, what).toMatch(/orch\.db/);
			}
			// whoever was taken back from its record is a runtime as any other
			const { generation } = await daemon.call('runtime.restart', { runtime: running.at(-1)?.id ?? '' });
			expect(generation).toBe(2);
			for (const { id, name, pid } of running) {
				expect(await daemon.call('runtime.stop', { runtime: id }), name).toMatchObject({ status: 'stopped' });
				expect((await daemon.call('runtime.list', { labels: { of: name } })).map((one) => one.id)).toEqual([id]);
				expect(isAlive(pid ?? 0), name).toBe(false);
			}
			expect(sleeping(own.socket)).toEqual([]);
			await daemon.kill9();
			daemon = await own.startDaemon();
			expect(await noticesOf(daemon)).toEqual([]);
			expect((await daemon.call('runtime.list', {})).map(({ status }) => status)).toEqual(running.map(() => 'stopped'));
		});
	});
});

const noticesOf = async (daemon: Orchd) => (await daemon.call('daemon.status', {})).notices;

const sleeping = (socket: string) =>
	processesWith('ORCH_SOCKET', socket)
		.filter(({ command }) => command.startsWith('/bin/sleep'))
		.map(({ pid }) => pid)
		.sort((one, other) => one - other);

async function sameAsEver(daemon: Orchd, running: readonly Runtime[], what: string): Promise<void> {
	const facts = (list: readonly Runtime[]) =>
		list
			.map(({ id, name, pid, generation, status }) => ({ id, name, pid, generation, status }))
			.sort((one, other) => (one.id < other.id ? -1 : 1));
	expect(facts(await daemon.call('runtime.list', {})), what).toEqual(facts(running));
	expect(sleeping(daemon.socket), what).toEqual(running.map(({ pid }) => pid ?? 0).sort((one, other) => one - other));
}

function turnBit(path: string, at: number): void {
	const bytes = readFileSync(path);
	bytes[at] = (bytes[at] ?? 0) ^ 1;
	writeFileSync(path, bytes);
}
