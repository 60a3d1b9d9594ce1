/** Asks by HTTP: one request on a connection of its own, of whose answer only the status counts. */
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { ProbeCheck } from '../spec.ts';
import type { Answer, Checker } from './checker.ts';
import { notConnected } from './failed-look.ts';

export function createHttpChecker({ url, headers, statuses }: ProbeCheck & { readonly kind: 'http' }): Checker {
	const isGood = (status: number) => (statuses ? statuses.includes(status) : status >= 200 && status <= 399);
	return {
		look: (signal) =>
			new Promise((resolve) => {
				const send = url.startsWith('https:') ? requestHttps : requestHttp;
				// kept connections would keep a program from ending; who it says it is matters no more than on a loopback
				const options = { agent: false, headers: { 'user-agent': 'orch-probe', ...headers }, rejectUnauthorized: false } as const;
				const request = send(url, options, ({ statusCode = 0 }) =>
					settle({ ok: isGood(statusCode), text: `status ${statusCode}` }),
				);
				const settle = (answer: Answer) => {
					signal.removeEventListener('abort', aborted);
					// with the rest of the answer, however long it is, and the connection
					request.destroy();
					resolve(answer);
				};
				const aborted = () => settle({ ok: false, text: 'no answer' });
				request.on('error', (error) => settle(notConnected(error)));
				if (signal.aborted) aborted();
				else signal.addEventListener('abort', aborted, { once: true });
				request.end();
			}),
	};
}
