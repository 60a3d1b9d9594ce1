/** Starts orchd as a process of its own, and waits until it answers or says why it does not. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, statSync } from 'node:fs';
import { makePrivateDirectory } from '@orch/base/directory';
import type { Places } from '@orch/protocol/wire';
import { type Connection, helloOf, openConnection } from './connect.ts';
import { isDaemonMissing } from './connect-failure.ts';
import { lastLogLines } from './daemon-log.ts';
import { CliError } from './errors.ts';
import { holderOf } from './lock-holder.ts';
import { systemctl, systemctlLine, unitFor } from './systemd/systemd.ts';
import { type Scope, unitName } from './systemd/unit.ts';
import type { World } from './world.ts';

/** From the start of the program to its first answer; a machine under load takes seconds for what else takes 200 ms. */
const answersWithinMs = 30_000;
const lookEveryMs = 20;
/** An orchd that ends with this code has found another one that holds the socket: that one will answer. */
const anotherOneRuns = 7;
const shownLines = 5;

export interface StartedDaemon {
	readonly connection: Connection;
	/** Undefined where another client was faster: then its orchd is the one that answers. */
	readonly pid: number | undefined;
}

export async function startDaemon(world: World, places: Places): Promise<StartedDaemon> {
	const scope = unitFor(world, places.socket);
	return scope === undefined ? spawnDaemon(world, places) : startUnit(world, places, scope);
}

/** One that systemd knows: started by hand it would be in its way, and end with this session. */
async function startUnit(world: World, places: Places, scope: Scope): Promise<StartedDaemon> {
	const logFrom = statSync(places.logFile, { throwIfNoEntry: false })?.size ?? 0;
	const reason = systemctl(world, scope, 'start', unitName);
	if (reason !== undefined) {
		const lines = lastLogLines(places.logFile, shownLines, logFrom);
		const line = systemctlLine(scope, 'start', unitName);
		throw new CliError('daemon.start_failed', { reason: `${line} failed: ${reason}`, log: places.logFile, lines });
	}
	const connection = await firstAnswer(world, places, new Promise(() => {}), logFrom);
	return { connection, pid: (await connection.session.hello()).pid };
}

async function spawnDaemon(world: World, places: Places): Promise<StartedDaemon> {
	const program = world.daemonProgram();
	makeHome(places.home);
	const logFrom = statSync(places.logFile, { throwIfNoEntry: false })?.size ?? 0;
	const log = openSync(places.logFile, 'a', 0o600);
	let child: ChildProcess;
	try {
		child = spawn(process.execPath, [program, ...daemonArgs(places)], {
			detached: true,
			cwd: '/',
			env: daemonEnv(world.env),
			stdio: ['ignore', log, log],
		});
	} finally {
		closeSync(log);
	}
	const ended = new Promise<string | typeof anotherOneRuns>((resolve) => {
		child.once('error', (error) => resolve(error.message));
		child.once('exit', (code, signal) => {
			if (code === anotherOneRuns) resolve(anotherOneRuns);
			else resolve(signal ? `it was killed by ${signal}` : `it ended with exit code ${code}`);
		});
	});
	child.unref();
	const connection = await firstAnswer(world, places, ended, logFrom);
	const { pid } = await connection.session.hello();
	if (pid === child.pid) return { connection, pid };
	await untilBeaten(world, ended, connection);
	return { connection, pid: undefined };
}

function makeHome(home: string): void {
	try {
		makePrivateDirectory(home);
	} catch (cause) {
		throw new CliError('state.unusable', { home, reason: (cause as Error).message }, { cause });
	}
}

/**
 * One that was slower finds the socket taken, and ends. Left behind before it has looked, it would serve as soon as the other is
 * stopped, which nobody asked for any more.
 */
async function untilBeaten(world: World, ended: Promise<unknown>, { closed }: Connection): Promise<void> {
	const over = new AbortController();
	await Promise.race([ended, closed, world.clock.sleep(answersWithinMs, over.signal).catch(() => {})]);
	over.abort();
}

export const daemonArgs = (places: Places): string[] => ['--socket', places.socket, '--home', places.home];

/** What an enclosing runtime was given is not for orchd, which it would hand on; where it listens and keeps its state is. */
export function daemonEnv(env: World['env']): Record<string, string> {
	const kept = ['ORCH_SOCKET', 'ORCH_HOME', 'ORCH_LOG'];
	const inherited = Object.entries(env).filter(
		([name]) => kept.includes(name) || !(name.startsWith('ORCH_') || name.startsWith('VEECLE_')),
	);
	return Object.fromEntries(inherited.filter((entry): entry is [string, string] => entry[1] !== undefined));
}

async function firstAnswer(
	world: World,
	places: Places,
	ended: Promise<string | typeof anotherOneRuns>,
	logFrom: number,
): Promise<Connection> {
	let end: string | typeof anotherOneRuns | undefined;
	void ended.then((reason) => {
		end = reason;
	});
	const deadline = world.clock.monotonicMs() + answersWithinMs;
	const failed = (reason: string) =>
		new CliError('daemon.start_failed', {
			reason,
			log: places.logFile,
			lines: lastLogLines(places.logFile, shownLines, logFrom),
		});
	for (;;) {
		// looked at first: what ended before this try will not answer it
		const endedBefore = end;
		const connection = openConnection(world, places);
		try {
			await helloOf(connection, world.clock, Math.max(0, deadline - world.clock.monotonicMs()));
			return connection;
		} catch (error) {
			connection.close();
			if (isVersionMismatch(error)) throw error;
			// one that stops just now closes the connection; the one that was started is told to wait its turn, or ends
			if (error instanceof CliError && !isDaemonMissing(error)) throw error;
			if (typeof endedBefore === 'string') throw failed(endedBefore);
			if (endedBefore === anotherOneRuns && !(await mayAnswer(world, places)))
				throw failed(`it ended with exit code ${anotherOneRuns}`);
			if (world.clock.monotonicMs() >= deadline) throw failed(`no answer within ${answersWithinMs / 1000} s`);
		}
		await Promise.race([world.clock.sleep(lookEveryMs), ended]);
		if (end === anotherOneRuns) await world.clock.sleep(lookEveryMs);
	}
}

/** Whether the one that was found may still answer here: not where it holds the state alone, nor where it cannot listen. */
async function mayAnswer(world: World, { socket }: Places): Promise<boolean> {
	const holder = await holderOf(socket, world.uid);
	return holder === 'cannot tell' || (holder !== undefined && !holder.state?.startsWith('cannot listen'));
}

const isVersionMismatch = (error: unknown): boolean =>
	error instanceof Error && (error as { code?: unknown }).code === 'protocol.version';
