/** Reads what the launch shim wrote of a program's launch and end. */
import { constants } from 'node:os';

/** `SIG40` and the like for the real-time signals, which have no names of their own. */
export type SignalName = NodeJS.Signals | `SIG${number}`;

export type ExitStatus =
	| { readonly kind: 'code'; readonly code: number }
	| { readonly kind: 'signal'; readonly signal: SignalName; readonly coreDumped: boolean }
	/**
	 * The program never ran. `reason` is what the shell said about it; empty when orchd was gone before it gave the word or heard the pid,
	 * and when what was to become the program was killed before.
	 */
	| { readonly kind: 'not_launched'; readonly reason: string }
	/** The shim was killed before it could write, and not by us. */
	| { readonly kind: 'unknown'; readonly reason: string };

/**
 * How the program ended, by the record of a launch whose shim has ended. `killedByUs` is whether we sent SIGKILL to the group: it takes the
 * shim along, and so is known without a record.
 *
 * The record is `not launched`, or `exit N` alone where it never got the word, or the lines `pid N`, `told` (the pid was handed over) and
 * `exit N`. Whatever else stands before the pid are
 * complaints of the shell; what stands behind it are its words on the end ("Segmentation fault (core dumped)"). That there are words tells
 * signal 11 from `exit 139`; which words differs between shells. No shell has any for SIGINT and SIGPIPE, so 130 and 141 count as these: the
 * two codes that a program cannot have for itself.
 */
export function readExitRecord(text: string, killedByUs: boolean): ExitStatus {
	const { complaints, pid, told, words, code } = partsOf(text);
	if (pid === undefined) {
		// of a signal the shell says that it was one, not why nothing was launched
		const wasKilled = code !== undefined && code > 128;
		const reason = wasKilled ? '' : complaints.filter((line) => line !== notLaunched).join('\n');
		const isCertain = killedByUs || code !== undefined || complaints.includes(notLaunched);
		return { kind: isCertain ? 'not_launched' : 'unknown', reason };
	}
	if (code === undefined) {
		return killedByUs ? { kind: 'signal', signal: 'SIGKILL', coreDumped: false } : { kind: 'unknown', reason: words.join('\n') };
	}
	const number = code - 128;
	if (number === constants.signals.SIGPIPE && !told) return { kind: 'not_launched', reason: '' };
	if (number > 0 && number <= lastSignal && (words.length > 0 || silentSignals.has(number))) {
		return { kind: 'signal', signal: signalName(number), coreDumped: words.some((line) => line.includes('(core dumped)')) };
	}
	return { kind: 'code', code };
}

/** The program's pid, as soon as the record tells it: for an orchd that was not there to hear it. */
export function readProgramPid(text: string): number | undefined {
	return partsOf(text).pid;
}

/** How far a launch has come, by its record: let go means that the program was, or is about to be. */
export function readLaunch(text: string): {
	readonly pid: number | undefined;
	readonly isLetGo: boolean;
	readonly hasEnded: boolean;
} {
	const { pid, told, code, complaints } = partsOf(text);
	return { pid, isLetGo: pid !== undefined && told, hasEnded: code !== undefined || complaints.includes(notLaunched) };
}

/** A line counts only with its end: the record may be read while it is written. */
function partsOf(text: string) {
	const lines = text.split('\n').slice(0, -1);
	const pidAt = lines.findIndex((line) => pidLine.test(line));
	const exitAt = lines.findIndex((line, index) => index > pidAt && exitLine.test(line));
	const launch = exitAt === -1 ? lines : lines.slice(0, exitAt);
	const afterPid = pidAt === -1 ? [] : launch.slice(pidAt + 1);
	return {
		complaints: pidAt === -1 ? launch : launch.slice(0, pidAt),
		pid: numberIn(lines[pidAt], pidLine),
		told: afterPid[0] === told,
		words: afterPid.filter((line) => line !== told),
		code: numberIn(lines[exitAt], exitLine),
	};
}

function numberIn(line: string | undefined, pattern: RegExp): number | undefined {
	const digits = line === undefined ? undefined : pattern.exec(line)?.[1];
	return digits === undefined ? undefined : Number(digits);
}

function signalName(number: number): SignalName {
	for (const [name, value] of Object.entries(constants.signals)) if (value === number) return name as NodeJS.Signals;
	return `SIG${number}`;
}

const notLaunched = 'not launched';
const told = 'told';
const pidLine = /^pid (\d{1,10})$/;
const exitLine = /^exit (\d{1,3})$/;
const lastSignal = 64;
const silentSignals: ReadonlySet<number> = new Set([constants.signals.SIGINT, constants.signals.SIGPIPE]);
