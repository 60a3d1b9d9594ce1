import { type Call, OrchError } from '@orch/protocol';
import { expect, test } from 'vitest';
import type { Binaries } from '../../binaries/index.ts';
import { type Runtimes, runtimeHandlers } from './runtime.ts';

const id = '01900000-0000-7000-8000-000000000001';

/** The output of one runtime, of which it is known how many read it. */
function reading() {
	const counts = { open: 0 };
	const handlers = runtimeHandlers({
		runtimes: {
			byName: () => ({ id, name: 'flood', status: 'running' }),
			async *output() {
				counts.open++;
				try {
					for (;;) yield new Uint8Array([1]);
				} finally {
					counts.open--;
				}
			},
		} as unknown as Runtimes,
		binaries: {} as Binaries,
		maxRuntimes: 1,
		now: () => 0,
		whileOpen: () => {},
	});
	const call = {
		signal: new AbortController().signal,
		fail: (code: never, data: never): never => {
			throw new OrchError(code, data);
		},
	} as unknown as Call<never>;
	return { handlers, call, counts };
}

test.each(['runtime.stdout', 'runtime.stderr'] as const)(
	'a reader of %s who leaves while there is more to come leaves nothing open',
	async (operation) => {
		const { handlers, call, counts } = reading();
		const items = handlers[operation]({ runtime: 'flood', follow: true }, call);
		expect((await items.next()).value).toEqual({ bytes: new Uint8Array([1]) });
		expect(counts.open).toBe(1);
		await items.return({ ended: 'end' });
		expect(counts.open).toBe(0);
	},
);
