/** One client connection of the control protocol, to a daemon or to a router. */
import { connectUnix, socketChannel } from '@orch/base';
import { createCaller, ourHello, Session } from '@orch/protocol/wire';
import { until } from './wait.mjs';

/** `given`: rejects when whoever should listen there has ended. */
export async function controlClient(scratch, socketPath, given) {
	// the file of the socket is there a moment before somebody listens
	const connected = until(() => connectUnix(socketPath).catch(() => undefined), 20_000, `a connection to ${socketPath}`);
	const channel = socketChannel(await Promise.race([connected, given]));
	const session = new Session({ channel, role: 'client', hello: ourHello('orch-bench', process.pid) });
	channel.bind({
		receive: (bytes) => session.receive(bytes),
		writable: () => session.writable(),
		disconnected: (reason) => session.disconnected(reason),
	});
	await session.hello();
	const caller = createCaller(session);
	const close = scratch.add(() => session.close());
	return { call: caller.call, stream: caller.stream, close };
}
