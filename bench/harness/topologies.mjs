/** What has no baseline: the router's worst case for joining neighbours, and clients without an SDK. */
import { programPath, startProgram } from './children.mjs';
import { processorMicros } from './processes.mjs';
import { startRouter } from './router.mjs';

/** One sender, eight types in turn, each to a receiver of its own. */
export async function eightToEight(scratch, { size, count, nodeArgs }) {
	const names = Array.from({ length: 8 }, (_, index) => `receiver-${index}`);
	const types = names.map((_, index) => `Type${index}`);
	const links = names.map((to, index) => ({ from: 'sender', type: types[index], to }));
	const router = await startRouter(scratch, ['sender', ...names], links, { nodeArgs });
	const each = Math.floor(count / 8);
	const warm = Math.floor(each / 3);
	const receivers = names.map((name, index) =>
		startProgram(
			scratch,
			programPath('sdk-receiver.mjs'),
			{ type: types[index], warm, count: each },
			{ env: router.environmentOf(name) },
		),
	);
	await Promise.all(receivers.map((receiver) => receiver.hears('ready')));
	const total = (warm + each) * 8;
	const sender = startProgram(
		scratch,
		programPath('sdk-sender.mjs'),
		{ types, size, count: total },
		{ env: router.environmentOf('sender') },
	);
	await sender.hears('ready');
	const before = processorMicros(router.pid);
	sender.tell('go');
	const done = await Promise.all(receivers.map((receiver) => receiver.hears('done')));
	const middleMicrosPerMessage = (processorMicros(router.pid) - before) / total;
	await sender.done();
	await Promise.all(receivers.map((receiver) => receiver.end()));
	await router.stop();
	return { perSecond: done.reduce((sum, { nanos }) => sum + (each / nanos) * 1e9, 0), middleMicrosPerMessage };
}

/** A sender and a receiver that know nothing but lines of JSON. Such a sender has no credit: the mailbox has to hold its lead. */
export async function jsonLines(scratch, { size, count, nodeArgs }) {
	const warm = Math.floor(count / 3);
	const total = warm + count;
	const router = await startRouter(
		scratch,
		['sender', 'receiver'],
		[{ from: 'sender', type: 'Data', to: 'receiver', messages: total, bytes: 2 ** 31 }],
		{ nodeArgs },
	);
	const receiver = startProgram(
		scratch,
		programPath('json-receiver.mjs'),
		{ type: 'Data', warm, count },
		{ env: router.environmentOf('receiver') },
	);
	await receiver.hears('ready');
	const sender = startProgram(
		scratch,
		programPath('json-sender.mjs'),
		{ type: 'Data', size, count: total },
		{ env: router.environmentOf('sender') },
	);
	await sender.hears('ready');
	const before = processorMicros(router.pid);
	sender.tell('go');
	const done = await receiver.hears('done');
	const middleMicrosPerMessage = (processorMicros(router.pid) - before) / total;
	await sender.done();
	await receiver.end();
	await router.stop();
	return { perSecond: (count / done.nanos) * 1e9, middleMicrosPerMessage };
}
