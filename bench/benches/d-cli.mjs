/** (d) What a command of the CLI costs above the start of Node itself. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { baselinePath, cleanEnvironment } from '../harness/children.mjs';
import { inParallel, startDaemon } from '../harness/daemon.mjs';
import { median } from '../harness/figures.mjs';
import { comparison, figure } from '../harness/report.mjs';

export const letter = 'd';
export const title = 'the CLI, against `node -e 0`';

const cli = fileURLToPath(new URL('../../packages/cli/bin/orch.cjs', import.meta.url));
const runtimes = 20;

export async function run({ scratch, runs, quick, say }) {
	if (!existsSync(cli)) throw new Error(`${cli} is not there: run \`npm run build\` first`);
	const daemon = await startDaemon(scratch);
	const { call } = daemon.control;
	await inParallel(
		Array.from({ length: runtimes }, (_, index) => `sleep-${index}`),
		(name) => call('runtime.add', { program: '/bin/sleep', args: ['86400'], cwd: '/', env: {}, name }),
	);
	// the CLI keeps its compiled code between runs: in a cache that only this bench fills
	const env = cleanEnvironment({
		...daemon.environment,
		PATH: `${dirname(process.execPath)}:/usr/bin:/bin`,
		HOME: daemon.directory,
		XDG_CACHE_HOME: `${daemon.directory}/cache`,
		XDG_STATE_HOME: `${daemon.directory}/state`,
	});
	const commands = {
		bare: [process.execPath, '-e', '0'],
		client: [process.execPath, baselinePath('bare-client.cjs'), daemon.socket],
		version: [process.execPath, cli, 'version'],
		typed: [cli, 'version'],
		ps: [process.execPath, cli, 'ps'],
	};
	const names = Object.keys(commands);
	for (const name of names) for (let warm = 0; warm < 3; warm++) timeOf(commands[name], env, name);
	const times = Object.fromEntries(names.map((name) => [name, []]));
	for (let round = 0; round < runs; round++) {
		say(`round ${round + 1} of ${runs}`);
		const here = Object.fromEntries(names.map((name) => [name, []]));
		for (let pair = 0; pair < (quick ? 5 : 20); pair++) {
			for (const name of pair % 2 === 0 ? names : [...names].reverse()) here[name].push(timeOf(commands[name], env, name));
		}
		for (const name of names) times[name].push(median(here[name]));
	}
	const settled = [];
	for (let count = 0; count < 200; count++) {
		const startedAt = performance.now();
		await call('daemon.version', {});
		settled.push(performance.now() - startedAt);
	}
	await daemon.stop();
	const baseline = times.bare;
	return {
		baseline: 'node -e 0',
		rows: [
			comparison({ name: 'orch version', unit: 'ms', ours: times.version, theirs: baseline, bar: { atMost: 1.5 } }),
			comparison({ name: 'the same as it is typed: a shell finds Node', unit: 'ms', ours: times.typed, theirs: baseline }),
			comparison({ name: `orch ps, ${runtimes} runtimes`, unit: 'ms', ours: times.ps, theirs: baseline }),
			comparison({ name: 'a bare client: connect, ask, read, nothing else', unit: 'ms', ours: times.client, theirs: baseline }),
			figure({
				name: 'of that, the socket: what a bare client takes above node -e 0',
				unit: 'ms',
				values: times.client.map((value, round) => value - baseline[round]),
			}),
			figure({ name: 'the same question on a connection that stands', unit: 'ms', values: [median(settled)] }),
		],
		raw: times,
	};
}

function timeOf([program, ...args], env, name) {
	const startedAt = performance.now();
	const { status, stderr, error } = spawnSync(program, args, { env, stdio: ['ignore', 'ignore', 'pipe'] });
	const ms = performance.now() - startedAt;
	if (status !== 0) throw new Error(`${name} failed: ${error?.message ?? stderr}`);
	return ms;
}
