/** Whether a program notices that its output is moved on: the longest it goes without having written, with rotation and without. */
import { readdirSync, readFileSync, existsSync, rmSync, symlinkSync } from 'node:fs';
import { programPath } from '../harness/children.mjs';
import { startDaemon } from '../harness/daemon.mjs';
import { interleave } from '../harness/interleave.mjs';
import { comparison, fact, figure } from '../harness/report.mjs';
import { until } from '../harness/wait.mjs';

export const letter = 'h';
export const title = 'a program that writes 16 KiB every millisecond while its output is rotated, 16 times a second';

const mib = 1024 * 1024;

export async function run({ scratch, runs, quick }) {
	const total = (quick ? 16 : 96) * mib;
	const daemon = await startDaemon(scratch);
	// without fallocate no holes can be made in files: then everything is stopped while a file is cut
	const path = scratch.fresh('p');
	for (const name of ['sh', 'cat', 'sleep']) symlinkSync(`/bin/${name}`, `${path}/${name}`);
	const freezing = await startDaemon(scratch, { env: { PATH: path } });
	let files = 0;
	const rotations = [];
	let lost = 0;

	async function write(by, output) {
		const report = `${by.directory}/report-${++files}`;
		const { id } = await by.control.call('runtime.add', {
			program: process.execPath,
			args: [programPath('paced-output.cjs'), String(total), report],
			cwd: '/',
			env: { PATH: '/usr/bin:/bin' },
			restart: { when: 'no' },
			name: `writer-${files}`,
			output,
		});
		await by.control.call('runtime.start', { runtime: id });
		const figures = await until(
			() => existsSync(report) && JSON.parse(readFileSync(report, 'utf8')),
			120_000,
			'the report of the writer',
		);
		let bytes = 0;
		for await (const item of by.control.stream('runtime.stdout', { runtime: id, follow: false })) bytes += item.bytes.length;
		lost += total - bytes;
		const segments = readdirSync(`${by.home}/logs/${id}`).filter((name) => name.includes('-')).length;
		await by.control.call('runtime.remove', { runtime: id, force: true });
		rmSync(report);
		return { ...figures, segments };
	}

	const rotating = { maxBytes: 1024 * mib, segmentBytes: mib };
	const still = { maxBytes: 8 * 1024 * mib, segmentBytes: 1024 * mib };
	const results = await interleave(runs, {
		rotating: () => write(daemon, rotating),
		still: () => write(daemon, still),
		freezing: () => write(freezing, rotating),
	});
	await daemon.stop();
	await freezing.stop();
	const of = (name, what) => results[name].map((one) => one[what]);
	rotations.push(...of('rotating', 'segments'));
	return {
		baseline: 'no rotation',
		rows: [
			comparison({
				name: 'longest gap of the writer',
				unit: 'ms',
				ours: of('rotating', 'longestMs'),
				theirs: of('still', 'longestMs'),
			}),
			comparison({
				name: 'gap of one write in 1,000',
				unit: 'ms',
				ours: of('rotating', 'p999Ms'),
				theirs: of('still', 'p999Ms'),
			}),
			comparison({
				name: 'gap of the median write',
				unit: 'ms',
				ours: of('rotating', 'medianMs'),
				theirs: of('still', 'medianMs'),
				bar: { atMost: 1.1 },
			}),
			figure({ name: 'longest gap where everything is stopped', unit: 'ms', values: of('freezing', 'longestMs') }),
			figure({ name: 'rotations', unit: '', values: rotations }),
			fact({ name: 'bytes lost', holds: lost === 0, detail: String(lost) }),
		],
		raw: results,
	};
}
