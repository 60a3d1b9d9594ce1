/** Publishes back whatever comes. */
import { pathToFileURL } from 'node:url';
import { config, say } from '../programs/talk.mjs';

const { connect } = await import(pathToFileURL(config.client).href);
const connection = await connect({ servers: config.url });
connection.subscribe('ping', {
	callback: (error, message) => {
		if (error) throw error;
		connection.publish('pong', message.data);
	},
});
await connection.flush();
say('ready');
