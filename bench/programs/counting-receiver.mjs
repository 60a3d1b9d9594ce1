/** Counts what comes and what it is told to have been lost; tells when asked. */
import { connect } from '@orch/sdk';
import { config, say, when } from './talk.mjs';

const connection = connect({ defaultCodec: 'raw' });
let seen = 0;
let dropped = 0;
const reasons = {};

connection.onEvent('dropped', ({ count, reason }) => {
	dropped += count;
	reasons[reason] = (reasons[reason] ?? 0) + count;
});
connection.on(
	config.type,
	() => {
		seen += 1;
	},
	{ view: true },
);
await connection.opened;
say('ready');
when('count', () => say('count', { seen, dropped, reasons, at: Number(process.hrtime.bigint()) / 1e9 }));
