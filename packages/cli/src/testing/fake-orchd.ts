/** The fake daemon as a program: what `orch daemon start` starts in tests. `FAKE_ORCHD` says how it fails. */
import { once } from 'node:events';
import { existsSync, watch } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startFakeDaemon } from './fake-daemon.ts';

async function main(): Promise<void> {
	const { values } = parseArgs({ options: { socket: { type: 'string' }, home: { type: 'string' } } });
	const mode = process.env['FAKE_ORCHD'];
	if (mode === 'fails') {
		console.error('cannot open the state: it is on fire');
		process.exit(1);
	}
	if (mode === 'locked') process.exit(7);
	if (mode === 'late') {
		// it finds another one, but not before it is let go on
		const home = values.home as string;
		const watcher = watch(home);
		console.error(JSON.stringify({ pid: process.pid }));
		const signal = AbortSignal.timeout(60_000);
		while (!existsSync(join(home, 'go'))) await once(watcher, 'change', { signal });
		process.exit(7);
	}
	const daemon = await startFakeDaemon({ socket: values.socket as string });
	const end = () => void daemon[Symbol.asyncDispose]().then(() => process.exit(0));
	daemon.override('daemon.stop', async () => {
		// the answer goes out first, as the real one does it
		setImmediate(end);
		return { stopped: 2, kept: 0 };
	});
	for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, end);
	const inherited = Object.keys(process.env).filter((name) => /^(ORCH|VEECLE)_/.test(name));
	console.error(JSON.stringify({ cwd: process.cwd(), args: process.argv.slice(2), inherited, pid: process.pid }));
}

void main();
