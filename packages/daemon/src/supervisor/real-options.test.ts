/** What a runtime may be given beside its program, with real programs. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '@orch/base/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { SupervisorFault } from './faults.ts';
import { isAlive, python, type Real, superviseReally } from './testing/real.ts';

let real: Real;
beforeEach(() => {
	real = superviseReally(() => ({ env: { ORCH_SOCKET: '/nowhere' }, ready: Promise.resolve() }));
});
afterEach(() => real.close());

const sh = '/bin/sh';
const linesOf = (name: string): string[] => {
	const path = join(real.directory, name);
	return existsSync(path) ? readFileSync(path, 'utf8').split('\n').slice(0, -1) : [];
};
const line = (name: string): Promise<string> => until(`a line in ${name}`, () => linesOf(name)[0]);

test('a stop command sees the program alive, in its directory and environment, and writes to its output', async () => {
	const id = real.add(sh, ['-c', 'echo up; while :; do sleep 0.05; done'], {
		env: { PATH: '/usr/bin:/bin', A: 'of the spec' },
		stop: {
			signal: 'SIGTERM',
			graceMs: 5_000,
			command: [sh, '-c', 'kill -0 "$ORCH_RUNTIME_PID" && echo "alive $A $ORCH_SOCKET $PWD"; echo oops >&2'],
		},
	});
	const { pid, stdoutPath, stderrPath } = await real.supervisor.start(id);
	const stopped = await real.supervisor.stop(id);
	expect(stopped).toMatchObject({ status: 'stopped', warnings: [], lastExit: { by: 'stop', signal: 'SIGTERM' } });
	expect(isAlive(pid ?? 0)).toBe(false);
	expect(readFileSync(stdoutPath, 'utf8')).toContain(`alive of the spec /nowhere ${real.directory}\n`);
	expect(readFileSync(stderrPath, 'utf8')).toBe('oops\n');
});

test('supervision 3.1.11: a stop command that hangs is killed with what it forked, then the stop goes on', async () => {
	const hang = 'echo $$ >> pids; sleep 1000 & echo $! >> pids; setsid sleep 1000 & echo $! >> pids; wait';
	const id = real.add(sh, ['-c', 'exec sleep 1000'], {
		stop: { signal: 'SIGTERM', graceMs: 10_000, command: [sh, '-c', hang], commandMs: 5_000 },
	});
	await real.supervisor.start(id);
	const stopping = real.supervisor.stop(id);
	// its time begins when it is there: on a slow machine that is before it has forked, and it has enough of it
	await until('it has forked', () => existsSync(join(real.directory, 'pids')) && linesOf('pids').length === 3);
	const stopped = await stopping;
	expect(stopped).toMatchObject({ status: 'stopped', escaped: [], lastExit: { by: 'stop', signal: 'SIGTERM' } });
	expect(stopped.warnings).toEqual(['stop command: it was not over in its time, and was killed']);
	expect(linesOf('pids').map(Number).filter(isAlive)).toEqual([]);
});

test('a stop command that cannot be run stops nothing', async () => {
	const id = real.add(sh, ['-c', 'exec sleep 1000'], {
		stop: { signal: 'SIGTERM', graceMs: 5_000, command: ['no-such-command-here'] },
	});
	await real.supervisor.start(id);
	const stopped = await real.supervisor.stop(id);
	expect(stopped.status).toBe('stopped');
	expect(stopped.warnings).toEqual([expect.stringContaining('ENOENT')]);
});

test('a declared port that somebody has is named with its holder, and taken once it is free', async () => {
	const server: Server = createServer();
	await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
	const { port } = server.address() as { port: number };
	const listen = `import socket, time; s = socket.create_server(("0.0.0.0", ${port})); print("listens", flush=True); time.sleep(1000)`;
	const id = real.add(python, ['-S', '-c', listen], { ports: [port] });
	try {
		const fault = await real.supervisor.start(id).then(
			() => undefined,
			(error: { fault: SupervisorFault }) => error.fault,
		);
		expect(fault).toMatchObject({ kind: 'start_failed', fault: { kind: 'port_taken', port, holder: { pid: process.pid } } });
	} finally {
		await new Promise((resolve) => server.close(resolve));
	}
	const { stdoutPath } = await real.supervisor.start(id);
	await until('it listens', () => readFileSync(stdoutPath, 'utf8').includes('listens'));
	// its own port is let go of before the next process wants it
	expect(await real.supervisor.restart(id)).toMatchObject({ status: 'running', generation: 3 });
	const other = real.add(sh, ['-c', 'exec sleep 1000'], { ports: [port] });
	await until('it listens again', () => readFileSync(stdoutPath, 'utf8').split('listens').length > 2);
	const taken = await real.supervisor.start(other).then(
		() => '',
		(error: Error) => error.message,
	);
	expect(taken).toContain(`port ${port} is in use by`);
});

test('a umask is the program’s alone', async () => {
	const masked = real.add(sh, ['-c', 'umask > masked; exec sleep 1000'], { umask: '027' });
	const plain = real.add(sh, ['-c', 'umask > plain; exec sleep 1000']);
	await Promise.all([real.supervisor.start(masked), real.supervisor.start(plain)]);
	expect(await line('masked')).toMatch(/^0*27$/);
	expect(Number.parseInt(await line('plain'), 8)).toBe(process.umask());
});

const isRoot = process.getuid?.() === 0;

test.runIf(isRoot)(
	'a program runs as another user, with his home, may open its output again, and is stopped like any other',
	async () => {
		const told =
			'/bin/sh -c \'id -un; id -G; echo "$HOME $USER $LOGNAME"; echo reopened >> /dev/stdout\'; echo done; exec sleep 1000';
		const id = real.add(sh, ['-c', told], {
			cwd: '/',
			user: 'nobody',
			env: { PATH: '/usr/bin:/bin', USER: 'mine' },
			stop: { signal: 'SIGTERM', graceMs: 10_000 },
		});
		const { pid, stdoutPath } = await real.supervisor.start(id);
		const text = await until('it has told', () => {
			const all = readFileSync(stdoutPath, 'utf8');
			return all.includes('done\n') && all;
		});
		expect(text).toBe('nobody\n65534\n/nonexistent mine nobody\nreopened\ndone\n');
		expect(readFileSync(`/proc/${pid}/status`, 'utf8')).toMatch(/^Uid:\t65534\t65534\t65534\t65534$/m);
		expect(await real.supervisor.stop(id)).toMatchObject({ status: 'stopped', lastExit: { signal: 'SIGTERM', by: 'stop' } });
	},
);

test.runIf(isRoot)('a stop command runs as the user of the runtime, too', async () => {
	const id = real.add(sh, ['-c', 'exec sleep 1000'], {
		cwd: '/',
		user: 'nobody',
		stop: { signal: 'SIGTERM', graceMs: 5_000, command: [sh, '-c', 'id -un'] },
	});
	const { stdoutPath } = await real.supervisor.start(id);
	await real.supervisor.stop(id);
	expect(readFileSync(stdoutPath, 'utf8')).toBe('nobody\n');
});

test('a change of a watched file restarts the real program', async () => {
	// not in the supervisor's own directory: nothing there triggers anything
	const cwd = mkdtempSync(join(tmpdir(), 'orch-watched-'));
	const source = join(cwd, 'tree.txt');
	writeFileSync(source, 'one\n');
	const seen = join(real.directory, 'seen');
	const id = real.add(sh, ['-c', `cat tree.txt >> ${seen}; exec sleep 1000`], { cwd, watch: { paths: [source], quietMs: 50 } });
	await real.supervisor.start(id);
	await until('it has run', () => linesOf('seen').length === 1);
	let written = 0;
	await until('it has been restarted', () => {
		// until the watcher is there no change is noticed
		if (linesOf('seen').length === 1) writeFileSync(source, `two ${written++}\n`);
		return linesOf('seen').length > 1;
	});
	expect(linesOf('seen')[1]).toMatch(/^two/);
	expect(real.supervisor.snapshot(id).triggers?.watch).toMatchObject({ last: { file: 'tree.txt' }, suspended: undefined });
	rmSync(cwd, { recursive: true, force: true });
});
