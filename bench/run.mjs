/** Runs the benches one after the other, prints their tables, and writes every figure as JSON. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import * as relay from './benches/a-relay.mjs';
import * as nats from './benches/b-nats.mjs';
import * as isolation from './benches/c-isolation.mjs';
import * as cli from './benches/d-cli.mjs';
import * as fleet from './benches/e-fleet.mjs';
import * as output from './benches/f-output.mjs';
import * as restart from './benches/g-restart.mjs';
import * as rotation from './benches/h-rotation.mjs';
import * as idle from './benches/i-idle.mjs';
import * as adoption from './benches/j-adoption.mjs';
import * as up from './benches/k-up.mjs';
import { readArguments, UsageError, usage } from './harness/arguments.mjs';
import { loadAverage } from './harness/processes.mjs';
import { printReport } from './harness/report.mjs';
import { Scratch } from './harness/scratch.mjs';
import { until } from './harness/wait.mjs';

const benches = [relay, nats, isolation, cli, fleet, output, restart, rotation, idle, adoption, up];
const calmLoad = 1.5;
const calmWithinMs = 600_000;

async function main() {
	const letters = benches.map(({ letter }) => letter);
	const wanted = readArguments(process.argv.slice(2), letters);
	if (wanted.help) {
		process.stdout.write(usage);
		return;
	}
	let scratch;
	let interrupted = false;
	for (const signal of ['SIGINT', 'SIGTERM']) {
		process.once(signal, () => {
			interrupted = true;
			void scratch?.close().then(() => process.exit(130));
		});
	}
	const reports = [];
	for (const bench of benches.filter(({ letter }) => wanted.letters.includes(letter))) {
		if (wanted.calm) await calm();
		scratch = new Scratch();
		try {
			reports.push(await one(bench, wanted, scratch));
		} finally {
			await scratch.close();
		}
		if (interrupted) return;
		console.log(printReport(reports.at(-1)));
	}
	conclude(reports, wanted);
}

async function one({ letter, title, run }, { runs, quick }, scratch) {
	const startedAt = new Date().toISOString();
	const loadBefore = loadAverage();
	const say = (what) => process.stderr.write(`bench (${letter}) ${what}\n`);
	try {
		return { letter, title, startedAt, loadBefore, ...(await run({ scratch, runs, quick, say })) };
	} catch (error) {
		return { letter, title, startedAt, loadBefore, broken: error.stack, notes: [`broken: ${error.message}`] };
	}
}

async function calm() {
	const look = () => loadAverage() < calmLoad;
	if (!look()) process.stderr.write(`bench: waiting for a load below ${calmLoad}\n`);
	await until(look, calmWithinMs, `a load below ${calmLoad}`, 1000).catch((error) =>
		process.stderr.write(`bench: ${error.message}; going on\n`),
	);
}

function conclude(reports, { runs, quick, json }) {
	const results = { machine: machine(), runs, quick, reports };
	const text = `${JSON.stringify(results, undefined, '\t')}\n`;
	const folder = fileURLToPath(new URL('./results/', import.meta.url));
	mkdirSync(folder, { recursive: true });
	const file = `${folder}${results.machine.at.replaceAll(':', '-')}.json`;
	for (const path of json === undefined ? [file] : [file, json]) writeFileSync(path, text);
	const verdicts = reports
		.flatMap(({ rows = [] }) => rows.map(({ verdict }) => verdict))
		.filter((verdict) => verdict !== undefined);
	const broken = reports.filter((report) => report.broken !== undefined);
	const { node, cores, model, kernel } = results.machine;
	console.log(
		`\n${verdicts.filter((verdict) => verdict === 'PASS').length} PASS, ${verdicts.filter((verdict) => verdict === 'MISS').length} MISS; medians of ${runs} interleaved runs${quick ? ' (quick: rough)' : ''}; node ${node}, ${cores} × ${model}, Linux ${kernel}`,
	);
	console.log(`figures: ${file}`);
	for (const report of broken) console.error(`bench (${report.letter}) broke:\n${report.broken}`);
	if (broken.length > 0) process.exitCode = 1;
}

function machine() {
	let commit = 'unknown';
	try {
		commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], {
			encoding: 'utf8',
			stdio: ['ignore', 'pipe', 'ignore'],
		}).trim();
	} catch {
		// not a clone
	}
	return {
		at: new Date().toISOString(),
		commit,
		node: process.version,
		cores: cpus().length,
		model: cpus()[0]?.model ?? 'unknown',
		memoryBytes: totalmem(),
		kernel: release(),
		load: loadAverage(),
	};
}

main().catch((error) => {
	if (error instanceof UsageError) {
		process.stderr.write(`bench: ${error.message}\nhint: ./scripts/bench --help\n`);
		process.exitCode = 2;
		return;
	}
	process.stderr.write(`bench: ${error.stack}\n`);
	process.exitCode = 1;
});
