import { silentLogger } from '@orch/base';
import type { DaemonEvent } from '@orch/protocol';
import { describe, expect, it } from 'vitest';
import { emptyEvent, type EventKeeper, EventLog, mostEvents, type NewEvent } from './event-log.ts';

const event = (reason: string, more: Partial<NewEvent> = {}): NewEvent => ({
	...emptyEvent,
	at: '2026-01-01T00:00:00.000Z',
	kind: 'notice',
	reason,
	...more,
});
const reasons = (events: readonly DaemonEvent[]) => events.map(({ reason }) => reason);

/** As a store does it: a bounded table. */
function keeping(limit = 1_000_000) {
	const rows: DaemonEvent[] = [];
	let lastSeq = 0;
	let isFull = false;
	const keeper: EventKeeper = {
		append(one) {
			if (isFull) throw new Error('ENOSPC');
			rows.push({ seq: ++lastSeq, ...one });
			if (rows.length > limit) rows.shift();
			return lastSeq;
		},
		since: (seq, most) => rows.filter((row) => row.seq > seq).slice(0, most),
		get firstSeq() {
			return lastSeq + 1 - rows.length;
		},
		get lastSeq() {
			return lastSeq;
		},
	};
	return {
		keeper,
		rows,
		full: (now: boolean) => {
			isFull = now;
		},
	};
}

describe('an event log', () => {
	it('numbers events without gaps and tells those behind any of them', () => {
		const log = new EventLog({ log: silentLogger });
		const told: number[] = [];
		log.appended.subscribe(({ seq }) => told.push(seq));
		for (const reason of ['a', 'b', 'c']) log.append(event(reason));
		expect(told).toEqual([1, 2, 3]);
		expect(reasons(log.since(1, 10))).toEqual(['b', 'c']);
		expect(reasons(log.since(0, 2))).toEqual(['a', 'b']);
		expect([log.firstSeq, log.lastSeq, log.since(3, 10)]).toEqual([1, 3, []]);
	});

	it('keeps no more than so many, and no more than so many bytes of them', () => {
		const log = new EventLog({ log: silentLogger });
		for (let at = 0; at < mostEvents + 5; at++) log.append(event(`e${at}`));
		expect([log.firstSeq, log.lastSeq]).toEqual([6, mostEvents + 5]);
		expect(reasons(log.since(5, 1))).toEqual(['e5']);
		for (let at = 0; at < 2_000; at++) log.append(event('big', { stderrTail: ['x'.repeat(8_000)] }));
		const left = log.lastSeq - log.firstSeq + 1;
		expect(left).toBeLessThan(600);
		expect(log.since(log.firstSeq - 1, 10_000).length).toBe(left);
	});

	it('finds the place of a time', () => {
		const log = new EventLog({ log: silentLogger });
		for (let second = 10; second < 20; second++) log.append(event('x', { at: `2026-01-01T00:00:${second}.000Z` }));
		expect(log.before('2026-01-01T00:00:00.000Z')).toBe(0);
		expect(log.before('2026-01-01T00:00:15.000Z')).toBe(5);
		expect(log.before('2026-01-01T00:00:15.001Z')).toBe(6);
		expect(log.before('2026-01-02T00:00:00.000Z')).toBe(10);
	});

	it('goes on with the numbers of an earlier daemon, and tells what that one kept', () => {
		const { keeper } = keeping();
		const before = new EventLog({ log: silentLogger, keeper });
		for (const reason of ['a', 'b', 'c']) before.append(event(reason));
		const log = new EventLog({ log: silentLogger, keeper });
		log.append(event('d'));
		expect([log.firstSeq, log.lastSeq]).toEqual([1, 4]);
		const seen: (string | null)[] = [];
		for (let seq = 0; ; ) {
			const batch = log.since(seq, 2);
			if (batch.length === 0) break;
			seen.push(...reasons(batch));
			seq = batch.at(-1)?.seq ?? seq;
		}
		expect(seen).toEqual(['a', 'b', 'c', 'd']);
	});

	it('writes what a full disk did not take once it does, under the same numbers', () => {
		const { keeper, rows, full } = keeping();
		const log = new EventLog({ log: silentLogger, keeper });
		log.append(event('a'));
		full(true);
		log.append(event('b'));
		log.append(event('c'));
		expect(reasons(log.since(0, 10))).toEqual(['a', 'b', 'c']);
		expect(rows.length).toBe(1);
		full(false);
		log.append(event('d'));
		expect(rows.map(({ seq, reason }) => `${seq}${reason}`)).toEqual(['1a', '2b', '3c', '4d']);
		expect(new EventLog({ log: silentLogger, keeper }).lastSeq).toBe(4);
	});

	it('says where it begins when the table of the store is shorter than the memory, or the other way round', () => {
		const short = keeping(2);
		const log = new EventLog({ log: silentLogger, keeper: short.keeper });
		for (const reason of ['a', 'b', 'c']) log.append(event(reason));
		expect([log.firstSeq, reasons(log.since(0, 10))]).toEqual([1, ['a', 'b', 'c']]);
		const later = new EventLog({ log: silentLogger, keeper: short.keeper });
		expect([later.firstSeq, reasons(later.since(1, 10))]).toEqual([2, ['b', 'c']]);
	});
});
