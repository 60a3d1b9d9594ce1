/** Answers every ping with a pong. */
import { connect } from '@orch/sdk';
import type { Messages } from './messages.ts';

const orch = connect<Messages>();
orch.shutdown.addEventListener('abort', () => void orch.close({ timeoutMs: 1000 }));

orch.on('Ping', async ({ seq }) => {
	await orch.send('Pong', { seq });
	console.log(`pong ${seq}`);
});

await orch.ready();
