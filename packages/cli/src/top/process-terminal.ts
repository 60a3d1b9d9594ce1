/** The terminal that this process runs on. */
import { writeSync } from 'node:fs';
import { systemClock } from '../clock.ts';
import { enterScreen, leaveScreen } from './screen.ts';
import type { Terminal } from './terminal.ts';

/** A stop that the system discards, for nobody could continue us, is noticed after this time. */
const notStoppedMs = 100;

export function openProcessTerminal(): Terminal {
	const { stdin, stdout } = process;
	const inputs = new Set<(text: string) => void>();
	const resizes = new Set<() => void>();
	const resumes = new Set<() => void>();
	let isOurs = false;

	const write = (text: string) => {
		// what is drawn while the screen is the shell's is drawn anew when it is ours again
		if (!isOurs) return;
		try {
			stdout.write(text);
		} catch {
			// the terminal has gone: SIGHUP follows
		}
	};
	const enter = () => {
		if (isOurs) return;
		isOurs = true;
		stdin.setRawMode(true);
		write(enterScreen);
	};
	/** At once, in whatever state the process is. */
	const leave = () => {
		if (!isOurs) return;
		isOurs = false;
		try {
			writeSync(1, leaveScreen);
			stdin.setRawMode(false);
		} catch {
			// there is no terminal any more to give back
		}
	};
	const resume = () => {
		if (isOurs) return;
		enter();
		for (const listener of resumes) listener();
	};
	const suspend = () => {
		leave();
		process.off('SIGTSTP', suspend);
		// the whole job stops, as by the terminal's own key; this returns once it is continued
		process.kill(0, 'SIGTSTP');
		systemClock.setTimer(notStoppedMs, () => {
			process.on('SIGTSTP', suspend);
			resume();
		});
	};
	const onData = (data: string | Buffer) => {
		for (const listener of inputs) listener(String(data));
	};
	const onResize = () => {
		for (const listener of resizes) listener();
	};

	stdin.setEncoding('utf8');
	stdin.on('data', onData);
	stdin.resume();
	stdout.on('resize', onResize);
	stdout.on('error', () => {});
	stdin.on('error', () => {});
	process.on('SIGTSTP', suspend);
	process.on('SIGCONT', resume);
	process.on('exit', leave);
	// what is told of a crash must not be told on a screen that goes away
	process.prependListener('uncaughtException', leave);
	enter();
	return {
		get columns() {
			return stdout.columns || 80;
		},
		get rows() {
			return stdout.rows || 24;
		},
		write,
		onInput: (listener) => void inputs.add(listener),
		onResize: (listener) => void resizes.add(listener),
		suspend,
		onResume: (listener) => void resumes.add(listener),
		close() {
			leave();
			stdin.off('data', onData);
			stdin.pause();
			stdout.off('resize', onResize);
			process.off('SIGTSTP', suspend);
			process.off('SIGCONT', resume);
			process.off('exit', leave);
			process.off('uncaughtException', leave);
		},
	};
}
