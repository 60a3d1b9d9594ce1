/** What a runtime may be given beside its program, on processes that exist only here, with time that stands still until it is moved. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '@orch/base';
import { ManualClock, seededRandom, settle } from '@orch/base/testing';
import { afterEach, describe, expect, test } from 'vitest';
import type { ExitStatus } from './exit-record.ts';
import type { SupervisorFault } from './faults.ts';
import type { Listener } from './listeners.ts';
import { OutputStore } from './output/index.ts';
import { defaultRestart, defaultStop, type RestartPolicy, type RuntimeSpec } from './spec.ts';
import type { CommandEnd, CommandRequest } from './stop-command.ts';
import { superviseBy } from './supervisor.ts';
import { FakeProcesses } from './testing/fake-launcher.ts';
import { holdRemoval } from './testing/hold-removal.ts';
import { createMemoryJournal } from './testing/memory-journal.ts';
import type { OpenWatch } from './triggers/index.ts';

const cleanups: (() => void)[] = [];
afterEach(() => {
	for (const clean of cleanups.splice(0)) clean();
});

const id = '01900000-0000-7000-8000-000000000001';

/** One runtime, whose stop commands, listeners and files are the test's. */
function supervise(wish: Partial<RuntimeSpec> = {}) {
	const stateDirectory = mkdtempSync(join(tmpdir(), 'orch-options-'));
	const clock = new ManualClock(Date.UTC(2026, 0, 1));
	const processes = new FakeProcesses();
	const random = seededRandom(1);
	const commands: { readonly request: CommandRequest; readonly end: (end: CommandEnd) => Promise<void>; killed: boolean }[] = [];
	const listeners: Listener[] = [];
	const watches: Parameters<OpenWatch>[0][] = [];
	const supervisor = superviseBy({
		clock,
		random,
		log: silentLogger,
		stateDirectory,
		prepare: () => ({ env: { ORCH_SOCKET: '/s' }, defaults: { A: 'file', HOME: 'file' }, ready: Promise.resolve() }),
		ended: () => {},
		journal: createMemoryJournal(),
		launcher: processes,
		table: processes,
		adoption: processes,
		outputs: new OutputStore({ clock: new ManualClock(), random, log: silentLogger, stateDirectory }),
		findListeners: (ports) => listeners.filter(({ port }) => ports.has(port)),
		openWatch: (options) => {
			watches.push(options);
			return { close: () => watches.splice(watches.indexOf(options), 1) };
		},
		runCommand: (request) => {
			let resolve: (end: CommandEnd) => void = () => {};
			const ended = new Promise<CommandEnd>((settled) => {
				resolve = settled;
			});
			const command = {
				request,
				killed: false,
				end: async (end: CommandEnd) => {
					resolve(end);
					await settle();
				},
			};
			commands.push(command);
			const kill = () => {
				command.killed = true;
				resolve({ kind: 'signal', signal: 'SIGKILL' });
			};
			return { ended, kill };
		},
	});
	const add = (more: Partial<RuntimeSpec> = {}) =>
		supervisor.add({
			id,
			name: 'ping',
			program: '/bin/ping',
			args: [],
			cwd: '/',
			env: { HOME: '/' },
			priority: 'normal',
			privileged: false,
			restart: defaultRestart,
			stop: defaultStop,
			...wish,
			...more,
		});
	add();
	cleanups.push(() => {
		void supervisor.close();
		rmSync(stateDirectory, { recursive: true, force: true });
	});
	const end = async (status: ExitStatus) => {
		processes.last.end(status);
		await settle();
	};
	return { supervisor, clock, processes, commands, listeners, watches, add, end, snapshot: () => supervisor.snapshot(id) };
}

const faultOf = (command: Promise<unknown>): Promise<SupervisorFault> =>
	command.then(
		() => {
			throw new Error('It was not refused');
		},
		(error: { fault: SupervisorFault }) => error.fault,
	);

describe('supervision 3.1.18: which ends are followed by another process', () => {
	const ends: Record<string, ExitStatus> = {
		'exit 0': { kind: 'code', code: 0 },
		'a code that is named': { kind: 'code', code: 3 },
		'another code': { kind: 'code', code: 4 },
		'a signal': { kind: 'signal', signal: 'SIGSEGV', coreDumped: false },
		'an unknown end': { kind: 'unknown', reason: '' },
	};
	const table: readonly (readonly [RestartPolicy['when'], readonly string[], readonly string[]])[] = [
		['no', [], ['another code', 'a signal', 'an unknown end']],
		['on-failure', ['another code', 'a signal', 'an unknown end'], ['another code', 'a signal', 'an unknown end']],
		['always', Object.keys(ends), ['another code', 'a signal', 'an unknown end']],
	];
	for (const [when, again, failures] of table) {
		for (const [name, status] of Object.entries(ends)) {
			test(`${when}, ${name}: ${again.includes(name) ? 'again' : 'it rests'}`, async () => {
				const { supervisor, processes, end, snapshot } = supervise({
					restart: { ...defaultRestart, when, successExitCodes: [3] },
				});
				await supervisor.start(id);
				await end(status);
				expect({ launches: processes.launches.length, status: snapshot().status }).toEqual(
					again.includes(name) ? { launches: 2, status: 'running' } : { launches: 1, status: 'exited' },
				);
				// what is no failure does not count towards giving up
				if (again.includes(name)) expect(snapshot().backoff?.failures ?? 0).toBe(failures.includes(name) ? 1 : 0);
			});
		}
		test(`${when}, a stop: it rests, whatever the end`, async () => {
			const { supervisor, processes } = supervise({ restart: { ...defaultRestart, when } });
			await supervisor.start(id);
			expect((await supervisor.stop(id)).status).toBe('stopped');
			expect(processes.launches).toHaveLength(1);
		});
	}
});

describe('a stop command', () => {
	const stop = { signal: 'SIGTERM', graceMs: 1_000, command: ['drain', '--now'], commandMs: 500 } as const;

	test('supervision 3.1.11: one that hangs is killed at its own timeout, then the stop goes on as always', async () => {
		const { supervisor, clock, processes, commands, snapshot } = supervise({ stop });
		await supervisor.start(id);
		processes.last.answer = (signal) => (signal === 'SIGKILL' ? 'end' : 'ignore');
		const stopped = supervisor.stop(id);
		await clock.advance(499);
		expect({ status: snapshot().status, reason: snapshot().reason, received: processes.last.received }).toEqual({
			status: 'stopping',
			reason: 'its stop command runs: drain --now',
			received: [],
		});
		expect(commands[0]?.killed).toBe(false);
		await clock.advance(1);
		expect(commands[0]?.killed).toBe(true);
		expect(processes.last.received).toEqual(['SIGTERM', 'SIGCONT']);
		expect(snapshot().reason).toBeUndefined();
		await clock.advance(999);
		expect(processes.last.alive).toBe(true);
		await clock.advance(1);
		expect(await stopped).toMatchObject({
			status: 'stopped',
			lastExit: { by: 'kill' },
			warnings: ['stop command: it was not over in its time, and was killed'],
		});
		expect(clock.pending).toBe(0);
	});

	test('it runs in the directory and the environment of the process, told its pid; the signal comes when it is over', async () => {
		const { supervisor, processes, commands } = supervise({ stop });
		const { stdoutPath, stderrPath, processId, pid } = await supervisor.start(id);
		const stopped = supervisor.stop(id);
		await settle();
		expect(commands.map(({ request }) => request)).toEqual([
			{
				command: ['drain', '--now'],
				cwd: '/',
				env: { A: 'file', HOME: '/', ORCH_SOCKET: '/s', ORCH_PROCESS: processId, ORCH_RUNTIME_PID: String(pid) },
				stdoutPath,
				stderrPath,
			},
		]);
		expect(processes.last.received).toEqual([]);
		await commands[0]?.end({ kind: 'code', code: 0 });
		expect(processes.last.received).toEqual(['SIGTERM']);
		expect(await stopped).toMatchObject({ status: 'stopped', lastExit: { by: 'stop', signal: 'SIGTERM' }, warnings: [] });
	});

	test('a program that ends because of it is waited for together with it', async () => {
		const { supervisor, processes, commands, end, snapshot } = supervise({ stop });
		await supervisor.start(id);
		const stopped = supervisor.stop(id);
		await settle();
		await end({ kind: 'code', code: 0 });
		expect(snapshot().status).toBe('stopping');
		await commands[0]?.end({ kind: 'code', code: 0 });
		expect(await stopped).toMatchObject({ status: 'stopped', lastExit: { code: 0, by: 'stop' } });
		expect(processes.last.received).toEqual([]);
	});

	test('one that fails stops nothing, and is told', async () => {
		const { supervisor, commands } = supervise({ stop });
		await supervisor.start(id);
		const stopped = supervisor.stop(id);
		await settle();
		await commands[0]?.end({ kind: 'code', code: 3 });
		expect((await stopped).warnings).toEqual(['stop command: exit code 3']);
	});

	test('a restart runs it too, and a start of the next process does not wait for it twice', async () => {
		const { supervisor, processes, commands } = supervise({ stop });
		await supervisor.start(id);
		const restarted = supervisor.restart(id);
		await settle();
		await commands[0]?.end({ kind: 'code', code: 0 });
		expect(await restarted).toMatchObject({ status: 'running', generation: 2 });
		expect({ commands: commands.length, launches: processes.launches.length }).toEqual({ commands: 1, launches: 2 });
	});

	test('without any grace it is not run; a shorter grace while it runs ends it sooner', async () => {
		const { supervisor, clock, commands, processes } = supervise({ stop });
		await supervisor.start(id);
		expect(await supervisor.stop(id, { graceMs: 0 })).toMatchObject({ status: 'stopped', lastExit: { by: 'kill' } });
		expect(commands).toEqual([]);
		await supervisor.start(id);
		processes.last.answer = (signal) => (signal === 'SIGKILL' ? 'end' : 'ignore');
		const first = supervisor.stop(id);
		await settle();
		const second = supervisor.stop(id, { graceMs: 100 });
		await clock.advance(100);
		expect(commands[0]?.killed).toBe(true);
		await clock.advance(100);
		expect((await Promise.all([first, second])).map(({ status }) => status)).toEqual(['stopped', 'stopped']);
		await supervisor.start(id);
		const third = supervisor.stop(id);
		await settle();
		await supervisor.stop(id, { graceMs: 0 });
		expect(commands[1]?.killed).toBe(true);
		expect((await third).status).toBe('stopped');
		expect(clock.pending).toBe(0);
	});

	test('nothing is run for what has ended by itself', async () => {
		const { supervisor, commands, end } = supervise({ stop, restart: { ...defaultRestart, when: 'no' } });
		await supervisor.start(id);
		await end({ kind: 'code', code: 1 });
		await supervisor.stop(id);
		expect(commands).toEqual([]);
	});

	test('supervision 3.1.12: fifty with commands that hang and programs that ignore SIGTERM are stopped within one command and one grace', async () => {
		const { supervisor, clock, processes, add } = supervise({ stop });
		const ids = [
			id,
			...Array.from({ length: 49 }, (_, at) => `01900000-0000-7000-8000-0000000001${String(at).padStart(2, '0')}`),
		];
		for (const one of ids) {
			if (one !== id) add({ id: one, name: one.slice(-3) });
			await supervisor.start(one);
			processes.last.answer = (signal) => (signal === 'SIGKILL' ? 'end' : 'ignore');
		}
		const stopped = supervisor.stopAll();
		await clock.advance(1_499);
		expect(processes.living).toHaveLength(50);
		await clock.advance(1);
		expect(processes.living).toEqual([]);
		expect(await stopped).toEqual([]);
	});
});

describe('declared ports', () => {
	const taken: Listener = { port: 3000, uid: 0, inode: -1 };

	test('a port that is taken fails the start, and is tried again by the restart policy', async () => {
		const { supervisor, clock, listeners, processes, snapshot } = supervise({ ports: [3000, 3001] });
		listeners.push(taken);
		expect(await faultOf(supervisor.start(id))).toMatchObject({
			kind: 'start_failed',
			fault: { kind: 'port_taken', port: 3000 },
		});
		await settle();
		expect(snapshot()).toMatchObject({ status: 'backoff', reason: expect.stringContaining('port 3000 is in use') });
		listeners.pop();
		await clock.advance(defaultRestart.firstMs * 2);
		expect(snapshot().status).toBe('running');
		expect(processes.launches).toHaveLength(1);
	});

	test('after our own stop the port is waited for, as long as it may take to be let go of', async () => {
		const { supervisor, clock, listeners, snapshot } = supervise({ ports: [3000] });
		await supervisor.start(id);
		listeners.push(taken);
		const restarted = supervisor.restart(id);
		await clock.advance(1_000);
		expect(snapshot().status).toBe('starting');
		listeners.pop();
		await clock.advance(20);
		expect(await restarted).toMatchObject({ status: 'running', generation: 2 });
	});
});

test('the environment: what the spec says goes before files, ours before all; an instance is told its number', async () => {
	const { supervisor, processes } = supervise({ group: { name: 'ping', index: 2 } });
	await supervisor.start(id);
	expect(processes.launches[0]?.request.env).toEqual({ A: 'file', HOME: '/', ORCH_INSTANCE: '2', ORCH_SOCKET: '/s' });
});

test('a schedule that is none, and a user that is not there, are refused when the runtime is added', () => {
	const { add } = supervise();
	const other = '01900000-0000-7000-8000-000000000002';
	const faultOfAdd = (wish: Partial<RuntimeSpec>) => {
		try {
			add({ id: other, name: 'other', ...wish });
		} catch (error) {
			return (error as { fault: SupervisorFault }).fault;
		}
		return undefined;
	};
	expect(faultOfAdd({ schedule: { cron: '61 * * * *', action: 'start' } })).toMatchObject({
		kind: 'bad_schedule',
		reason: "'61 * * * *' is no cron expression: invalid value for minute: 61",
	});
	expect(faultOfAdd({ user: 'nobody-there' })).toMatchObject({ kind: 'bad_user', reason: 'this system has no such user' });
});

describe('triggers', () => {
	test('a scheduled start starts what nobody has started, and says when it is due next', async () => {
		const { clock, snapshot } = supervise({ schedule: { cron: '0 * * * *', timeZone: 'UTC', action: 'start' } });
		expect(snapshot().triggers?.schedule?.nextAt).toBe(Date.UTC(2026, 0, 1, 1));
		await clock.advance(3_600_000);
		expect(snapshot()).toMatchObject({
			status: 'running',
			triggers: { schedule: { nextAt: Date.UTC(2026, 0, 1, 2), lastAt: Date.UTC(2026, 0, 1, 1), last: 'started' } },
		});
	});

	test('a change of a watched file restarts with the reason, the stop is that of any restart', async () => {
		const { supervisor, clock, watches, processes, snapshot } = supervise({ watch: { paths: ['/app'] }, cwd: '/app' });
		expect(watches).toEqual([]);
		await supervisor.start(id);
		expect(watches).toHaveLength(1);
		const reasons: (string | undefined)[] = [];
		supervisor.events.subscribe((event) => event.kind === 'changed' && reasons.push(event.reason));
		watches[0]?.onChange('/app/src/a.js');
		await clock.advance(300);
		expect(processes.launches).toHaveLength(2);
		expect(processes.launches[0]?.program.received).toEqual(['SIGTERM']);
		expect(snapshot()).toMatchObject({
			status: 'running',
			restarts: 0,
			triggers: { watch: { restarts: 1, last: { file: 'src/a.js' } } },
		});
		expect(reasons).toContain('src/a.js changed');
		await supervisor.stop(id);
		expect(watches).toEqual([]);
	});

	test('supervision 3.1.21: a suspended watch is told as a warning, and lifted by the next start by command', async () => {
		const { supervisor, clock, watches, processes, snapshot } = supervise({ watch: { paths: ['/app'] }, cwd: '/app' });
		await supervisor.start(id);
		processes.onLaunch = () => watches[0]?.onChange('/app/out.txt');
		watches[0]?.onChange('/app/a.js');
		await clock.advance(10_000);
		expect(watches).toEqual([]);
		expect(processes.launches).toHaveLength(6);
		expect(snapshot()).toMatchObject({
			status: 'running',
			warnings: [expect.stringMatching(/^its watch is suspended .* out\.txt within 3s/)],
		});
		processes.onLaunch = () => {};
		await supervisor.start(id);
		expect(watches).toHaveLength(1);
		expect(snapshot().warnings).toEqual([]);
	});

	test('one that is being removed takes no other spec, whose schedule and watch would outlive it', async () => {
		const { supervisor, clock, watches, snapshot } = supervise();
		await supervisor.start(id);
		const release = holdRemoval(supervisor.outputs);
		const { spec } = snapshot();
		const removed = supervisor.remove(id, { force: true });
		const respecify = () =>
			supervisor.respecify({ ...spec, schedule: { cron: '* * * * *', action: 'restart' }, watch: { paths: ['/app'] } });
		const refusal = expect.objectContaining({ fault: { kind: 'superseded', name: 'ping', by: 'remove' } });
		expect(respecify).toThrow(refusal);
		await settle();
		// nothing of it runs, and its output is being removed
		expect(snapshot()).toMatchObject({ status: 'stopped', spec });
		expect(respecify).toThrow(refusal);
		release();
		await removed;
		expect(watches).toEqual([]);
		expect(clock.pending).toBe(0);
	});

	test('while everything is stopped nothing is triggered', async () => {
		const { supervisor, clock, watches, processes } = supervise({
			watch: { paths: ['/app'] },
			schedule: { cron: '* * * * *', action: 'restart' },
		});
		await supervisor.start(id);
		await supervisor.stopAll();
		expect(watches).toEqual([]);
		await clock.advance(600_000);
		expect(processes.launches).toHaveLength(1);
	});
});
