/** Sends back whatever comes, as another type. */
import { connect } from '@orch/sdk';
import { say } from './talk.mjs';

const connection = connect({ defaultCodec: 'raw' });
connection.on(
	'Ping',
	(data) => {
		if (!connection.trySend('Pong', data)) void connection.send('Pong', data);
	},
	{ view: true },
);
await connection.opened;
// the first message of a type waits for its declaration: that is not part of a round trip
await connection.send('Pong', new Uint8Array(1));
say('ready');
