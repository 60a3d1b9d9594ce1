/** One message to and fro at a time. */
import { pathToFileURL } from 'node:url';
import { roundTrips } from '../programs/round-trips.mjs';
import { config } from '../programs/talk.mjs';

const { connect } = await import(pathToFileURL(config.client).href);
const connection = await connect({ servers: config.url });
let came = () => {};
connection.subscribe('pong', {
	callback: (error, message) => {
		if (error) throw error;
		came(message.data.length);
	},
});
await connection.flush();
await roundTrips({
	send: (payload) => connection.publish('ping', payload),
	onReply: (listener) => {
		came = listener;
	},
});
await connection.close();
process.exit(0);
