/** The checkers on real sockets, files and commands. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer as createHttpServer, type IncomingMessage, type Server } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger, systemClock, systemRandom } from '@orch/base';
import { canTakeDescriptors, takeDescriptors, until } from '@orch/base/testing';
import { afterEach, expect, test } from 'vitest';
import { isDead, readStat } from '../proc-scan.ts';
import { createProcessTable } from '../proc-table.ts';
import { createProcessSet } from '../process-set.ts';
import type { ProbeTarget } from './checker.ts';
import { createExecChecker } from './exec-checker.ts';
import { createHttpChecker } from './http-checker.ts';
import { createLogChecker, Lines, longestLine } from './log-checker.ts';
import { createNotifyChecker } from './notify-checker.ts';
import { createTcpChecker } from './tcp-checker.ts';
import { Turns } from './turns.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
	for (const clean of cleanups.splice(0).reverse()) await clean();
});
const never = () => new AbortController().signal;

async function listen(server: Server | ReturnType<typeof createServer>): Promise<number> {
	await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
	cleanups.push(() => new Promise((resolve) => server.close(resolve)));
	return (server.address() as AddressInfo).port;
}

/** A port on which nobody listens any more. */
async function freePort(): Promise<number> {
	const server = createServer();
	await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
	const { port } = server.address() as AddressInfo;
	await new Promise((resolve) => server.close(resolve));
	return port;
}

async function serve(answer: (request: IncomingMessage) => { status: number; headers?: Record<string, string>; body?: string }) {
	const seen: IncomingMessage[] = [];
	const server = createHttpServer((request, response) => {
		seen.push(request);
		const { status, headers, body } = answer(request);
		response.writeHead(status, headers).end(body);
	});
	const port = await listen(server);
	return { url: `http://127.0.0.1:${port}/health`, seen, server };
}

test('http: any status from 200 to 399 is good, and a redirect is not followed', async () => {
	let status = 200;
	const { url, seen } = await serve(() => ({ status, headers: { location: '/elsewhere' } }));
	const checker = createHttpChecker({ kind: 'http', url });
	for (const [one, ok] of [
		[200, true],
		[204, true],
		[302, true],
		[399, true],
		[400, false],
		[503, false],
	] as const) {
		status = one;
		expect(await checker.look(never())).toEqual({ ok, text: `status ${one}` });
	}
	expect(seen.map((request) => request.url)).toEqual(Array(6).fill('/health'));
});

test('http: a list of statuses holds instead, headers are sent, and no connection is kept', async () => {
	const { url, seen, server } = await serve(({ headers }) => ({
		status: headers['x-token'] === 'secret' ? 401 : 200,
		body: 'x'.repeat(5_000_000),
	}));
	const checker = createHttpChecker({ kind: 'http', url, statuses: [401], headers: { 'X-Token': 'secret' } });
	for (let look = 0; look < 3; look++) expect(await checker.look(never())).toEqual({ ok: true, text: 'status 401' });
	expect(seen.map(({ headers }) => headers.connection)).toEqual(['close', 'close', 'close']);
	await until('connections are closed', async () => {
		const open = await new Promise<number>((resolve) => server.getConnections((_error, count) => resolve(count)));
		return open === 0;
	});
});

test('http: what cannot be reached, and what does not answer in time, is a failure with its reason', async () => {
	const refused = createHttpChecker({ kind: 'http', url: `http://127.0.0.1:${await freePort()}/` });
	expect(await refused.look(never())).toEqual({ ok: false, text: 'connection refused' });

	const silent = createServer();
	let hasClosed = false;
	const connected = new Promise<void>((resolve) => {
		silent.on('connection', (socket) => {
			socket.on('close', () => {
				hasClosed = true;
			});
			socket.on('error', () => {});
			socket.resume();
			resolve();
		});
	});
	const port = await listen(silent);
	const abort = new AbortController();
	const look = createHttpChecker({ kind: 'http', url: `http://127.0.0.1:${port}/` }).look(abort.signal);
	await connected;
	abort.abort();
	expect(await look).toEqual({ ok: false, text: 'no answer' });
	await until('its connection is closed', () => hasClosed);
});

test('tcp: somebody takes the connection, or nobody does', async () => {
	const server = createServer((socket) => socket.on('error', () => {}).resume());
	const port = await listen(server);
	expect(await createTcpChecker({ kind: 'tcp', port }).look(never())).toEqual({ ok: true, text: 'connected' });
	expect(await createTcpChecker({ kind: 'tcp', port: await freePort() }).look(never())).toEqual({
		ok: false,
		text: 'connection refused',
	});
	expect(await createTcpChecker({ kind: 'tcp', port, host: 'no-such-host.invalid' }).look(never())).toMatchObject({ ok: false });
});

async function* once(...chunks: readonly (string | Uint8Array)[]): AsyncGenerator<Uint8Array> {
	for (const chunk of chunks) yield typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
}

test.skipIf(!canTakeDescriptors)(
	'what cannot be asked because we have no descriptor left is no failure of who was to be asked',
	async () => {
		const { checker } = execIn();
		const port = await listen(createServer((socket) => socket.destroy()));
		const looks = [
			createTcpChecker({ kind: 'tcp', port }),
			createHttpChecker({ kind: 'http', url: `http://127.0.0.1:${port}/` }),
			checker('/bin/true'),
		];
		const giveBack = takeDescriptors();
		const answers = looks.map((one) => one.look(never()));
		const seen = await Promise.all(answers).finally(giveBack);
		expect(seen).toEqual(Array(3).fill({ ok: false, text: expect.any(String), notSeen: true }));
	},
);

test('log: a line that matches, of either stream, however it comes in pieces', async () => {
	const lines = { stdout: ['started\nlis', 'tening on \x1b[32m3000\x1b[0m\r\n'], stderr: ['warning\n'] };
	const output = (stream: 'stdout' | 'stderr') => once(...lines[stream]);
	const both = createLogChecker({ kind: 'log', pattern: '^listening on \\d+$' }, { output });
	expect(await both.look(never())).toEqual({ ok: true, text: '"listening on 3000"' });
	const other = createLogChecker({ kind: 'log', pattern: 'listening', stream: 'stderr' }, { output });
	const abort = new AbortController();
	const look = other.look(abort.signal);
	abort.abort();
	expect(await look).toEqual({ ok: false, text: 'no such line' });
});

test('log: a line without its end is no line yet, a line that was there before the look counts once', async () => {
	let release: () => void = () => {};
	const more = new Promise<void>((resolve) => {
		release = resolve;
	});
	let isRead = false;
	async function* source(): AsyncGenerator<Uint8Array> {
		yield Buffer.from('ready');
		isRead = true;
		await more;
		yield Buffer.from(' or not\nready\n');
	}
	const checker = createLogChecker({ kind: 'log', pattern: '^ready$', stream: 'stdout' }, { output: source });
	const early = new AbortController();
	const first = checker.look(early.signal);
	await until('the beginning was read', () => isRead);
	early.abort();
	expect(await first).toEqual({ ok: false, text: 'no such line' });
	release();
	expect((await checker.look(never())).ok).toBe(true);
	const late = new AbortController();
	const third = checker.look(late.signal);
	late.abort();
	expect((await third).ok).toBe(false);
});

test('log: characters are put together again, and of an endless line only the beginning is kept', () => {
	const lines = new Lines();
	const bytes = Buffer.from('é\nb');
	expect([...lines.split(bytes.subarray(0, 1)), ...lines.split(bytes.subarray(1))]).toEqual(['é']);
	for (let part = 0; part < 100; part++) expect([...lines.split(Buffer.alloc(4_096, 'x'))]).toEqual([]);
	expect([...lines.split(Buffer.from('\nend\n'))].map((line) => line.length)).toEqual([longestLine, 3]);
});

test('log: output that cannot be read is a failure with its reason, and is read anew at the next look', async () => {
	let attempts = 0;
	async function* source(): AsyncGenerator<Uint8Array> {
		attempts++;
		if (attempts === 1) throw new Error('permission denied');
		yield Buffer.from('ok\n');
	}
	const checker = createLogChecker({ kind: 'log', pattern: 'ok', stream: 'stdout' }, { output: source });
	// it does not wait for what will not come
	expect(await checker.look(never())).toEqual({ ok: false, text: 'permission denied' });
	expect((await checker.look(never())).ok).toBe(true);
});

test('log: once no look follows the output is not read any more', async () => {
	let isRead = true;
	async function* endless(_stream: string, signal: AbortSignal): AsyncGenerator<Uint8Array> {
		yield Buffer.from('ready\n');
		await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
		isRead = false;
	}
	const checker = createLogChecker({ kind: 'log', pattern: '^ready$', stream: 'stdout' }, { output: endless });
	expect(await checker.look(never())).toEqual({ ok: true, text: '"ready"' });
	expect(isRead).toBe(true);
	checker.done?.();
	await until('nobody reads', () => !isRead);
});

test('log: a pattern that would look at a line in too many ways is given up, and that is the answer from then on', async () => {
	let begun = 0;
	async function* awkward(): AsyncGenerator<Uint8Array> {
		begun++;
		yield Buffer.from(`${'a'.repeat(200)}!\n`);
	}
	const checker = createLogChecker({ kind: 'log', pattern: '^(a+)+$', stream: 'stdout' }, { output: awkward });
	for (let look = 0; look < 3; look++)
		expect(await checker.look(never())).toEqual({ ok: false, text: expect.stringContaining('takes too long') });
	expect(begun).toBe(1);
});

test('log: a pattern that takes its time on long lines is not given up, however many there are at once', async () => {
	async function* talkative(): AsyncGenerator<Uint8Array> {
		yield Buffer.from(`${'x'.repeat(2_048)}\n`.repeat(150));
		yield Buffer.from('Started\n');
	}
	const checker = createLogChecker({ kind: 'log', pattern: '.*Started.*', stream: 'stdout' }, { output: talkative });
	expect(await checker.look(never())).toEqual({ ok: true, text: '"Started"' });
});

test('notify: a newline on the descriptor, or what the program says by its link', async () => {
	const byDescriptor = createNotifyChecker({ notes: () => once('READY', '=1\n') });
	expect(await byDescriptor.look(never())).toEqual({ ok: true, text: 'it said so' });
	const byLink = createNotifyChecker({ notes: () => once() });
	const look = byLink.look(never());
	byLink.said?.();
	expect((await look).ok).toBe(true);
	byLink.said?.();
	expect((await byLink.look(never())).ok).toBe(true);
});

function execIn() {
	const directory = mkdtempSync(join(tmpdir(), 'orch-probe-'));
	cleanups.push(() => rmSync(directory, { recursive: true, force: true }));
	const target: Pick<ProbeTarget, 'set' | 'cwd' | 'env'> = {
		set: createProcessSet({ processId: systemRandom.uuid(), root: undefined, outputDirectory: undefined }),
		cwd: directory,
		env: () => ({ PATH: '/usr/local/bin:/usr/bin:/bin', GREETING: 'hello' }),
	};
	const table = createProcessTable();
	table.register(target.set);
	const options = { clock: systemClock, random: systemRandom, log: silentLogger, table, turns: new Turns(2) };
	const checker = (...command: readonly string[]) => createExecChecker({ kind: 'exec', command }, target, options);
	return { directory, checker, target, options };
}

const isAlive = (pid: number): boolean => {
	const stat = readStat(pid);
	return stat !== undefined && !isDead(stat);
};

/** Whole lines of a file that is being written, as numbers. */
const numbersIn = (path: string): number[] =>
	existsSync(path) ? readFileSync(path, 'utf8').split('\n').slice(0, -1).map(Number) : [];

test('exec: an environment that cannot be read now fails this look, and the next one reads it', async () => {
	const { target, options } = execIn();
	let isShort = true;
	const env = () => {
		if (isShort) throw new Error('EMFILE: too many open files');
		return target.env();
	};
	const checker = createExecChecker(
		{ kind: 'exec', command: ['/bin/sh', '-c', 'echo "$GREETING"'] },
		{ ...target, env },
		options,
	);
	await expect(checker.look(never())).rejects.toThrow('EMFILE');
	isShort = false;
	expect(await checker.look(never())).toEqual({ ok: true, text: 'exit code 0: hello' });
});

test('exec: the exit code decides; the last line it wrote is told; environment and directory are the runtime’s', async () => {
	const { checker, directory } = execIn();
	expect(await checker('/bin/sh', '-c', 'echo "$GREETING from $PWD"; exit 0').look(never())).toEqual({
		ok: true,
		text: `exit code 0: hello from ${directory}`,
	});
	expect(await checker('/bin/sh', '-c', 'echo begin; echo no db >&2; exit 3').look(never())).toEqual({
		ok: false,
		text: 'exit code 3: no db',
	});
	expect(await checker('/bin/sh', '-c', 'kill -9 $$').look(never())).toEqual({ ok: false, text: 'ended by SIGKILL' });
	expect((await checker('./no-such-program').look(never())).text).toContain('is not there');
});

test('exec: it runs as whom the program runs as, and is a failure where that cannot be', async () => {
	const { target, options } = execIn();
	const check = { kind: 'exec', command: ['sh', '-c', 'echo "as $WHO"'] } as const;
	const as = createExecChecker(check, { ...target, before: () => ['/usr/bin/env', 'WHO=nobody'] }, options);
	expect(await as.look(never())).toEqual({ ok: true, text: 'exit code 0: as nobody' });
	const nobody = () => {
		throw new Error('this system has no such user');
	};
	await expect(createExecChecker(check, { ...target, before: nobody }, options).look(never())).rejects.toThrow('no such user');
});

test('exec: a command that writes without end is told in a line, and costs no memory', async () => {
	const { checker } = execIn();
	const answer = await checker('/bin/sh', '-c', 'head -c 3000000 /dev/zero | tr "\\0" x; exit 1').look(never());
	expect([answer.ok, answer.text.length < 300]).toEqual([false, true]);
});

test('exec: what does not end in time is killed with all that it forked, wherever that went', async () => {
	const { checker, directory } = execIn();
	const script =
		'trap "" TERM INT HUP; echo $$ >>pids; setsid sh -c "echo \\$\\$ >>pids; sleep 1000" & sleep 1000 & echo $! >>pids; wait';
	const abort = new AbortController();
	const look = checker('/bin/sh', '-c', script).look(abort.signal);
	const pids = await until('three have begun', () => {
		const found = numbersIn(join(directory, 'pids'));
		return found.length === 3 ? found : undefined;
	});
	abort.abort();
	expect(await look).toEqual({ ok: false, text: 'it did not end' });
	await until('nothing of it is left', () => !pids.some(isAlive));
});

test('exec: what a command leaves in its group when it ends by itself is ended, too', async () => {
	const { checker, directory } = execIn();
	const look = checker('/bin/sh', '-c', 'sleep 1000 & echo $! >pids; exit 0').look(never());
	expect((await look).ok).toBe(true);
	const pids = numbersIn(join(directory, 'pids'));
	expect(pids.length).toBe(1);
	await until('nothing of it is left', () => !pids.some(isAlive));
});

test('turns: so many at a time, the others in their order, and nobody who has gone', async () => {
	const turns = new Turns(1);
	const first = await turns.take(never());
	const gone = new AbortController();
	const order: string[] = [];
	const second = turns.take(gone.signal).catch(() => order.push('gone'));
	const third = turns.take(never()).then((giveBack) => {
		order.push('third');
		giveBack();
	});
	const fourth = turns.take(never()).then(() => order.push('fourth'));
	gone.abort();
	first();
	first();
	await Promise.all([second, third, fourth]);
	expect(order).toEqual(['gone', 'third', 'fourth']);
});
