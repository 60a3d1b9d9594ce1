/** Writes lines of JSON to its socket, as a program without an SDK would. */
import { createConnection } from 'node:net';
import { config, say, told } from './talk.mjs';

const { type, size, count } = config;
const socket = createConnection(process.env.ORCH_IPC_SOCKET);
const line = `${JSON.stringify({ type, data: 'a'.repeat(size) })}\n`;
const perWrite = Math.max(1, Math.floor((64 * 1024) / line.length));
const block = Buffer.from(line.repeat(perWrite));
socket.on('error', (error) => {
	throw error;
});
socket.resume();
await new Promise((resolve) => socket.once('connect', resolve));
say('ready');
await told('go');
for (let left = count; left > 0; left -= perWrite) {
	const bytes = left >= perWrite ? block : block.subarray(0, left * line.length);
	if (!socket.write(bytes)) await new Promise((resolve) => socket.once('drain', resolve));
}
await new Promise((resolve) => socket.end(resolve));
say('sent');
process.exit(0);
