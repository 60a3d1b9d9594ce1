/** One message to and fro at a time; tells how long each took. */
import { connect } from '@orch/sdk';
import { roundTrips } from './round-trips.mjs';

const connection = connect({ defaultCodec: 'raw' });
let came = () => {};
connection.on('Pong', (data) => came(data.length), { view: true });
await connection.opened;
await roundTrips({
	send: (payload) => {
		if (!connection.trySend('Ping', payload)) void connection.send('Ping', payload);
	},
	onReply: (listener) => {
		came = listener;
	},
});
await connection.close();
process.exit(0);
