import { once } from 'node:events';
import { afterEach, expect, test } from 'vitest';
import { spawnShell } from './spawn-shell.ts';
import { canTakeDescriptors, takeDescriptors } from './testing/descriptors.ts';

const invocation = { args: ['-c', 'exit 0'], env: {}, stdio: ['ignore', 'ignore', 'ignore', 'pipe'] as const };

let giveBack: (() => void) | undefined;
afterEach(() => {
	giveBack?.();
	giveBack = undefined;
});

test.runIf(canTakeDescriptors)(
	'a spawn for which no descriptor is left says so, and nothing of it is left to end the daemon',
	async () => {
		giveBack = takeDescriptors();
		const uncaught: unknown[] = [];
		const hear = (error: unknown) => uncaught.push(error);
		process.on('uncaughtException', hear);
		try {
			expect(() => spawnShell('/bin/sh', invocation)).toThrow(expect.objectContaining({ code: 'EMFILE' }));
			// its child tells of it in the next turn
			await new Promise((resolve) => setImmediate(resolve));
		} finally {
			process.off('uncaughtException', hear);
		}
		expect(uncaught).toEqual([]);
		giveBack();
		giveBack = undefined;
		const child = spawnShell('/bin/sh', invocation);
		await once(child as never, 'exit');
	},
);

test('what cannot be handed over at all is told as it is', () => {
	expect(() => spawnShell('/bin/sh', { ...invocation, args: ['-c', 'a\0b'] })).toThrow('null bytes');
});
