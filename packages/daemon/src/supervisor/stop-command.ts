/** The command that is run before a runtime is asked to end: in its environment and directory, with its output, ended with its group. */
import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { cookieName } from './process-set.ts';
import type { RuntimeSpec } from './spec.ts';
import { userOf, wordsToBecome } from './user.ts';

/** How long one may take where the policy says nothing else. */
export const defaultCommandMs = 10_000;

/** What an ending has to know of a stop command. */
export interface StopCommand {
	/** For people. */
	readonly text: string;
	/** How long it may take. */
	readonly ms: number;
	/** Begins it; `onOver` is called once, never within this call. Gives what ends it at once, with its group. */
	run(onOver: () => void): () => void;
}

export interface CommandRequest {
	/** A program, looked up on the PATH of `env` where it has no slash, and its arguments. */
	readonly command: readonly string[];
	readonly cwd: string;
	/** The whole environment. */
	readonly env: Readonly<Record<string, string>>;
	/** Appended to. */
	readonly stdoutPath: string;
	readonly stderrPath: string;
}

export interface RunningCommand {
	/** Never rejects. */
	readonly ended: Promise<CommandEnd>;
	/** SIGKILL to it and all that is in its group; tolerant of being called after its end. */
	kill(): void;
}

export type CommandEnd =
	| { readonly kind: 'code'; readonly code: number }
	| { readonly kind: 'signal'; readonly signal: string }
	/** It could not be run at all. */
	| { readonly kind: 'failed'; readonly reason: string };

export type RunCommand = (request: CommandRequest) => RunningCommand;

/**
 * In a session and a group of its own. What it forks and leaves behind has the cookie of the process that is being stopped
 * (it is in `env`), and so is ended with that one.
 */
export const runCommand: RunCommand = ({ command: [program = '', ...args], cwd, env, stdoutPath, stderrPath }) => {
	const files: number[] = [];
	const open = (path: string): number => {
		const file = openSync(path, 'a', 0o600);
		files.push(file);
		return file;
	};
	try {
		const child = spawn(program, args, { cwd, env, detached: true, stdio: ['ignore', open(stdoutPath), open(stderrPath)] });
		let isOver = child.pid === undefined;
		const ended = new Promise<CommandEnd>((resolve) => {
			child.on('error', (error) => {
				isOver = true;
				resolve({ kind: 'failed', reason: error.message });
			});
			child.on('exit', (code, signal) => {
				isOver = true;
				resolve(signal === null ? { kind: 'code', code: code ?? 0 } : { kind: 'signal', signal });
			});
		});
		return {
			ended,
			kill() {
				// nobody has waited for it yet, so that the group is still its own
				if (isOver || child.pid === undefined) return;
				try {
					process.kill(-child.pid, 'SIGKILL');
				} catch {
					// it is gone, which is what was wanted
				}
			},
		};
	} catch (error) {
		const reason = error instanceof Error ? error.message : String(error);
		return { ended: Promise.resolve({ kind: 'failed', reason }), kill: () => {} };
	} finally {
		for (const file of files) closeSync(file);
	}
};

/** Undefined where it did what it was to do. */
export function complaintOf(end: CommandEnd): string | undefined {
	switch (end.kind) {
		case 'code':
			return end.code === 0 ? undefined : `exit code ${end.code}`;
		case 'signal':
			return `ended by ${end.signal}`;
		case 'failed':
			return end.reason;
	}
}

export interface StopCommandOptions {
	/** The process that is to be stopped: the command gets its environment, and its cookie. */
	readonly processId: string;
	readonly pid: number;
	readonly environment: () => Readonly<Record<string, string>>;
	/** With a closing slash. */
	readonly outputDirectory: string;
	readonly run?: RunCommand | undefined;
	/** Told in words what went wrong; not told of an end that came from here. */
	readonly onComplaint: (complaint: string) => void;
}

/** Undefined where a runtime has none, or where it cannot be run: no stop is called off by that. */
export function stopCommandOf(
	{ cwd, stop, user }: RuntimeSpec,
	{ processId, pid, environment, outputDirectory, run = runCommand, onComplaint }: StopCommandOptions,
): StopCommand | undefined {
	if (!stop.command) return undefined;
	let before: readonly string[];
	let env: Readonly<Record<string, string>>;
	try {
		before = user === undefined ? [] : wordsToBecome(userOf(user, process.getuid?.()));
		// of an adopted process it is read now, which takes a descriptor
		env = environment();
	} catch (error) {
		onComplaint(error instanceof Error ? error.message : String(error));
		return undefined;
	}
	const request: CommandRequest = {
		command: [...before, ...stop.command],
		cwd,
		env: { ...env, [cookieName]: processId, ORCH_RUNTIME_PID: String(pid) },
		stdoutPath: `${outputDirectory}stdout.log`,
		stderrPath: `${outputDirectory}stderr.log`,
	};
	return {
		text: stop.command.join(' '),
		ms: stop.commandMs ?? defaultCommandMs,
		run(onOver) {
			let isEnded = false;
			const command = run(request);
			void command.ended.then((end) => {
				const complaint = isEnded ? 'it was not over in its time, and was killed' : complaintOf(end);
				if (complaint !== undefined) onComplaint(complaint);
				onOver();
			});
			return () => {
				isEnded = true;
				command.kill();
			};
		},
	};
}
