/** When a process that has ended is followed by another: the arithmetic of waits, failures and giving up. */
import { backoffMs, type Clock } from '@orch/base';
import type { BackoffInfo } from './snapshot.ts';
import type { RestartPolicy } from './spec.ts';

/** What is remembered of a runtime's processes from one to the next. */
export interface Account {
	/** When the failures within the window were, by the clock that only grows; not more than make it give up. */
	readonly failures: readonly number[];
	/** Restarts since the last start by command or healthy process; it stops counting where the wait stops growing. */
	readonly tries: number;
	/** Whether it has given up once: from then on one failure is enough to give up again. */
	readonly gaveUp: boolean;
}

export const freshAccount: Account = { failures: [], tries: 0, gaveUp: false };

/** How a process ended, or that it could not be launched. */
export interface End {
	readonly failed: boolean;
	/** In the words that people read: "exit code 1". */
	readonly what: string;
	readonly livedMs: number;
	/** By the clock that only grows. */
	readonly at: number;
	/** From 0 up to 1: chooses within the jitter. */
	readonly chance: number;
}

export type Verdict =
	| { readonly kind: 'rest' }
	| { readonly kind: 'again'; readonly account: Account; readonly waitMs: number }
	| { readonly kind: 'give_up'; readonly account: Account; readonly reason: string; readonly retryMs: number | null };

const jitter = 0.2;

export function judge(before: Account, end: End, policy: RestartPolicy): Verdict {
	const wanted = policy.when === 'always' || (policy.when === 'on-failure' && end.failed);
	if (!wanted) return { kind: 'rest' };
	const account = count(before, end, policy);
	const isTooMuch = policy.failures > 0 && account.failures.length >= policy.failures;
	if (end.failed && (isTooMuch || account.gaveUp)) {
		const failures = Math.max(account.failures.length, account.gaveUp ? policy.failures : 0);
		return {
			kind: 'give_up',
			account: { ...account, gaveUp: true },
			reason: `gave up after ${failures} ${failures === 1 ? 'failure' : 'failures'} in ${shortTime(policy.withinMs)}; last: ${end.what}`,
			retryMs: policy.retryEveryMs,
		};
	}
	return { kind: 'again', account, waitMs: waitMs(account, end.chance, policy) };
}

/** The account once the next process is launched by policy. */
export function afterRestart(account: Account, policy: RestartPolicy): Account {
	return { ...account, tries: Math.min(account.tries + 1, triesUntilCap(policy)) };
}

/** The failures that count at `at`: those of the window, and none once the present process has lived healthily. */
export function failuresAt(account: Account, at: number, livedMs: number | undefined, policy: RestartPolicy): number {
	if (livedMs !== undefined && livedMs >= policy.healthyMs) return 0;
	return account.failures.filter((time) => at - time < policy.withinMs).length;
}

/** What there is to tell of failures and of the wait that is under way; `timerAt` is its end, by the clock that only grows. */
export function backoffInfo({
	account,
	livedMs,
	timerAt,
	policy,
	clock,
}: {
	readonly account: Account | undefined;
	readonly livedMs: number | undefined;
	readonly timerAt: number | undefined;
	readonly policy: RestartPolicy;
	readonly clock: Clock;
}): BackoffInfo | undefined {
	const failures = account ? failuresAt(account, clock.monotonicMs(), livedMs, policy) : 0;
	if (failures === 0 && timerAt === undefined) return undefined;
	const nextInMs = timerAt === undefined ? undefined : Math.max(0, timerAt - clock.monotonicMs());
	return {
		failures,
		of: policy.failures,
		withinMs: policy.withinMs,
		nextInMs,
		nextAt: nextInMs === undefined ? undefined : clock.now() + nextInMs,
	};
}

function count(before: Account, { failed, livedMs, at }: End, policy: RestartPolicy): Account {
	const { failures, tries, gaveUp } = livedMs >= policy.healthyMs ? freshAccount : before;
	// one that never gives up has nothing to count
	if (policy.failures === 0) return { tries, gaveUp, failures: [] };
	const recent = failures.filter((time) => at - time < policy.withinMs);
	return { tries, gaveUp, failures: failed ? [...recent, at].slice(-policy.failures) : recent };
}

function waitMs({ tries }: Account, chance: number, { firstMs, capMs }: RestartPolicy): number {
	return tries === 0 ? 0 : backoffMs({ firstMs, factor: 2, capMs, jitter }, tries - 1, chance);
}

/** No wait between two tries is longer. */
export function longestWaitMs({ capMs, retryEveryMs }: RestartPolicy): number {
	return Math.max(Math.ceil(capMs * (1 + jitter)), retryEveryMs ?? 0);
}

/** From this try on every wait is the cap. */
function triesUntilCap({ firstMs, capMs }: RestartPolicy): number {
	return firstMs > 0 && capMs > firstMs ? Math.ceil(Math.log2(capMs / firstMs)) + 1 : 1;
}

/** `60s`, `1.5s`, `5m`: as in a status line. */
export function shortTime(ms: number): string {
	if (ms < 1_000) return `${ms}ms`;
	if (ms >= 120_000 && ms % 60_000 === 0) return `${ms / 60_000}m`;
	return `${Math.round(ms / 100) / 10}s`;
}
