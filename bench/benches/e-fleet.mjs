/** (e) Many programs at once, and what their keeper takes of the memory, against pm2 and supervisord. */
import { bareNodeMemory, findPm2, findSupervisord, orchFleet, pm2Fleet, supervisordFleet } from '../harness/fleet.mjs';
import { interleave } from '../harness/interleave.mjs';
import { comparison, figure } from '../harness/report.mjs';

export const letter = 'e';
export const title = '200 × sleep with log files: start until the last exec, stop until the last is gone';

const megabyte = 1024 * 1024;

export async function run({ scratch, runs, quick, say }) {
	const count = quick ? 40 : 200;
	const pm2 = findPm2();
	const supervisord = findSupervisord();
	const step = (name, work) => async () => {
		say(name);
		return work();
	};
	const results = await interleave(runs, {
		orch: step('orch', () => orchFleet(scratch, { count })),
		...(pm2.problem === undefined && { pm2: step('pm2', () => pm2Fleet(scratch, pm2, { count })) }),
		...(supervisord.problem === undefined && { supervisord: step('supervisord', () => supervisordFleet(scratch, { count })) }),
		node: () => bareNodeMemory(scratch),
	});
	const of = (name, what) => results[name].map(what);
	const whole = of('orch', ({ addMs, startMs, stopMs }) => addMs + startMs + stopMs);
	const startStop = of('orch', ({ startMs, stopMs }) => startMs + stopMs);
	const rows = [
		figure({ name: `add ${count}`, unit: 'ms', values: of('orch', ({ addMs }) => addMs) }),
		figure({ name: `start ${count}`, unit: 'ms', values: of('orch', ({ startMs }) => startMs) }),
		figure({ name: `stop ${count}`, unit: 'ms', values: of('orch', ({ stopMs }) => stopMs) }),
	];
	const notes = [];
	if (results.pm2) {
		const pm2Memory = (kind) => results.pm2.map(({ memory }, round) => (memory[kind] + results.node[round][kind]) / megabyte);
		const ourMemory = (kind) => of('orch', ({ memory }) => memory[kind] / megabyte);
		rows.push(
			comparison({
				name: 'pm2: start',
				unit: 'ms',
				ours: of('orch', ({ addMs, startMs }) => addMs + startMs),
				theirs: of('pm2', ({ startMs }) => startMs),
			}),
			comparison({
				name: 'pm2: stop',
				unit: 'ms',
				ours: of('orch', ({ stopMs }) => stopMs),
				theirs: of('pm2', ({ stopMs }) => stopMs),
			}),
			comparison({
				name: 'pm2: add, start and stop',
				unit: 'ms',
				ours: whole,
				theirs: of('pm2', ({ startMs, stopMs }) => startMs + stopMs),
				bar: { atMost: 0.333 },
			}),
			comparison({
				name: 'pm2 and a bare Node: resident memory of orchd and router',
				unit: 'MiB',
				ours: ourMemory('rss'),
				theirs: pm2Memory('rss'),
				bar: { atMost: 1 },
			}),
			comparison({
				name: 'pm2 and a bare Node: proportional share of it',
				unit: 'MiB',
				ours: ourMemory('pss'),
				theirs: pm2Memory('pss'),
				bar: { atMost: 1 },
			}),
		);
		notes.push(
			`pm2 ${pm2.version}: one ecosystem file, through its interface for programs (its command line would add its own start)`,
		);
	} else {
		notes.push(`without pm2: ${pm2.problem}`);
	}
	if (results.supervisord) {
		rows.push(
			comparison({
				name: 'supervisord: start',
				unit: 'ms',
				ours: of('orch', ({ startMs }) => startMs),
				theirs: of('supervisord', ({ startMs }) => startMs),
			}),
			comparison({
				name: 'supervisord: stop',
				unit: 'ms',
				ours: of('orch', ({ stopMs }) => stopMs),
				theirs: of('supervisord', ({ stopMs }) => stopMs),
			}),
			comparison({
				name: 'supervisord: start and stop',
				unit: 'ms',
				ours: startStop,
				theirs: of('supervisord', ({ startMs, stopMs }) => startMs + stopMs),
				bar: { atMost: 1 },
			}),
		);
		notes.push(
			`supervisord ${supervisord.version}: startAllProcesses and stopAllProcesses on its socket; its programs are in its file, so it has no add`,
		);
	} else {
		notes.push(`without supervisord: ${supervisord.problem}`);
	}
	rows.push(
		figure({
			name: `proportional memory of ${count} launch shims, their parents and the spares`,
			unit: 'MiB',
			values: of('orch', ({ shims }) => shims.pss / megabyte),
		}),
	);
	return { baseline: 'theirs', rows, raw: results, notes };
}
