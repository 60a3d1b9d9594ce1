/** The status of a runtime in a word or two, with its mark and colour. */
import { duration } from './age.ts';
import type { Style } from './style.ts';
import { printable } from './width.ts';

/** How a process has ended. */
export interface ShownExit {
	readonly code: number | null;
	readonly signal: string | null;
	readonly coreDumped: boolean;
	/** RFC 3339. */
	readonly at: string;
	/** Where nobody saw it: it ended between this and `at`. */
	readonly notBefore?: string | undefined;
	readonly by: 'itself' | 'stop' | 'kill';
	readonly reason: string | null;
}

export type ShownStatus = 'stopped' | 'waiting' | 'starting' | 'running' | 'stopping' | 'backoff' | 'exited' | 'failed';

/** What the protocol tells of it; what is not there may be left out. */
interface Shown {
	readonly status: ShownStatus;
	readonly lastExit?: ShownExit | null | undefined;
	readonly backoff?: { readonly nextInMs: number | null } | null | undefined;
	readonly ready?: boolean | null | undefined;
}

/** `running`, `running (not ready)`, `backoff 12s`, `exited 0`, `failed`. */
export function statusText({ status, lastExit, backoff, ready }: Shown): string {
	if (status === 'running' && ready === false) return 'running (not ready)';
	if (status === 'backoff' && backoff?.nextInMs != null) return `backoff ${duration(backoff.nextInMs)}`;
	if (status === 'exited' && lastExit) return `exited ${lastExit.signal ?? lastExit.code ?? '?'}`;
	return status;
}

export function statusMark({ status, lastExit, ready }: Shown): string {
	switch (status) {
		case 'running':
			return ready === false ? '◌' : '●';
		case 'waiting':
		case 'starting':
		case 'stopping':
			return '◌';
		case 'backoff':
		case 'failed':
			return '✗';
		case 'exited':
			return lastExit?.code === 0 ? '○' : '✗';
		case 'stopped':
			return '○';
	}
}

export function statusPaint({ status, lastExit, ready }: Shown, style: Style): (text: string) => string {
	switch (status) {
		case 'running':
			return ready === false ? style.yellow : style.green;
		case 'waiting':
		case 'starting':
		case 'stopping':
			return style.yellow;
		case 'backoff':
		case 'failed':
			return style.red;
		case 'exited':
			return lastExit?.code === 0 ? style.dim : style.red;
		case 'stopped':
			return style.dim;
	}
}

/** `exit code 1, core dumped`. */
export function howItEnded({ code, signal, coreDumped }: ShownExit): string {
	const how = signal === null ? (code === null ? 'exit unknown' : `exit code ${code}`) : signal;
	return `${how}${coreDumped ? ', core dumped' : ''}`;
}

/** `exit code 1, 3m ago`, for the details. */
export function exitText(exit: ShownExit, timeText: (time: string) => string): string {
	const by = exit.by === 'itself' ? '' : exit.by === 'stop' ? ', stopped' : ', killed after its grace';
	const why = exit.reason === null ? '' : ` (${printable(exit.reason)})`;
	const at = timeText(exit.at);
	return `${howItEnded(exit)}${by}${why}, ${exit.notBefore === undefined ? at : `between ${timeText(exit.notBefore)} and ${at}`}`;
}

/** `40s`, or `0.6s to 40s` where nobody saw the end; `livedMs` is up to `at`. */
export function lifetimeText({ at, notBefore }: Pick<ShownExit, 'at' | 'notBefore'>, livedMs: number): string {
	const unsureMs = notBefore === undefined ? 0 : Date.parse(at) - Date.parse(notBefore);
	return unsureMs === 0 ? duration(livedMs) : `${duration(Math.max(0, livedMs - unsureMs))} to ${duration(livedMs)}`;
}
