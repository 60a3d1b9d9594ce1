/** The same two programs of the SDK, joined by the router or by the bare relay. */
import { baselinePath, programPath, startProgram } from './children.mjs';
import { processorMicros } from './processes.mjs';
import { startRouter } from './router.mjs';

/** Each gives {left, right: environments, pid of what is in the middle, stop}. `forth` and `back`: type names. */
export const middles = {
	async router(scratch, { forth, back, nodeArgs }) {
		const links = [
			...forth.map((type) => ({ from: 'left', type, to: 'right' })),
			...back.map((type) => ({ from: 'right', type, to: 'left' })),
		];
		const router = await startRouter(scratch, ['left', 'right'], links, { nodeArgs });
		return {
			left: router.environmentOf('left'),
			right: router.environmentOf('right'),
			pid: router.pid,
			stop: () => router.stop(),
			router,
		};
	},
	async relay(scratch, { forth, back }) {
		const directory = scratch.fresh('b');
		const types = [...forth, ...back].map((name, index) => ({ id: index + 1, name, codec: 'raw' }));
		const sides = [
			{ path: `${directory}/left.sock`, declares: forth.length > 0 },
			{ path: `${directory}/right.sock`, declares: back.length > 0 },
		];
		const relay = startProgram(scratch, baselinePath('relay.mjs'), { sides, types });
		await relay.hears('ready');
		const environment = ({ path }) => ({
			ORCH_IPC_SOCKET: path,
			ORCH_IPC_TOKEN: 'none',
			ORCH_RUNTIME_ID: 'none',
			ORCH_RUNTIME_NAME: 'none',
		});
		return { left: environment(sides[0]), right: environment(sides[1]), pid: relay.pid, stop: () => relay.end() };
	},
};

/** How many messages of a size make a run of one or two seconds. */
export function countFor(size, quick) {
	const full = size <= 64 ? 4_000_000 : size <= 1024 ? 2_000_000 : size <= 8192 ? 300_000 : 25_000;
	return quick ? full / 10 : full;
}

/** One sender, one receiver: messages per second once warm, and the processor time that the middle took for each. */
export async function throughput(scratch, middleOf, { size, count, profile }) {
	const warm = Math.floor(count / 3);
	const middle = await middleOf(scratch, { forth: ['Data'], back: [], nodeArgs: profile?.middle });
	const receiver = startProgram(
		scratch,
		programPath('sdk-receiver.mjs'),
		{ type: 'Data', warm, count },
		{ env: middle.right, nodeArgs: profile?.receiver },
	);
	await receiver.hears('ready');
	const sender = startProgram(
		scratch,
		programPath('sdk-sender.mjs'),
		{ types: ['Data'], size, count: warm + count },
		{ env: middle.left, nodeArgs: profile?.sender },
	);
	await sender.hears('ready');
	const before = processorMicros(middle.pid);
	sender.tell('go');
	const done = await receiver.hears('done');
	const middleMicros = processorMicros(middle.pid) - before;
	const sent = await sender.hears('sent');
	await sender.done();
	await receiver.end();
	await middle.stop();
	if (done.seen !== warm + count || done.bytes !== (warm + count) * size || done.dropped !== 0)
		throw new Error(`messages were lost: ${JSON.stringify(done)}`);
	const messages = warm + count;
	return {
		perSecond: (count / done.nanos) * 1e9,
		middleMicrosPerMessage: middleMicros / messages,
		senderMicrosPerMessage: sent.cpuMicros / messages,
		receiverMicrosPerMessage: done.cpuMicros / count,
	};
}

/** One message at a time, to and fro. */
export async function roundTrip(scratch, middleOf, { size, count, profile }) {
	const middle = await middleOf(scratch, { forth: ['Ping'], back: ['Pong'], nodeArgs: profile?.middle });
	const echo = startProgram(scratch, programPath('sdk-echo.mjs'), {}, { env: middle.right });
	const asker = startProgram(
		scratch,
		programPath('sdk-asker.mjs'),
		{ size, warm: Math.floor(count / 4), count },
		{ env: middle.left },
	);
	await asker.hears('ready');
	const before = processorMicros(middle.pid);
	asker.tell('go');
	const done = await asker.hears('done');
	const middleMicrosPerMessage = (processorMicros(middle.pid) - before) / (2.5 * count);
	await asker.done();
	await echo.end();
	await middle.stop();
	return { ...done, middleMicrosPerMessage };
}
