import { describe, expect, it } from 'vitest';
import { withDeadline } from './clock.ts';
import { ManualClock, settle } from './testing/index.ts';

const late = () => new Error('too late');

describe('a deadline', () => {
	it('gives the result in time, and leaves no timer behind', async () => {
		const clock = new ManualClock();
		await expect(withDeadline(clock, 100, async () => 7, late)).resolves.toBe(7);
		expect(clock.pending).toBe(0);
	});

	it('rejects when it passes, and aborts the work', async () => {
		const clock = new ManualClock();
		let aborted: unknown;
		const waiting = withDeadline(
			clock,
			100,
			(signal) =>
				new Promise(() =>
					signal.addEventListener('abort', () => {
						aborted = signal.reason;
					}),
				),
			late,
		);
		const outcome = expect(waiting).rejects.toThrow('too late');
		await clock.advance(100);
		await outcome;
		expect(aborted).toMatchObject({ message: 'too late' });
	});

	it('rejects at once when its caller gives up, also where the work does not listen', async () => {
		const clock = new ManualClock();
		const controller = new AbortController();
		const waiting = withDeadline(clock, 100, () => new Promise(() => {}), late, controller.signal);
		const outcome = expect(waiting).rejects.toThrow('no more');
		controller.abort(new Error('no more'));
		await outcome;
		expect(clock.pending).toBe(0);
		await expect(withDeadline(clock, 100, () => new Promise(() => {}), late, controller.signal)).rejects.toThrow('no more');
	});
});

describe('the manual clock', () => {
	it('fires what is due, in order, and lets promises settle after each', async () => {
		const clock = new ManualClock();
		const seen: string[] = [];
		void clock.sleep(20).then(() => seen.push('b'));
		void clock.sleep(10).then(() => seen.push('a'));
		clock.setTimer(10, () => seen.push('timer')).cancel();
		await clock.advance(9);
		expect(seen).toEqual([]);
		await clock.advance(11);
		expect(seen).toEqual(['a', 'b']);
		await settle();
		expect(clock.pending).toBe(0);
	});
});
