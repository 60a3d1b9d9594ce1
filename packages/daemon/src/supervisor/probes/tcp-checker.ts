/** Asks by TCP: whether somebody takes the connection, which is closed at once. */
import { connect } from 'node:net';
import type { ProbeCheck } from '../spec.ts';
import type { Answer, Checker } from './checker.ts';
import { notConnected } from './failed-look.ts';
import { defaultHost } from './plan.ts';

export function createTcpChecker({ port, host = defaultHost }: ProbeCheck & { readonly kind: 'tcp' }): Checker {
	return {
		look: (signal) =>
			new Promise((resolve) => {
				const socket = connect({ port, host });
				const settle = (answer: Answer) => {
					signal.removeEventListener('abort', aborted);
					socket.destroy();
					resolve(answer);
				};
				const aborted = () => settle({ ok: false, text: 'no connection' });
				socket.on('connect', () => {
					// where nobody listens, the system may choose the very port for our end, and connects it to itself
					const isItself = socket.localPort === socket.remotePort && socket.localAddress === socket.remoteAddress;
					settle(isItself ? { ok: false, text: 'connection refused' } : { ok: true, text: 'connected' });
				});
				socket.on('error', (error) => settle(notConnected(error)));
				if (signal.aborted) aborted();
				else signal.addEventListener('abort', aborted, { once: true });
			}),
	};
}
