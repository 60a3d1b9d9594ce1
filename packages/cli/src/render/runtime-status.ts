/** The status of a runtime in a word or two, with its mark and colour. */
import type { RuntimeInfo } from '@orch/protocol';
import type { Style } from './style.ts';
import { duration } from './time.ts';
import { printable } from './width.ts';

/** What `RuntimeInfo` tells of it; what is not there may be left out. */
interface Shown {
	readonly status: RuntimeInfo['status'];
	readonly lastExit?: RuntimeInfo['lastExit'] | undefined;
	readonly backoff?: RuntimeInfo['backoff'] | undefined;
	readonly ready?: RuntimeInfo['ready'] | undefined;
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
export function howItEnded({ code, signal, coreDumped }: NonNullable<RuntimeInfo['lastExit']>): string {
	const how = signal === null ? (code === null ? 'exit unknown' : `exit code ${code}`) : signal;
	return `${how}${coreDumped ? ', core dumped' : ''}`;
}

/** `exit code 1, 3m ago`, for the details. */
export function exitText(exit: NonNullable<RuntimeInfo['lastExit']>, at: string): string {
	const by = exit.by === 'itself' ? '' : exit.by === 'stop' ? ', stopped' : ', killed after its grace';
	const why = exit.reason === null ? '' : ` (${printable(exit.reason)})`;
	return `${howItEnded(exit)}${by}${why}, ${at}`;
}
