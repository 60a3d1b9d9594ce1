/** Counts messages, and takes the time from when it is warm to the last one. */
import { connect } from '@orch/sdk';
import { config, cpuMicros, say } from './talk.mjs';

const { type, warm, count } = config;
const connection = connect({ defaultCodec: 'raw' });
let seen = 0;
let bytes = 0;
let dropped = 0;
let startedAt = 0n;
let cpuBefore = 0;

connection.onEvent('dropped', (notice) => {
	dropped += notice.count;
});
connection.on(
	type,
	(data) => {
		seen += 1;
		bytes += data.length;
		if (seen === warm) {
			startedAt = process.hrtime.bigint();
			cpuBefore = cpuMicros();
		} else if (seen === warm + count) {
			say('done', {
				nanos: Number(process.hrtime.bigint() - startedAt),
				seen,
				bytes,
				dropped,
				cpuMicros: cpuMicros() - cpuBefore,
			});
		}
	},
	{ view: true },
);
await connection.opened;
say('ready');
