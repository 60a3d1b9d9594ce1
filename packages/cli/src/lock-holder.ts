/** Who holds the lock of a socket on which nobody listens: an orchd that is starting or stopping, or whose socket somebody has removed. */
import { createHash } from 'node:crypto';
import { createConnection } from 'node:net';
import { type HolderState, lockName } from '@orch/protocol/wire';

export interface Holder {
	readonly pid: number;
	/** Undefined where it is one of an older orch, or does not say in time. */
	readonly state: HolderState | undefined;
}

/** How long a holder may take: to be asked may bring it to listen anew. */
const answerMs = 2_000;
const longestAnswer = 4_096;

/** Undefined where nobody holds it, and `cannot tell` where there are no such locks. */
export function holderOf(
	socket: string,
	uid: number,
	platform: NodeJS.Platform = process.platform,
): Promise<Holder | undefined | 'cannot tell'> {
	if (platform !== 'linux') return Promise.resolve('cannot tell');
	const path = lockName('socket', socket, uid, (text) => createHash('sha256').update(text).digest('hex'));
	return new Promise((resolve) => {
		let text = '';
		const connection = createConnection({ path });
		const done = () => {
			connection.destroy();
			const [pid = '', state] = text.split('\n');
			resolve(/^\d+$/.test(pid) ? { pid: Number(pid), state: (state || undefined) as HolderState | undefined } : undefined);
		};
		connection.setTimeout(answerMs, done);
		connection.on('data', (bytes) => {
			text += bytes.toString('utf8');
			if (text.length > longestAnswer) done();
		});
		connection.on('error', done);
		connection.on('end', done);
	});
}
