/** Sends a ping five times a second, and says which pongs come back. */
import { setTimeout as pause } from 'node:timers/promises';
import { connect } from '@orch/sdk';
import type { Messages } from './messages.ts';

const orch = connect<Messages>();
const { shutdown } = orch;
shutdown.addEventListener('abort', () => void orch.close({ timeoutMs: 1000 }));

orch.on('Pong', ({ seq }, { from }) => console.log(`pong ${seq} from ${from}`));

try {
	await orch.ready();
	for (let seq = 1; !shutdown.aborted; seq++) {
		// waits when pong is slow or away for long: that is back-pressure
		await orch.send('Ping', { seq });
		console.log(`ping ${seq}`);
		await pause(200, undefined, { signal: shutdown });
	}
} catch (error) {
	// whatever was under way when the program was asked to end has been given up
	if (!shutdown.aborted) throw error;
}
