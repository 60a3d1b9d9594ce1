/** (f) What it costs a program that its output is kept: against writing to a file by itself. */
import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, rmSync, statSync } from 'node:fs';
import { programPath } from '../harness/children.mjs';
import { startDaemon } from '../harness/daemon.mjs';
import { interleave } from '../harness/interleave.mjs';
import { processorMicros } from '../harness/processes.mjs';
import { comparison, figure } from '../harness/report.mjs';
import { until } from '../harness/wait.mjs';

export const letter = 'f';
export const title = 'a program that writes 200 MB to its standard output';

export async function run({ scratch, runs, quick }) {
	const total = (quick ? 20 : 200) * 1024 * 1024;
	const daemon = await startDaemon(scratch);
	const program = programPath('write-output.cjs');
	const environment = { PATH: '/usr/bin:/bin' };
	let files = 0;

	const reported = (report) =>
		until(() => existsSync(report) && JSON.parse(readFileSync(report, 'utf8')).nanos / 1e6, 60_000, 'the report of the writer');
	const megabytesPerSecond = ({ ms, seen }) => seen / 1e6 / (ms / 1000);

	async function underOrch({ follow = false } = {}) {
		const report = `${daemon.directory}/report-${++files}`;
		const { call, stream } = daemon.control;
		const { id } = await call('runtime.add', {
			program: process.execPath,
			args: [program, String(total), report],
			cwd: '/',
			env: environment,
			restart: { when: 'no' },
			name: `writer-${files}`,
		});
		const before = processorMicros(daemon.pid);
		const following = follow ? countAll(stream('runtime.stdout', { runtime: id, follow: true }), total) : undefined;
		await call('runtime.start', { runtime: id });
		const ms = await reported(report);
		const followed = await following;
		const { stdoutPath } = await call('runtime.show', { runtime: id });
		if (statSync(stdoutPath).size !== total)
			throw new Error(`${stdoutPath} holds ${statSync(stdoutPath).size} bytes, not ${total}`);
		const daemonMicros = processorMicros(daemon.pid) - before;
		await call('runtime.remove', { runtime: id, force: true });
		rmSync(report);
		return { ms, followed, daemonMs: daemonMicros / 1000 };
	}

	async function toFile() {
		const report = `${daemon.directory}/report-${++files}`;
		const path = `${daemon.home}/bare-${files}.out`;
		const output = openSync(path, 'a', 0o600);
		const child = spawn(process.execPath, [program, String(total), report], {
			cwd: '/',
			env: environment,
			stdio: ['ignore', output, output],
		});
		closeSync(output);
		const ended = new Promise((resolve, reject) => {
			child.on('error', reject);
			child.on('exit', resolve);
		});
		await ended;
		const ms = await reported(report);
		if (statSync(path).size !== total) throw new Error(`${path} holds ${statSync(path).size} bytes, not ${total}`);
		rmSync(path);
		rmSync(report);
		return { ms };
	}

	const results = await interleave(runs, { orch: () => underOrch(), file: toFile, followed: () => underOrch({ follow: true }) });
	await daemon.stop();
	const of = (name, what) => results[name].map((one) => one[what]);
	return {
		baseline: 'file',
		rows: [
			comparison({
				name: 'time of the program',
				unit: 'ms',
				ours: of('orch', 'ms'),
				theirs: of('file', 'ms'),
				bar: { atMost: 1.1 },
			}),
			figure({ name: 'processor time of orchd meanwhile', unit: 'ms', values: of('orch', 'daemonMs') }),
			comparison({
				name: 'time of the program while a client follows',
				unit: 'ms',
				ours: of('followed', 'ms'),
				theirs: of('file', 'ms'),
			}),
			figure({ name: 'what the follower gets', unit: 'MB/s', values: of('followed', 'followed').map(megabytesPerSecond) }),
			figure({
				name: 'what went by its limit before the follower came to it',
				unit: 'MB',
				values: of('followed', 'followed').map(({ seen }) => (total - seen) / 1e6),
			}),
		],
		raw: results,
	};
}

/**
 * Reads a stream of output until all of it has come, or was removed before it could; gives the time from the first byte to the
 * last, and how many came.
 */
async function countAll(items, total) {
	let seen = 0;
	let removed = 0;
	let startedAt;
	for await (const { bytes, removedBytes = 0 } of items) {
		startedAt ??= performance.now();
		seen += bytes.length;
		removed += removedBytes;
		if (seen + removed >= total) break;
	}
	if (seen + removed !== total) throw new Error(`the follower got ${seen} bytes and missed ${removed}, not ${total}`);
	return { ms: performance.now() - startedAt, seen };
}
