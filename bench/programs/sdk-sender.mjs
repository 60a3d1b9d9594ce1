/** Sends preallocated payloads of codec raw as fast as the receiver takes them. */
import { connect } from '@orch/sdk';
import { config, cpuMicros, say, told } from './talk.mjs';

const { types, size, count } = config;
const connection = connect({ defaultCodec: 'raw' });
const payload = new Uint8Array(size).fill(0x61);
/** Above this the SDK does not copy a payload, if told when it may be used again: which only `send` can. */
const copiedBelow = 16 * 1024;
const burst = Math.max(1, Math.min(512, Math.floor((1024 * 1024) / size)));

await connection.opened;
say('ready');
await told('go');
const before = cpuMicros();
if (types.length === 1) await one(types[0]);
else await several();
say('sent', { count, cpuMicros: cpuMicros() - before });
await connection.close({ timeoutMs: 60_000 });
process.exit(0);

async function one(type) {
	let inBurst = 0;
	for (let sent = 0; sent < count; sent++) {
		inBurst += 1;
		if (inBurst === burst || size >= copiedBelow) {
			inBurst = 0;
			await connection.send(type, payload);
		} else if (!connection.trySend(type, payload)) {
			inBurst = 0;
			await connection.send(type, payload);
		}
	}
}

/** One message of each type in turn: the worst case for joining neighbours. */
async function several() {
	for (let sent = 0; sent < count; sent++) {
		const type = types[sent % types.length];
		if (!connection.trySend(type, payload)) await connection.send(type, payload);
	}
}
