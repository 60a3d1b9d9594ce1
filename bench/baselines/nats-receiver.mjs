/** Counts messages by the client's callback, its quickest way. */
import { pathToFileURL } from 'node:url';
import { config, say } from '../programs/talk.mjs';

const { connect } = await import(pathToFileURL(config.client).href);
const { url, warm, count } = config;
const connection = await connect({ servers: url });
let seen = 0;
let bytes = 0;
let startedAt = 0n;
connection.subscribe('data', {
	callback: (error, message) => {
		if (error) throw error;
		seen += 1;
		bytes += message.data.length;
		if (seen === warm) startedAt = process.hrtime.bigint();
		else if (seen === warm + count) say('done', { nanos: Number(process.hrtime.bigint() - startedAt), seen, bytes });
	},
});
await connection.flush();
say('ready');
