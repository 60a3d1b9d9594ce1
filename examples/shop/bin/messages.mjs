/** The messages of this program: one line of JSON each way, on the socket that orch has made for it. */
import { connect } from 'node:net';
import { createInterface } from 'node:readline';

const socket = connect(process.env.ORCH_IPC_SOCKET);
socket.on('error', (error) => {
	console.error(`the messages have ended: ${error.message}`);
	process.exit(1);
});

export const send = (type, data) => socket.write(`${JSON.stringify({ type, data })}\n`);

/** Calls back with the data of every message of a type. */
export function onMessage(type, listener) {
	listeners.set(type, listener);
}

const listeners = new Map();
createInterface({ input: socket }).on('line', (line) => {
	const message = JSON.parse(line);
	if (message.error || message.dropped) console.error(line);
	else listeners.get(message.type)?.(message.data);
});

// who only listens says so once
socket.write('{"ready":true}\n');
