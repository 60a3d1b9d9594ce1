/** (i) What keeping many idle runtimes costs: processor time while nobody looks and while somebody does, memory, one look, and one while many crash. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { cleanEnvironment, startChild } from '../harness/children.mjs';
import { inParallel, startDaemon } from '../harness/daemon.mjs';
import { median, quantile } from '../harness/figures.mjs';
import { findProcesses, memoryOf } from '../harness/processes.mjs';
import { comparison, figure } from '../harness/report.mjs';
import { until } from '../harness/wait.mjs';

export const letter = 'i';
export const title = '500 idle runtimes: what they cost, against an idle Node with one timer';

const cli = fileURLToPath(new URL('../../packages/cli/bin/orch.cjs', import.meta.url));
const megabyte = 1024 * 1024;

export async function run({ scratch, runs, quick, say }) {
	if (!existsSync(cli)) throw new Error(`${cli} is not there: run \`npm run build\` first`);
	const count = quick ? 100 : 500;
	const windowMs = quick ? 15_000 : 45_000;
	const node = startChild(
		scratch,
		process.execPath,
		['-e', `process.stdout.write('{"say":"ready"}\\n'); setInterval(() => {}, 1000)`],
		{ name: 'an idle Node' },
	);
	await node.hears('ready');
	const daemon = await startDaemon(scratch);
	const { call, stream } = daemon.control;
	const empty = memoryOf(daemon.pid);
	const mark = `86400.${process.pid}777`;
	say(`starting ${count}`);
	await inParallel(
		Array.from({ length: count }, (_, index) => `idle-${index}`),
		(name) => call('runtime.add', { program: '/bin/sleep', args: [mark], cwd: '/', env: {}, name, start: true }),
	);
	await rests(daemon.pid);
	const full = memoryOf(daemon.pid);
	const shims = findProcesses((line) => line.startsWith(`/bin/sleep ${mark} `)).map((pid) => memoryOf(parentOf(pid)));

	const ps = times(daemon, runs, quick, say);
	await rests(daemon.pid);

	// orchd looks ever more rarely: what counts is what it costs in the long run
	say('leaving it alone');
	await sleep(quick ? 5_000 : 60_000);
	const quiet = { ours: [], router: [], theirs: [] };
	for (let round = 0; round < runs; round++) {
		say(`nobody looks: ${round + 1} of ${runs}`);
		const used = await over(windowMs, { ours: daemon.pid, router: daemon.routerPid, theirs: node.pid });
		for (const name of Object.keys(quiet)) quiet[name].push(used[name]);
	}
	const looked = [];
	const looking = new AbortController();
	const read = (async () => {
		try {
			for await (const _item of stream('runtime.watch', {}, { signal: looking.signal, window: 4 }));
		} catch {
			// it was ended here
		}
	})();
	for (let round = 0; round < runs; round++) {
		say(`somebody looks: ${round + 1} of ${runs}`);
		looked.push((await over(quick ? 5_000 : 10_000, { ours: daemon.pid })).ours);
	}
	looking.abort();
	await read;
	await node.end();
	const crashing = quick ? 20 : 100;
	const storm = await looksWhileCrashing(daemon, { crashing, runs, looks: quick ? 10 : 40, say });
	await daemon.stop();
	const perMinute = (shares) => shares.map((share) => share * 60_000);
	return {
		baseline: 'an idle Node with a timer of one second, or node -e 0',
		rows: [
			comparison({
				name: `processor time of orchd a minute, ${count} idle runtimes, nobody looks`,
				unit: 'ms',
				ours: perMinute(quiet.ours),
				theirs: perMinute(quiet.theirs),
				bar: { atMost: 1.5 },
			}),
			figure({ name: 'of the router, a minute', unit: 'ms', values: perMinute(quiet.router) }),
			figure({
				name: 'of orchd while orch top looks, share of a core',
				unit: '%',
				values: looked.map((share) => share * 100),
			}),
			comparison({ name: `orch ps, ${count} runtimes`, unit: 'ms', ours: ps.ours, theirs: ps.theirs, bar: { atMost: 1.6 } }),
			figure({
				name: `orch status while ${crashing} more crash again and again, 95 of 100 looks are no slower`,
				unit: 'ms',
				values: storm.p95s,
			}),
			figure({ name: 'crashes meanwhile, a second', unit: '', values: storm.crashesPerSecond }),
			figure({
				name: 'memory of orchd for each runtime, proportional share',
				unit: 'KiB',
				values: [(full.pss - empty.pss) / count / 1024],
			}),
			figure({ name: `resident memory of orchd with ${count}`, unit: 'MiB', values: [full.rss / megabyte] }),
			figure({
				name: 'memory of the shim of each, proportional share',
				unit: 'KiB',
				values: [shims.reduce((sum, { pss }) => sum + pss, 0) / Math.max(1, shims.length) / 1024],
			}),
		],
		raw: { quiet, looked, ps, storm, windowMs, count },
		notes: ['processor time by schedstat of all threads, exact to the nanosecond; both processes in the same windows'],
	};
}

/** Programs that end with a failure after a moment, and are started again at once by a policy that never gives up. */
async function looksWhileCrashing(daemon, { crashing, runs, looks, say }) {
	const { call } = daemon.control;
	const restart = { when: 'always', firstMs: 50, capMs: 200, failures: 0 };
	const names = Array.from({ length: crashing }, (_, index) => `crashing-${index}`);
	await inParallel(names, (name) =>
		call('runtime.add', {
			program: '/bin/sh',
			args: ['-c', 'sleep 0.05; exit 1'],
			cwd: '/',
			env: {},
			name,
			restart,
			start: true,
		}),
	);
	const env = cliEnvironment(daemon);
	const crashes = async () => {
		const shown = await inParallel(names, (runtime) => call('runtime.show', { runtime }));
		return shown.reduce((sum, { generation }) => sum + generation, 0);
	};
	const result = { p95s: [], crashesPerSecond: [] };
	for (let round = 0; round < runs; round++) {
		say(`orch status while ${crashing} crash: ${round + 1} of ${runs}`);
		const [before, startedAt] = [await crashes(), performance.now()];
		const took = Array.from({ length: looks }, () => milliseconds([cli, 'status'], env));
		result.crashesPerSecond.push(((await crashes()) - before) / ((performance.now() - startedAt) / 1000));
		result.p95s.push(quantile(took, 0.95));
	}
	return result;
}

/** Shares of a core that processes use within a window. */
async function over(ms, pids) {
	const names = Object.keys(pids);
	const before = names.map((name) => nanoseconds(pids[name]));
	const startedAt = performance.now();
	await sleep(ms);
	const passedMs = performance.now() - startedAt;
	return Object.fromEntries(names.map((name, at) => [name, (nanoseconds(pids[name]) - before[at]) / 1e6 / passedMs]));
}

/** Of all threads that there are; those of Node last as long as it does. */
function nanoseconds(pid) {
	let sum = 0;
	for (const thread of readdirSync(`/proc/${pid}/task`)) {
		sum += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'latin1').split(' ')[0]);
	}
	return sum;
}

/** The shim: what a program of a runtime has as its parent. */
function parentOf(pid) {
	const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
	return Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[1]);
}

/** What follows many starts is over: sweeps, collected garbage, the looks of the last seconds. */
async function rests(pid) {
	await sleep(8_000);
	await until(async () => (await over(5_000, { it: pid })).it < 0.002, 120_000, 'the rest of orchd');
}

function cliEnvironment(daemon) {
	return cleanEnvironment({
		...daemon.environment,
		HOME: daemon.directory,
		XDG_CACHE_HOME: `${daemon.directory}/cache`,
		XDG_STATE_HOME: `${daemon.directory}/state`,
	});
}

/** How long Node takes with these arguments, from its start to its end. */
function milliseconds(args, env) {
	const startedAt = performance.now();
	const { status, stderr } = spawnSync(process.execPath, args, { env, stdio: ['ignore', 'ignore', 'pipe'] });
	if (status !== 0) throw new Error(`${args.join(' ')} failed: ${stderr}`);
	return performance.now() - startedAt;
}

function times(daemon, runs, quick, say) {
	const env = cliEnvironment(daemon);
	const ours = () => milliseconds([cli, 'ps'], env);
	const theirs = () => milliseconds(['-e', '0'], env);
	for (let warm = 0; warm < 3; warm++) ours();
	const result = { ours: [], theirs: [] };
	for (let round = 0; round < runs; round++) {
		say(`orch ps: ${round + 1} of ${runs}`);
		const here = { ours: [], theirs: [] };
		for (let pair = 0; pair < (quick ? 5 : 20); pair++) {
			here.theirs.push(theirs());
			here.ours.push(ours());
		}
		result.ours.push(median(here.ours));
		result.theirs.push(median(here.theirs));
	}
	return result;
}
