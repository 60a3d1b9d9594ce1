import { expect, it } from 'vitest';
import type { RuntimeDeclaration } from './declaration.ts';
import type { RuntimeFacts } from './ports.ts';
import { problem } from './problem.ts';
import { healthOf, jobsOf } from './runner-health.ts';

function facts(given: Partial<RuntimeFacts> = {}, more: Partial<RuntimeDeclaration> = {}): RuntimeFacts {
	return {
		declaration: { name: 'echo/api', project: 'echo', ...more } as RuntimeDeclaration,
		status: 'running',
		desired: 'running',
		ready: null,
		succeeded: false,
		startedAt: 1_000,
		processes: 1,
		dueAt: null,
		wasStopped: false,
		reason: null,
		...given,
	};
}
const nightly = { schedule: { cron: '0 3 * * *', action: 'start' } } as const;

it.each([
	['that runs', facts(), 'ok', []],
	['that is ready', facts({ ready: true }), 'ok', []],
	['that has done its work', facts({ status: 'exited', succeeded: true }), 'ok', []],
	['that waits for its hour', facts({ status: 'stopped', desired: 'stopped', processes: 0 }, nightly), 'ok', []],
	['that is not ready', facts({ ready: false }), 'degraded', ['echo/api: it is not ready']],
	['between two tries', facts({ status: 'backoff', reason: 'exit 1' }), 'degraded', ['echo/api: exit 1']],
	['that somebody has stopped', facts({ status: 'stopped', desired: 'stopped' }), 'degraded', ['echo/api: it was stopped']],
	[
		'that has given up',
		facts({ status: 'failed', reason: 'exit 1 after 5 tries' }),
		'failing',
		['echo/api: exit 1 after 5 tries'],
	],
	['that has ended badly', facts({ status: 'exited', reason: 'exit 3' }), 'failing', ['echo/api: exit 3']],
	['by the clock that has failed', facts({ status: 'exited', reason: 'exit 3' }, nightly), 'failing', ['echo/api: exit 3']],
] as const)('a runtime %s makes its runner so', (_what, one, status, reasons) => {
	expect(healthOf([facts(), one], [])).toEqual({ status, reasons });
});

it('files that do not hold degrade it, and what fails is told first', () => {
	const problems = [problem('missing', 'a is wrong'), problem('missing', 'b is wrong')];
	expect(healthOf([], problems)).toEqual({
		status: 'degraded',
		reasons: ['it is as it was, its files are not valid: a is wrong (and 1 more)'],
	});
	const { status, reasons } = healthOf([facts({ ready: false }), facts({ status: 'failed', reason: 'x' })], problems.slice(1));
	expect([status, reasons[0], reasons.length]).toEqual(['failing', 'echo/api: x', 3]);
});

it.each([
	['never ran', { status: 'stopped', processes: 0, startedAt: null, dueAt: 5 }, null, null],
	['runs', { status: 'running' }, 'running', null],
	['ended well', { status: 'exited', succeeded: true }, 'succeeded', null],
	['ended badly', { status: 'exited', reason: 'exit 3' }, 'failed', 'exit 3'],
	['was stopped', { status: 'stopped', wasStopped: true }, 'stopped', null],
	['is tried again', { status: 'backoff', reason: 'exit 1' }, 'failed', 'exit 1'],
] as const)('a job that %s says so', (_what, given, lastResult, lastError) => {
	const [job] = jobsOf([facts(), facts(given, nightly)]);
	expect(job).toMatchObject({ name: 'echo/api', cron: '0 3 * * *', timeZone: null, lastResult, lastError });
	expect(job?.enabled).toBe('dueAt' in given);
});
