import { createServer, type Server } from 'node:net';
import { networkInterfaces } from 'node:os';
import { ManualClock, settle } from '@orch/base/testing';
import { systemClock } from '@orch/base';
import { afterEach, expect, test } from 'vitest';
import { describeLaunchFault, type LaunchError } from './faults.ts';
import { type Listener, parseListeners, portsAreFree } from './listeners.ts';

const servers: Server[] = [];
afterEach(() => {
	for (const server of servers.splice(0)) server.close();
});

async function listen(host: string): Promise<number> {
	const server = createServer();
	servers.push(server);
	await new Promise<void>((resolve) => server.listen(0, host, resolve));
	return (server.address() as { port: number }).port;
}

const never = new AbortController().signal;
const faultOf = (work: Promise<void>) =>
	work.then(
		() => undefined,
		(error: LaunchError) => error.fault,
	);

test('a port that is listened on is taken, whatever the address, and its holder is named', async () => {
	const hasV6 = Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === '::1'));
	for (const host of ['127.0.0.1', '0.0.0.0', ...(hasV6 ? ['::1'] : [])]) {
		const port = await listen(host);
		const fault = await faultOf(portsAreFree({ ports: [port], clock: systemClock, signal: never, patienceMs: 0 }));
		expect(fault).toMatchObject({ kind: 'port_taken', port, holder: { pid: process.pid } });
		expect(fault && describeLaunchFault(fault)).toMatch(
			new RegExp(`^port ${port} is in use by pid ${process.pid} \\(.*node.*\\)$`),
		);
	}
	const free = await listen('127.0.0.1');
	await new Promise((resolve) => servers.pop()?.close(resolve));
	expect(await faultOf(portsAreFree({ ports: [free], clock: systemClock, signal: never, patienceMs: 0 }))).toBeUndefined();
});

test('the table of sockets is read: those that listen, in both families', () => {
	const tcp = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 12345 1 0000000000000000 100 0 0 10 0
   1: 0100007F:0050 0100007F:C350 01 00000000:00000000 00:00000000 00000000     0        0 12346 1 0000000000000000 20 4 30 10 -1
`;
	const tcp6 = `  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000000000000000000000000000:01BB 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 99 1 0000000000000000 100 0 0 10 0
`;
	expect(parseListeners(tcp)).toEqual([{ port: 8080, uid: 1000, inode: 12345 }]);
	expect(parseListeners(tcp6)).toEqual([{ port: 443, uid: 0, inode: 99 }]);
	expect(parseListeners('')).toEqual([]);
});

test('what we have just stopped is given a moment to let go of its port, and no more than that', async () => {
	const clock = new ManualClock();
	let taken: Listener[] = [{ port: 80, uid: 33, inode: 1 }];
	const wish = { ports: [80], clock, signal: never, patienceMs: 2_000, find: () => taken, holderOf: () => undefined };
	let isFree = false;
	void portsAreFree(wish).then(() => {
		isFree = true;
	});
	await clock.advance(1_000);
	expect(isFree).toBe(false);
	taken = [];
	await clock.advance(20);
	expect(isFree).toBe(true);

	taken = [{ port: 80, uid: 33, inode: 1 }];
	const refused = faultOf(portsAreFree(wish));
	await clock.advance(2_000);
	const fault = await refused;
	expect(fault).toEqual({ kind: 'port_taken', port: 80, uid: 33, holder: undefined });
	expect(fault && describeLaunchFault(fault)).toBe(
		'port 80 is in use by a process of the user with the number 33, which may not be looked at',
	);
	expect(clock.pending).toBe(0);

	const abort = new AbortController();
	const abandoned = portsAreFree({ ...wish, signal: abort.signal }).catch((error: unknown) => error);
	await settle();
	abort.abort('stopped');
	expect(await abandoned).toBe('stopped');
	expect(clock.pending).toBe(0);
});
