import { seededRandom } from '@orch/base/testing';
import { describe, expect, test } from 'vitest';
import { type Account, afterRestart, type End, failuresAt, freshAccount, judge, shortTime } from './restart.ts';
import { defaultRestart, type RestartPolicy } from './spec.ts';

const end = (wish: Partial<End> = {}): End => ({ failed: true, what: 'exit code 1', livedMs: 10, at: 0, chance: 0.5, ...wish });

/** Lets one process after the other end after `livedMs`; gives the waits until it gives up, or `most` of them. */
function crash(policy: RestartPolicy, { livedMs = 10, most = 12, failed = true, chance = (): number => 0.5 } = {}) {
	const waits: number[] = [];
	let account: Account = freshAccount;
	let at = 0;
	for (;;) {
		at += livedMs;
		const verdict = judge(account, end({ at, livedMs, failed, chance: chance() }), policy);
		if (verdict.kind !== 'again' || waits.length === most) return { waits, verdict, at };
		waits.push(verdict.waitMs);
		at += verdict.waitMs;
		account = afterRestart(verdict.account, policy);
	}
}

describe('supervision 3.1.18: who is restarted', () => {
	test.each([
		['no', false, 'rest'],
		['no', true, 'rest'],
		['on-failure', false, 'rest'],
		['on-failure', true, 'again'],
		['always', false, 'again'],
		['always', true, 'again'],
	] as const)('under `%s`, with failed = %s: %s', (when, failed, kind) => {
		expect(judge(freshAccount, end({ failed }), { ...defaultRestart, when }).kind).toBe(kind);
	});
});

test('supervision 3.1.14: waits are none, then 0.5 s doubled up to 30 s, each within 20 % of that', () => {
	const policy = { ...defaultRestart, failures: 0 };
	expect(crash(policy).waits).toEqual([0, 500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000, 30_000, 30_000]);
	const random = seededRandom(14);
	const plain = crash(policy).waits;
	const shaken = crash(policy, { chance: random.float }).waits;
	for (const [index, wait] of shaken.entries()) {
		expect(wait).toBeGreaterThanOrEqual((plain[index] ?? 0) * 0.8);
		expect(wait).toBeLessThanOrEqual((plain[index] ?? 0) * 1.2);
	}
	expect(shaken).not.toEqual(plain);
});

test('supervision 3.1.14: it parks after five failures in a minute, and says why', () => {
	expect(crash(defaultRestart)).toEqual({
		waits: [0, 500, 1000, 2000],
		verdict: {
			kind: 'give_up',
			account: { failures: [10, 20, 530, 1540, 3550], tries: 4, gaveUp: true },
			reason: 'gave up after 5 failures in 60s; last: exit code 1',
			retryMs: null,
		},
		at: 3550,
	});
});

test('supervision 3.1.14: a healthy time resets waits and failures', () => {
	const worn: Account = { failures: [1, 2, 3, 4], tries: 4, gaveUp: true };
	expect(judge(worn, end({ at: 100_000, livedMs: 60_000 }), defaultRestart)).toEqual({
		kind: 'again',
		account: { failures: [100_000], tries: 0, gaveUp: false },
		waitMs: 0,
	});
});

test('supervision 3.1.15: a crash every 11 s within a window of 10 s never gives up, and waits ever longer up to the cap', () => {
	const { waits, verdict } = crash({ ...defaultRestart, withinMs: 10_000 }, { livedMs: 11_000, most: 9 });
	expect(verdict.kind).toBe('again');
	expect(waits).toEqual([0, 500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
});

test('a success that is restarted waits ever longer, and is no failure', () => {
	const { waits, verdict } = crash({ ...defaultRestart, when: 'always' }, { failed: false });
	expect(waits.slice(0, 3)).toEqual([0, 500, 1000]);
	expect(verdict).toMatchObject({ kind: 'again', account: { failures: [] } });
});

test('with a slow retry it tries again every so often, and one more failure is enough to give up again', () => {
	const policy = { ...defaultRestart, retryEveryMs: 300_000 };
	const first = crash(policy);
	expect(first.verdict).toMatchObject({ kind: 'give_up', retryMs: 300_000 });
	const again = judge((first.verdict as { account: Account }).account, end({ at: first.at + 300_010, what: 'SIGSEGV' }), policy);
	expect(again).toMatchObject({ kind: 'give_up', retryMs: 300_000, reason: 'gave up after 5 failures in 60s; last: SIGSEGV' });
});

test('failures that have left the window do not count, nor any once the process is healthy', () => {
	const account: Account = { failures: [0, 50_000], tries: 2, gaveUp: false };
	expect(failuresAt(account, 59_999, 0, defaultRestart)).toBe(2);
	expect(failuresAt(account, 60_000, 0, defaultRestart)).toBe(1);
	expect(failuresAt(account, 59_999, 60_000, defaultRestart)).toBe(0);
});

test('times are short and exact', () => {
	expect([0, 500, 1500, 60_000, 90_000, 300_000].map(shortTime)).toEqual(['0ms', '500ms', '1.5s', '60s', '90s', '5m']);
});
