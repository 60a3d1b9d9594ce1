/** Counts lines that carry a message. */
import { createConnection } from 'node:net';
import { config, say } from './talk.mjs';

const { type, warm, count } = config;
const socket = createConnection({ path: process.env.ORCH_IPC_SOCKET, highWaterMark: 256 * 1024 });
let seen = 0;
let first = '';
let startedAt = 0n;
socket.on('error', (error) => {
	throw error;
});
socket.on('data', (chunk) => {
	if (seen === 0 && first.length < 4096) first += chunk.subarray(0, 4096).toString('latin1');
	for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) {
		seen += 1;
		if (seen === 1) {
			const line = JSON.parse(first.slice(0, first.indexOf('\n')));
			if (line.type !== type) throw new Error(`the first line is no message: ${first}`);
		}
		if (seen === warm) startedAt = process.hrtime.bigint();
		else if (seen === warm + count) say('done', { nanos: Number(process.hrtime.bigint() - startedAt), seen });
	}
});
await new Promise((resolve) => socket.once('connect', resolve));
// a listener's first line may be empty
socket.write('{"hello":{}}\n');
say('ready');
