/** (j) How long a new orchd takes to know again what lives, against a bare look at the same processes. */
import { spawnSync } from 'node:child_process';
import { inParallel, startDaemon } from '../harness/daemon.mjs';
import { interleave } from '../harness/interleave.mjs';
import { comparison, figure } from '../harness/report.mjs';

export const letter = 'j';
export const title = 'killed over 500 live runtimes: from the spawn of the next orchd to its first answer';

/** Reads /proc/<pid>/stat of everything that lives, once: what any adoption has to do at least. */
const scan = `const { readdirSync, readFileSync } = require('node:fs');
for (const name of readdirSync('/proc')) if (/^[0-9]+$/.test(name)) try { readFileSync('/proc/' + name + '/stat', 'latin1') } catch {}`;

export async function run({ scratch, runs, quick, say }) {
	const count = quick ? 100 : 500;
	const names = Array.from({ length: count }, (_, index) => `sleep-${index}`);
	say(`starting ${count} runtimes`);
	let daemon = await startDaemon(scratch);
	const { directory } = daemon;
	await inParallel(names, (name) =>
		daemon.control.call('runtime.add', { program: '/bin/sleep', args: ['86400'], cwd: '/', env: {}, name, start: true }),
	);
	const pidsOf = async () => (await daemon.control.call('runtime.list', {})).map(({ pid }) => pid).join();
	const pids = await pidsOf();
	const results = await interleave(runs, {
		adopting: async () => {
			say('killing orchd');
			await daemon.kill();
			daemon = await startDaemon(scratch, { directory });
			if ((await pidsOf()) !== pids) throw new Error('not every runtime was adopted');
			return daemon.answeredMs;
		},
		empty: async () => {
			const other = await startDaemon(scratch);
			await other.stop();
			return other.answeredMs;
		},
		scan: () => {
			const startedAt = performance.now();
			spawnSync(process.execPath, ['-e', scan], { env: {} });
			return performance.now() - startedAt;
		},
	});
	await daemon.stop();
	const over = results.adopting.map((ms, round) => Math.max(0, ms - results.empty[round]) / count);
	return {
		baseline: 'bare',
		rows: [
			comparison({ name: `a Node that scans /proc once`, unit: 'ms', ours: results.adopting, theirs: results.scan }),
			comparison({ name: 'an orchd with nothing to adopt', unit: 'ms', ours: results.adopting, theirs: results.empty }),
			figure({ name: 'what each runtime adds', unit: 'ms', values: over }),
		],
		raw: results,
		notes: [`${count} runtimes; every one is found with its pid before the next kill`],
	};
}
