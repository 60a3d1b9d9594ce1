/** (g) From the kill of a program to the first byte of the one that takes its place. */
import { statSync, watch } from 'node:fs';
import { baselinePath, programPath, startProgram } from '../harness/children.mjs';
import { startDaemon } from '../harness/daemon.mjs';
import { median } from '../harness/figures.mjs';
import { interleave } from '../harness/interleave.mjs';
import { isAlive } from '../harness/processes.mjs';
import { comparison } from '../harness/report.mjs';
import { until, within } from '../harness/wait.mjs';

export const letter = 'g';
export const title = 'kill → first byte of the new process, against a bare Node parent';

const env = { PATH: '/usr/bin:/bin' };
const programs = {
	'a Node program': { command: process.execPath, args: [programPath('up.cjs')], bar: { atMost: 1.15 } },
	'sh -c echo': { command: '/bin/sh', args: ['-c', 'echo up; exec sleep 86400'], bar: { atMost: 2.2 } },
};

export async function run({ scratch, runs, quick, say }) {
	const kills = quick ? 5 : 20;
	const rows = [];
	const raw = {};
	const daemon = await startDaemon(scratch);
	for (const [name, { command, args, bar }] of Object.entries(programs)) {
		say(name);
		const results = await interleave(runs, {
			orch: () => underOrch(daemon, { command, args, kills }),
			bare: () => underBareParent(scratch, { command, args, kills }),
		});
		raw[name] = results;
		rows.push(comparison({ name, unit: 'ms', ours: results.orch.map(median), theirs: results.bare.map(median), bar }));
	}
	await daemon.stop();
	return {
		baseline: 'bare Node',
		rows,
		raw,
		notes: [`median of ${kills} kills in each run; the byte is seen by a watch on the file of the output, in both cases`],
	};
}

async function underOrch({ control: { call } }, { command, args, kills }) {
	// at once each time, and never giving up: what is looked at is the restart, not the policy
	const restart = { when: 'always', firstMs: 0, capMs: 0, failures: 0 };
	const { id } = await call('runtime.add', { program: command, args: [...args], cwd: '/', env, restart });
	await call('runtime.start', { runtime: id });
	const { stdoutPath } = await call('runtime.show', { runtime: id });
	const times = await killAgainAndAgain(stdoutPath, kills, async (previous) => {
		// not by `runtime.show`, which also tells of the last hundred processes: the bare parent says its pid by itself
		const [{ pid, status }] = await call('runtime.list', { runtimes: [id] });
		return status === 'running' && pid !== previous ? pid : undefined;
	});
	await call('runtime.remove', { runtime: id, force: true });
	return times;
}

async function underBareParent(scratch, { command, args, kills }) {
	const output = `${scratch.fresh('g')}/output`;
	const parent = startProgram(scratch, baselinePath('bare-parent.mjs'), { command, args, env, output });
	let child = 0;
	scratch.add(() => {
		if (child > 0 && isAlive(child)) process.kill(child, 'SIGKILL');
	});
	const times = await killAgainAndAgain(output, kills, async () => {
		child = (await parent.hears('started')).pid;
		return child;
	});
	parent.tell('end');
	await parent.done();
	child = 0;
	return times;
}

/** Kills what `livingPid` gives once its first byte is there; milliseconds from each kill to the next first byte. */
async function killAgainAndAgain(output, kills, livingPid) {
	const times = [];
	let bytes = 0;
	let pid = 0;
	for (let count = 0; count <= kills; count++) {
		const previous = pid;
		await until(() => sizeOf(output) > bytes, 10_000, 'the first byte');
		pid = await until(() => livingPid(previous), 10_000, 'the pid of the new process', 2);
		bytes = sizeOf(output);
		if (count === kills) break;
		const grown = growth(output, bytes);
		const startedAt = performance.now();
		process.kill(pid, 'SIGKILL');
		times.push((await grown) - startedAt);
	}
	return times;
}

const sizeOf = (path) => statSync(path, { throwIfNoEntry: false })?.size ?? 0;

/** When the file has become longer: told by the system, so that looking takes nothing from those who are at work. */
function growth(path, bytes) {
	let watcher;
	const seen = new Promise((resolve, reject) => {
		watcher = watch(path, () => {
			if (sizeOf(path) > bytes) resolve(performance.now());
		});
		watcher.on('error', reject);
	});
	return within(seen, 10_000, 'the first byte after a kill').finally(() => watcher.close());
}
