/** (k) `orch up` of many programs that need each other, against starting the same programs layer by layer and nothing else. */
import { spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { baselinePath, cleanEnvironment, startProgram } from '../harness/children.mjs';
import { startDaemon } from '../harness/daemon.mjs';
import { median } from '../harness/figures.mjs';
import { interleave } from '../harness/interleave.mjs';
import { comparison, figure } from '../harness/report.mjs';
import { until, within } from '../harness/wait.mjs';

export const letter = 'k';
export const title = '`orch up` of layers of programs, each needing two of the layer before to be ready, against a bare Node';

const cli = fileURLToPath(new URL('../../packages/cli/bin/orch.cjs', import.meta.url));
const word = 'ready';
// it ends by itself, whatever becomes of this bench
const command = '/bin/sh';
const args = ['-c', `echo ${word}; exec sleep 900`];
const path = '/usr/bin:/bin';

export async function run({ scratch, runs, quick, say }) {
	if (!existsSync(cli)) throw new Error(`${cli} is not there: run \`npm run build\` first`);
	const [depth, width] = quick ? [5, 6] : [10, 10];
	const layers = Array.from({ length: depth }, (_, layer) => Array.from({ length: width }, (_, at) => `r${layer}-${at}`));
	const daemon = await startDaemon(scratch);
	const directory = scratch.fresh('k');
	writeFileSync(`${directory}/orch.yaml`, projectFile(layers));
	const orch = (...typed) => runOrch(typed, { daemon, directory });
	// the code that the CLI keeps between runs, and the first of everything in orchd
	await orch('up');
	await orch('down');
	const count = depth * width;
	const results = await interleave(runs, {
		orch: async (round) => {
			say(`round ${round + 1} of ${runs}: orch`);
			const firstMs = await orch('up');
			await expectRunning(daemon, count);
			const again = [];
			for (let time = 0; time < 5; time++) again.push(await orch('up'));
			await orch('down');
			return { firstMs, againMs: median(again) };
		},
		bare: async (round) => {
			say(`round ${round + 1} of ${runs}: bare`);
			return bareLayers(scratch, layers);
		},
		node: async () => timeOf(process.execPath, ['-e', '0'], { env: cleanEnvironment(), cwd: directory }),
	});
	await daemon.stop();
	const ours = results.orch.map(({ firstMs }) => firstMs);
	return {
		baseline: 'bare Node',
		rows: [
			comparison({ name: `${count} in ${depth} layers, until all are ready`, unit: 'ms', ours, theirs: results.bare }),
			comparison({
				name: 'the second up, which changes nothing, against `node -e 0`',
				unit: 'ms',
				ours: results.orch.map(({ againMs }) => againMs),
				theirs: results.node,
			}),
			figure({ name: 'the first up, for each program', unit: 'ms', values: ours.map((ms) => ms / count) }),
		],
		raw: results,
		notes: [
			`each writes a word and sleeps; ready is who has written it, seen in the file of its output by both; the bare Node starts a layer once all of the one before is ready, orch each program once its two are`,
		],
	};
}

/** In the layers, each needs the one of the same place in the layer before, and its neighbour. */
function projectFile(layers) {
	const runtimes = layers.flatMap((layer, index) =>
		layer.map((name, at) => {
			const before = layers[index - 1];
			const needs = before === undefined ? [] : [before[at], before[(at + 1) % before.length]];
			return [
				`  ${name}:`,
				`    command: ${JSON.stringify([command, ...args])}`,
				`    probes: { ready: "log:${word}" }`,
				`    stop: { signal: KILL }`,
				...(needs.length > 0 ? [`    needs: { ${needs.map((each) => `${each}: ready`).join(', ')} }`] : []),
			].join('\n');
		}),
	);
	return `name: bench\nruntimes:\n${runtimes.join('\n')}\n`;
}

async function bareLayers(scratch, layers) {
	const config = { layers, command, args, env: { PATH: path }, directory: scratch.fresh('b'), word };
	const startedAt = performance.now();
	const parent = startProgram(scratch, baselinePath('bare-layers.mjs'), config);
	await parent.hears('up');
	const ms = performance.now() - startedAt;
	parent.tell('end');
	await parent.done();
	return ms;
}

/** Milliseconds from its spawn to its end, which has to be a good one. */
const runOrch = (typed, { daemon, directory }) =>
	timeOf(process.execPath, [cli, ...typed, '-q'], {
		cwd: directory,
		env: cleanEnvironment({
			...daemon.environment,
			HOME: daemon.directory,
			PATH: path,
			XDG_CACHE_HOME: `${daemon.directory}/cache`,
			XDG_STATE_HOME: `${daemon.directory}/state`,
		}),
	});

async function timeOf(program, typed, options) {
	const startedAt = performance.now();
	const child = spawn(program, typed, { ...options, stdio: ['ignore', 'ignore', 'pipe'] });
	let errors = '';
	child.stderr.on('data', (chunk) => {
		errors = (errors + chunk).slice(-4000);
	});
	const ended = new Promise((resolve, reject) => {
		child.on('error', reject);
		child.on('exit', (code) => resolve({ code, ms: performance.now() - startedAt }));
	});
	const { code, ms } = await within(ended, 180_000, typed.join(' ')).finally(() => child.kill('SIGKILL'));
	if (code !== 0) throw new Error(`${typed.join(' ')} ended with ${code}: ${errors}`);
	return ms;
}

const expectRunning = ({ control }, count) =>
	until(
		async () => (await control.call('daemon.status', {})).runtimes.running === count,
		10_000,
		`${count} programs that run`,
		20,
	);
