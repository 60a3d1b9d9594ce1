/** How a runner is, and what it does by the clock: what its runtimes and its files say together. Pure. */
import type { RuntimeFacts } from './ports.ts';
import type { Problem } from './problem.ts';
import { verdictOn } from './settle.ts';

export interface RunnerHealth {
	/** `degraded`: something is not as it is declared, and may come to be; `failing`: something will not by itself. */
	readonly status: 'ok' | 'degraded' | 'failing';
	readonly reasons: readonly string[];
}

/** A schedule of a runner. */
export interface RunnerJob {
	/** Its runtime, in full. */
	readonly name: string;
	readonly cron: string;
	readonly timeZone: string | null;
	/** Whether it is due at some time. */
	readonly enabled: boolean;
	readonly dueAt: number | null;
	/** Processes that its runtime has had. */
	readonly runs: number;
	readonly lastRunAt: number | null;
	readonly lastResult: 'running' | 'succeeded' | 'failed' | 'stopped' | null;
	readonly lastError: string | null;
}

export function healthOf(runtimes: readonly RuntimeFacts[], problems: readonly Problem[]): RunnerHealth {
	const failing: string[] = [];
	const degraded: string[] = [];
	const [first] = problems;
	if (first) {
		const place = first.at ? `${first.at.file}:${first.at.line}: ` : '';
		const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : '';
		degraded.push(`it is as it was, its files are not valid: ${place}${first.message}${more}`);
	}
	for (const facts of runtimes) {
		const { name, schedule } = facts.declaration;
		const verdict = verdictOn(facts, 'up');
		// what waits for its hour is where it belongs
		if (verdict.kind === 'reached' || (facts.status === 'stopped' && schedule?.action === 'start')) continue;
		const willNot = verdict.kind === 'not' && facts.status !== 'stopped';
		(willNot ? failing : degraded).push(`${name}: ${verdict.reason}`);
	}
	const status = failing.length > 0 ? 'failing' : degraded.length > 0 ? 'degraded' : 'ok';
	return { status, reasons: [...failing, ...degraded] };
}

export function jobsOf(runtimes: readonly RuntimeFacts[]): RunnerJob[] {
	return runtimes.flatMap((facts) => {
		const { declaration, dueAt, processes, startedAt } = facts;
		const { schedule } = declaration;
		if (!schedule) return [];
		const lastResult = resultOf(facts);
		return [
			{
				name: declaration.name,
				cron: schedule.cron,
				timeZone: schedule.timeZone ?? null,
				enabled: dueAt !== null,
				dueAt,
				runs: processes,
				lastRunAt: startedAt,
				lastResult,
				lastError: lastResult === 'failed' ? (facts.reason ?? 'it did not end well') : null,
			},
		];
	});
}

function resultOf({ status, processes, succeeded, wasStopped, reason }: RuntimeFacts): RunnerJob['lastResult'] {
	if (status === 'running' || status === 'starting' || status === 'stopping') return 'running';
	if (status === 'failed' || status === 'backoff') return 'failed';
	if (processes === 0) return reason === null ? null : 'failed';
	if (wasStopped) return 'stopped';
	return succeeded ? 'succeeded' : 'failed';
}
