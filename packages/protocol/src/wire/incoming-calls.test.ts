import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { settle } from '@orch/base/testing';
import { expect, it } from 'vitest';
import { IncomingCalls } from './incoming-calls.ts';

it('a stream that goes on holds none of the items that it has sent', async () => {
	const items: WeakRef<object>[] = [];
	let sent = 0;
	const calls = new IncomingCalls({
		limit: 1,
		isWritable: () => true,
		send: () => {
			sent++;
		},
		dispatch: async () => ({
			kind: 'stream',
			items: {
				async next() {
					if (items.length === 100) return new Promise(() => {});
					const item = { bytes: new Uint8Array(1_000) };
					items.push(new WeakRef(item));
					return { kind: 'item', item };
				},
				close: async () => {},
			},
		}),
	});
	calls.take(1, 'test.follow', {}, 1_000);
	while (sent < 100) await settle();
	// a weak reference that was made in this turn keeps what it refers to until the next
	await new Promise((resolve) => setImmediate(resolve));
	setFlagsFromString('--expose-gc');
	(runInNewContext('gc') as () => void)();
	expect(items.filter((item) => item.deref() !== undefined).length).toBeLessThan(5);
	expect(calls.size).toBe(1);
});
