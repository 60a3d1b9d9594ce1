/** (b) Against NATS: the broker that one would otherwise take, with its own client for Node. */
import { interleave } from '../harness/interleave.mjs';
import { findNats, natsRoundTrip, natsThroughput } from '../harness/nats.mjs';
import { comparison } from '../harness/report.mjs';
import { countFor, middles, roundTrip, throughput } from '../harness/transports.mjs';

export const letter = 'b';
export const title = 'SDK → router → SDK, against NATS with its own client for Node';

const sizes = [16, 256, 4096, 65_536];

export async function run({ scratch, runs, quick, say }) {
	const nats = findNats();
	if (nats.problem !== undefined) return { skipped: nats.problem };
	const rows = [];
	const raw = {};
	for (const size of sizes) {
		say(`throughput at ${size} B`);
		// a quarter of what (a) sends: NATS takes its time
		const count = countFor(size, quick) / 4;
		const results = await interleave(runs, {
			router: () => throughput(scratch, middles.router, { size, count }),
			nats: () => natsThroughput(scratch, nats, { size, count }),
		});
		raw[`throughput ${size}`] = results;
		const of = (variant, what) => results[variant].map((one) => one[what]);
		rows.push(
			comparison({
				name: `${size} B, messages`,
				unit: '/s',
				ours: of('router', 'perSecond'),
				theirs: of('nats', 'perSecond'),
				bar: { atLeast: size <= 256 ? 2 : 1 },
			}),
			comparison({
				name: `${size} B, processor time of the middle per message`,
				unit: 'µs',
				ours: of('router', 'middleMicrosPerMessage'),
				theirs: of('nats', 'middleMicrosPerMessage'),
			}),
		);
	}
	for (const size of [64, 4096]) {
		say(`round trip at ${size} B`);
		const count = quick ? 4000 : 20_000;
		const results = await interleave(runs, {
			router: () => roundTrip(scratch, middles.router, { size, count }),
			nats: () => natsRoundTrip(scratch, nats, { size, count }),
		});
		raw[`round trip ${size}`] = results;
		const of = (variant, what) => results[variant].map((one) => one[what]);
		rows.push(
			comparison({
				name: `${size} B, round trip p50`,
				unit: 'µs',
				ours: of('router', 'p50'),
				theirs: of('nats', 'p50'),
				bar: { atMost: 0.7 },
			}),
			comparison({ name: `${size} B, round trip p99`, unit: 'µs', ours: of('router', 'p99'), theirs: of('nats', 'p99') }),
		);
	}
	return {
		baseline: 'NATS',
		rows,
		raw,
		notes: [`${nats.version}, @nats-io/transport-node 3.4.0, over the loopback; orch over Unix sockets`],
	};
}
