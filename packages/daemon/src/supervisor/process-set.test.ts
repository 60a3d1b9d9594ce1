import { describe, expect, test } from 'vitest';
import type { ProcessStat } from './proc-scan.ts';
import { createProcessSet, type Evidence, findMembers, type ProcessSet } from './process-set.ts';

const self = 999;
const statOf = (wish: Partial<ProcessStat> & { pid: number }): ProcessStat => ({
	parent: 1,
	group: wish.pid,
	session: wish.pid,
	state: 'S',
	name: 'x',
	startTicks: 1_000 + wish.pid,
	...wish,
});
const setOf = (processId: string, pid: number, outputDirectory = '/logs/a/') =>
	createProcessSet({ processId, root: { pid, startTicks: 1_000 + pid }, outputDirectory });
const evidenceOf = (cookies: Record<number, string> = {}, writers: Record<number, string> = {}): Evidence => ({
	cookieOf: (pid) => cookies[pid],
	filesWrittenBy: (pid, directory) => (writers[pid] === directory ? [`${directory}stdout.log`] : []),
});
const find = (sets: ProcessSet[], stats: ProcessStat[], evidence = evidenceOf()) => {
	const found = findMembers(sets, stats, self, evidence);
	return Object.fromEntries(
		sets.map((set) => [set.processId, (found.get(set) ?? []).map(({ pid }) => pid).sort((a, b) => a - b)]),
	);
};
const root = statOf({ pid: 10 });

test('members are root, group, session, cookie, writers of the output, and the children of all these', () => {
	const stats = [
		root,
		statOf({ pid: 11, group: 10, session: 10, parent: 10 }),
		statOf({ pid: 12, group: 12, session: 10 }),
		statOf({ pid: 13 }),
		statOf({ pid: 14 }),
		statOf({ pid: 15, parent: 13 }),
		statOf({ pid: 16, parent: 15 }),
		statOf({ pid: 17, parent: 14 }),
		statOf({ pid: 18 }),
	];
	expect(find([setOf('a', 10)], stats, evidenceOf({ 13: 'a', 18: 'b' }, { 14: '/logs/a/' }))).toEqual({
		a: [10, 11, 12, 13, 14, 15, 16, 17],
	});
});

test('nobody who started before the root is a member, whatever else says so', () => {
	const stats = [
		root,
		statOf({ pid: 11, startTicks: 5, group: 10, session: 10, parent: 10 }),
		statOf({ pid: 12, startTicks: 5 }),
	];
	expect(find([setOf('a', 10)], stats, evidenceOf({ 12: 'a' }, { 12: '/logs/a/' }))).toEqual({ a: [10] });
});

test('neither we, nor the first process, nor the dead are members', () => {
	const stats = [
		statOf({ pid: 1, group: 10, startTicks: 5_000 }),
		statOf({ pid: self, group: 10 }),
		statOf({ pid: 10, state: 'Z' }),
		statOf({ pid: 11, state: 'X', group: 10 }),
	];
	expect(find([setOf('a', 10)], stats)).toEqual({ a: [] });
});

test('a member once found stays one, though it leaves group, session and parent and scrubs its environment', () => {
	const set = setOf('a', 10);
	expect(find([set], [root, statOf({ pid: 11, group: 10, session: 10, parent: 10 })])).toEqual({ a: [10, 11] });
	expect(find([set], [statOf({ pid: 11 })])).toEqual({ a: [11] });
	// its pid is someone else's now
	expect(find([set], [statOf({ pid: 11, startTicks: 9_000 })])).toEqual({ a: [] });
	expect(set.known.size).toBe(1);
});

describe('supervision 3.1.13: a recycled pid', () => {
	test('of the root makes its group and session a stranger’s', () => {
		const set = setOf('a', 10);
		const stats = [statOf({ pid: 10, startTicks: 9_000 }), statOf({ pid: 11, group: 10, session: 10, startTicks: 9_001 })];
		expect(find([set], stats)).toEqual({ a: [] });
		expect(set.holdsGroup).toBe(false);
	});

	test('cannot make a group ours again once it was seen empty', () => {
		const set = setOf('a', 10);
		expect(find([set], [statOf({ pid: 50 })])).toEqual({ a: [] });
		expect(find([set], [statOf({ pid: 51, group: 10, session: 10 })])).toEqual({ a: [] });
	});

	test('is ours still while a dead root has not been waited for', () => {
		const set = setOf('a', 10);
		expect(find([set], [statOf({ pid: 10, state: 'Z' }), statOf({ pid: 11, group: 10, session: 10 })])).toEqual({ a: [11] });
		expect(set.holdsGroup).toBe(true);
	});
});

test('of two processes of one runtime a writer belongs to the last that started before it', () => {
	const sets = [setOf('old', 10), setOf('new', 20)];
	const stats = [statOf({ pid: 20 }), statOf({ pid: 15 }), statOf({ pid: 25 })];
	const writers = { 15: '/logs/a/', 25: '/logs/a/' };
	expect(find(sets, stats, evidenceOf({}, writers))).toEqual({ old: [15], new: [20, 25] });
});

test('a set of which only the cookie is known takes nobody by output', () => {
	const set = createProcessSet({ processId: 'a', root: undefined, outputDirectory: undefined });
	const evidence: Evidence = { cookieOf: (pid) => (pid === 11 ? 'a' : undefined), filesWrittenBy: () => ['/any'] };
	expect(find([set], [statOf({ pid: 11 }), statOf({ pid: 12 })], evidence)).toEqual({ a: [11] });
});
