/** Reads what the launch shim wrote of a program's launch and end. */
import { constants } from 'node:os';

/** `SIG40` and the like for the real-time signals, which have no names of their own. */
export type SignalName = NodeJS.Signals | `SIG${number}`;

export type ExitStatus =
	| { readonly kind: 'code'; readonly code: number }
	| { readonly kind: 'signal'; readonly signal: SignalName; readonly coreDumped: boolean }
	/** The program never ran. `reason` is what the shell said about it; empty when orchd was gone before it gave the word. */
	| { readonly kind: 'not_launched'; readonly reason: string }
	/** The shim was killed before it could write, and not by us. */
	| { readonly kind: 'unknown'; readonly reason: string };

/**
 * How the program ended, by the record of a launch whose shim has ended. `killedByUs` is whether we sent SIGKILL to the group: it takes the
 * shim along, and so is known without a record.
 *
 * The record is what the shell had to say before the launch, `pid N`, what it had to say of the end ("Segmentation fault (core dumped)"), and `exit N`;
 * or `not launched`. That the shell says anything of the end is what tells signal 11 from `exit 139`; the words differ between shells.
 * No shell says anything of SIGINT and SIGPIPE, so 130 and 141 count as these: the two codes that a program cannot use for itself.
 */
export function readExitRecord(text: string, killedByUs: boolean): ExitStatus {
	const { before, pid, words, code } = partsOf(text);
	if (pid === undefined) {
		const reason = before.filter((line) => line !== notLaunched).join('\n');
		if (killedByUs || code !== undefined || before.includes(notLaunched)) return { kind: 'not_launched', reason };
		return { kind: 'unknown', reason };
	}
	if (code === undefined) {
		if (killedByUs) return { kind: 'signal', signal: 'SIGKILL', coreDumped: false };
		return { kind: 'unknown', reason: words.join('\n') };
	}
	const number = code - 128;
	if (number > 0 && number <= lastSignal && (words.length > 0 || silentSignals.has(number))) {
		return { kind: 'signal', signal: signalName(number), coreDumped: words.some((line) => line.includes('(core dumped)')) };
	}
	return { kind: 'code', code };
}

/** The program's pid, as soon as the record tells it: for an orchd that was not there to hear it. */
export function readProgramPid(text: string): number | undefined {
	return partsOf(text).pid;
}

/** A line counts only with its end: the record may be read while it is written. */
function partsOf(text: string) {
	const lines = text.split('\n').slice(0, -1);
	const pidAt = lines.findIndex((line) => pidLine.test(line));
	const exitAt = lines.findIndex((line, index) => index > pidAt && exitLine.test(line));
	return {
		before: lines.slice(0, pidAt === -1 ? (exitAt === -1 ? undefined : exitAt) : pidAt),
		pid: numberIn(lines[pidAt], pidLine),
		words: pidAt === -1 ? [] : lines.slice(pidAt + 1, exitAt === -1 ? undefined : exitAt),
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
const pidLine = /^pid (\d{1,10})$/;
const exitLine = /^exit (\d{1,3})$/;
const lastSignal = 64;
const silentSignals: ReadonlySet<number> = new Set([constants.signals.SIGINT, constants.signals.SIGPIPE]);
