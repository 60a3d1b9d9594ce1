/** (a) How much of a bare relay's pace is left when the router carries the messages. */
import { interleave } from '../harness/interleave.mjs';
import { comparison, figure } from '../harness/report.mjs';
import { countFor, middles, roundTrip, throughput } from '../harness/transports.mjs';
import { eightToEight, jsonLines } from '../harness/topologies.mjs';

export const letter = 'a';
export const title = 'SDK → router → SDK, against the same SDK through a relay that only copies bytes';

const sizes = [16, 256, 4096, 65_536];

export async function run({ scratch, runs, quick, say }) {
	const rows = [];
	const raw = {};
	for (const size of sizes) {
		say(`throughput at ${size} B`);
		const count = countFor(size, quick);
		const results = await interleave(runs, {
			router: () => throughput(scratch, middles.router, { size, count }),
			relay: () => throughput(scratch, middles.relay, { size, count }),
		});
		raw[`throughput ${size}`] = results;
		const of = (variant, what) => results[variant].map((one) => one[what]);
		rows.push(
			comparison({
				name: `${size} B, messages`,
				unit: '/s',
				ours: of('router', 'perSecond'),
				theirs: of('relay', 'perSecond'),
				bar: { atLeast: 0.85 },
			}),
			comparison({
				name: `${size} B, processor time of the middle per message`,
				unit: 'µs',
				ours: of('router', 'middleMicrosPerMessage'),
				theirs: of('relay', 'middleMicrosPerMessage'),
			}),
		);
	}
	for (const size of [64, 4096]) {
		say(`round trip at ${size} B`);
		const count = quick ? 4000 : 20_000;
		const results = await interleave(runs, {
			router: () => roundTrip(scratch, middles.router, { size, count }),
			relay: () => roundTrip(scratch, middles.relay, { size, count }),
		});
		raw[`round trip ${size}`] = results;
		const of = (variant, what) => results[variant].map((one) => one[what]);
		rows.push(
			comparison({
				name: `${size} B, round trip p50`,
				unit: 'µs',
				ours: of('router', 'p50'),
				theirs: of('relay', 'p50'),
				bar: { atMost: 1.3 },
			}),
			comparison({
				name: `${size} B, round trip p99`,
				unit: 'µs',
				ours: of('router', 'p99'),
				theirs: of('relay', 'p99'),
				bar: { atMost: 2 },
			}),
		);
	}
	say('8 types to 8 receivers, JSON Lines');
	const others = await interleave(runs, {
		eight: () => eightToEight(scratch, { size: 256, count: quick ? 100_000 : 1_000_000 }),
		lines: () => jsonLines(scratch, { size: 256, count: quick ? 50_000 : 300_000 }),
	});
	raw.others = others;
	rows.push(
		figure({
			name: '256 B, 8 types in turn to 8 receivers, messages',
			unit: '/s',
			values: others.eight.map(({ perSecond }) => perSecond),
		}),
		figure({
			name: '256 B, 8 types in turn to 8 receivers, router per message',
			unit: 'µs',
			values: others.eight.map(({ middleMicrosPerMessage }) => middleMicrosPerMessage),
		}),
		figure({ name: '256 B, JSON Lines clients, messages', unit: '/s', values: others.lines.map(({ perSecond }) => perSecond) }),
		figure({
			name: '256 B, JSON Lines clients, router per message',
			unit: 'µs',
			values: others.lines.map(({ middleMicrosPerMessage }) => middleMicrosPerMessage),
		}),
	);
	return { baseline: 'relay', rows, raw };
}
