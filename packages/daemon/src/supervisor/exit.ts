/** How a process ended, in data and in words. */
import { checkProgram } from './check-program.ts';
import type { ExitStatus } from './exit-record.ts';
import { describeLaunchFault } from './faults.ts';
import type { LastExit } from './snapshot.ts';
import type { RestartPolicy, RuntimeSpec } from './spec.ts';

export interface Ended {
	readonly status: ExitStatus;
	readonly livedMs: number;
	/** Milliseconds since the Unix epoch. */
	readonly at: number;
	readonly notBefore?: number | undefined;
	/** Whether it was asked to stop, and whether SIGKILL was sent. */
	readonly asked: boolean;
	readonly killed: boolean;
}

export function lastExitOf({ status, livedMs, at, notBefore, asked, killed }: Ended, spec: RuntimeSpec): LastExit {
	return {
		code: status.kind === 'code' ? status.code : undefined,
		signal: status.kind === 'signal' ? status.signal : undefined,
		coreDumped: status.kind === 'signal' && status.coreDumped,
		at,
		...(notBefore === undefined ? {} : { notBefore }),
		by: killed && status.kind === 'signal' && status.signal === 'SIGKILL' ? 'kill' : asked ? 'stop' : 'itself',
		reason: reasonOf(status, livedMs, spec),
	};
}

/** 0 is never a failure, nor is a code that the policy names; the end by a signal, or an unknown one, always is. */
export const isFailure = (
	{ code }: Pick<LastExit, 'code'>,
	{ successExitCodes = [] }: Pick<RestartPolicy, 'successExitCodes'>,
): boolean => code !== 0 && (code === undefined || !successExitCodes.includes(code));

/** "exit code 1", "SIGSEGV (core dumped)"; with the reason where one is known. */
export function describeExit({ code, signal, coreDumped, reason }: LastExit): string {
	const end =
		code !== undefined
			? `exit code ${code}`
			: signal !== undefined
				? `${signal}${coreDumped ? ' (core dumped)' : ''}`
				: 'unknown';
	return reason === undefined ? end : `${end}: ${reason}`;
}

/** The codes with which a shell says that it could not execute what it was told to. */
const notExecuted: readonly number[] = [126, 127];
const soonMs = 2_000;

function reasonOf(status: ExitStatus, livedMs: number, { program, cwd }: RuntimeSpec): string | undefined {
	switch (status.kind) {
		case 'code': {
			// the program may use these codes for itself; what is wrong with its file says that it was not
			const fault = notExecuted.includes(status.code) && livedMs < soonMs ? checkProgram(program, cwd) : undefined;
			return fault && describeLaunchFault(fault);
		}
		case 'signal':
			return undefined;
		case 'not_launched':
			return status.reason === '' ? 'it was not launched' : status.reason;
		case 'unknown':
			return status.reason === '' ? 'its shim was killed, and could not record how it ended' : status.reason;
	}
}
