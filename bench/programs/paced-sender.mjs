/** Sends by the clock, whether or not everybody keeps up: what one type is refused never holds back the others. */
import { connect } from '@orch/sdk';
import { config, say, told, when } from './talk.mjs';

const { types, size } = config;
const connection = connect({ defaultCodec: 'raw' });
const payload = new Uint8Array(size).fill(0x61);
/** Of each type: accepted by the SDK, and refused for want of credit. */
const accepted = types.map(() => 0);
const refused = types.map(() => 0);
let pace = 0;

await connection.opened;
for (const [index, type] of types.entries()) {
	await connection.send(type, payload);
	accepted[index] += 1;
}
say('ready');

/** As fast as all of them take it, for so long. */
when('flood', async ({ ms }) => {
	const until = performance.now() + ms;
	while (performance.now() < until) {
		for (let some = 0; some < 64; some++) {
			for (const [index, type] of types.entries()) {
				if (!connection.trySend(type, payload)) await connection.send(type, payload);
				accepted[index] += 1;
			}
		}
	}
	say('flood');
});

/** So many of each type in a second, from now on; what is refused is not made up for. */
when('pace', async ({ perSecond }) => {
	const mine = ++pace;
	const due = types.map(() => 0);
	const startedAt = performance.now();
	say('pace');
	while (pace === mine) {
		const should = Math.floor(((performance.now() - startedAt) / 1000) * perSecond);
		for (const [index, type] of types.entries()) {
			while (due[index] < should && connection.trySend(type, payload)) {
				due[index] += 1;
				accepted[index] += 1;
			}
			refused[index] += should - due[index];
			due[index] = should;
		}
		await new Promise((resolve) => setTimeout(resolve, 1));
	}
	say('paused', { accepted, refused });
});
when('pause', () => {
	pace += 1;
});
await told('end');
await connection.close({ timeoutMs: 60_000 });
process.exit(0);
