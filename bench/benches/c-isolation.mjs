/** (c) One of four receivers is stopped: what becomes of the other three, and do the counts still add up. */
import { setTimeout as sleep } from 'node:timers/promises';
import { programPath, startProgram } from '../harness/children.mjs';
import { median, readable } from '../harness/figures.mjs';
import { comparison, fact } from '../harness/report.mjs';
import { startRouter } from '../harness/router.mjs';
import { until } from '../harness/wait.mjs';

export const letter = 'c';
export const title = 'one of four receivers stopped (SIGSTOP), the sender at half of what it could';

const names = ['receiver-0', 'receiver-1', 'receiver-2', 'receiver-3'];
const stopped = 3;
const size = 256;

const scenarios = {
	'four types, block': { types: ['Type0', 'Type1', 'Type2', 'Type3'], overflow: 'block' },
	'one type to all, drop-oldest': { types: ['Type0'], overflow: 'drop-oldest' },
};

export async function run({ scratch, runs, quick, say }) {
	const rows = [];
	const raw = {};
	for (const [name, scenario] of Object.entries(scenarios)) {
		say(name);
		const results = [];
		for (let round = 0; round < runs; round++) results.push(await once(scratch, scenario, quick));
		raw[name] = results;
		const inexact = results.filter(({ exact }) => !exact);
		rows.push(
			comparison({
				name: `${name}: slowest of the other three`,
				unit: '/s',
				ours: results.map(({ slowestWhile }) => slowestWhile),
				theirs: results.map(({ slowestBefore }) => slowestBefore),
				bar: { atLeast: 0.9 },
			}),
			fact({
				name: `${name}: counts`,
				holds: inexact.length === 0,
				detail:
					inexact.length === 0
						? `exact, ${Math.round(median(results.map(({ lost }) => lost)))} dropped and told`
						: `wrong in ${inexact.length} of ${runs}: ${inexact[0].account}`,
			}),
		);
	}
	const capacity = Object.entries(raw).map(
		([name, results]) => `${name}: ${readable(median(results.map(({ capacity }) => capacity)), '/s')} to each`,
	);
	return { baseline: 'before', rows, raw, notes: [`${size} B; capacity with all four at work, median: ${capacity.join('; ')}`] };
}

async function once(scratch, { types, overflow }, quick) {
	const windowMs = quick ? 500 : 2000;
	const typeOf = (index) => types[index % types.length];
	const links = names.map((to, index) => ({ from: 'sender', type: typeOf(index), to, overflow }));
	const router = await startRouter(scratch, ['sender', ...names], links);
	const receivers = names.map((name, index) =>
		startProgram(
			scratch,
			programPath('counting-receiver.mjs'),
			{ type: typeOf(index) },
			{ env: router.environmentOf(name), name },
		),
	);
	await Promise.all(receivers.map((receiver) => receiver.hears('ready')));
	const sender = startProgram(scratch, programPath('paced-sender.mjs'), { types, size }, { env: router.environmentOf('sender') });
	await sender.hears('ready');

	const counts = (those) => Promise.all(those.map((receiver) => receiver.ask('count')));
	/** Messages per second that each of them takes while `during` lasts. */
	const rates = async (those, during) => {
		const before = await counts(those);
		await during();
		return (await counts(those)).map((after, index) => (after.seen - before[index].seen) / (after.at - before[index].at));
	};

	// the compilers of six processes are at work at first
	await sender.ask('flood', { ms: windowMs / 2 });
	const capacity = Math.min(...(await rates(receivers, () => sender.ask('flood', { ms: windowMs }))));
	await sender.ask('pace', { perSecond: capacity / 2 });
	const others = receivers.filter((_, index) => index !== stopped);
	await sleep(windowMs / 4);
	const before = await rates(others, () => sleep(windowMs));
	process.kill(receivers[stopped].pid, 'SIGSTOP');
	await sleep(windowMs / 4);
	const meanwhile = await rates(others, () => sleep(windowMs));
	process.kill(receivers[stopped].pid, 'SIGCONT');
	sender.tell('pause');
	const { accepted, refused } = await sender.hears('paused');

	// every message is either delivered or told to have been dropped, by the receiver's own count and by the router's
	const account = async () => {
		const theirs = await counts(receivers);
		const figures = await router.figures();
		return names.map((_, index) => {
			const { received, delivered, dropped, queued, inFlight } = figures[index].counters;
			return {
				sent: accepted[index % types.length],
				seen: theirs[index].seen,
				told: theirs[index].dropped,
				received,
				delivered,
				dropped: Object.values(dropped).reduce((sum, one) => sum + one, 0),
				waiting: queued + inFlight,
			};
		});
	};
	const adds = (one) =>
		one.seen + one.told === one.sent &&
		one.received === one.sent &&
		one.delivered === one.seen &&
		one.dropped === one.told &&
		one.waiting === 0 &&
		(overflow !== 'block' || one.told === 0);
	const exact = await until(async () => (await account()).every(adds), 20_000, 'exact counts', 50).catch(() => false);
	const final = await account();
	sender.tell('end');
	await sender.done();
	await Promise.all(receivers.map((receiver) => receiver.end()));
	await router.stop();
	const worst = meanwhile
		.map((rate, index) => rate / before[index])
		.reduce((least, share, index, all) => (share < all[least] ? index : least), 0);
	return {
		capacity,
		slowestBefore: before[worst],
		slowestWhile: meanwhile[worst],
		before,
		meanwhile,
		exact,
		refused,
		lost: final.reduce((sum, { told }) => sum + told, 0),
		account: JSON.stringify(final),
	};
}
