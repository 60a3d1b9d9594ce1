/** Publishes preallocated payloads; asks the server every so often whether it keeps up, as the client's own guide advises. */
import { pathToFileURL } from 'node:url';
import { config, say, told } from '../programs/talk.mjs';

const { connect } = await import(pathToFileURL(config.client).href);
const { url, size, count } = config;
const connection = await connect({ servers: url });
const payload = new Uint8Array(size).fill(0x61);
const burst = Math.max(1, Math.min(512, Math.floor((1024 * 1024) / size)));

await connection.flush();
say('ready');
await told('go');
// one burst is under way while the next is written: waiting for each would leave the server idle in between
let previous = Promise.resolve();
for (let sent = 0; sent < count; ) {
	for (let left = Math.min(burst, count - sent); left > 0; left--, sent++) connection.publish('data', payload);
	const flushed = connection.flush();
	await previous;
	previous = flushed;
}
await previous;
say('sent');
await connection.close();
process.exit(0);
