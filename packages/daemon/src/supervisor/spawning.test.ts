import { execa } from 'execa';
import { afterEach, expect, test } from 'vitest';
import { canTakeDescriptors, takeDescriptors } from '@orch/base/testing';
import { spawned } from './spawning.ts';

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
			expect(() => spawned(() => execa('/bin/true'))).toThrow(expect.objectContaining({ code: 'EMFILE' }));
			// its child tells of it in the next turn
			await new Promise((resolve) => setImmediate(resolve));
		} finally {
			process.off('uncaughtException', hear);
		}
		expect(uncaught).toEqual([]);
		giveBack();
		giveBack = undefined;
		expect(await spawned(() => execa('/bin/true'))).toMatchObject({ exitCode: 0 });
	},
);

test('what cannot be spawned for another reason is told as it is', async () => {
	expect(() => spawned(() => execa('/bin/true', ['a\0b']))).toThrow('null bytes');
	await expect(spawned(() => execa('/nowhere/true'))).rejects.toMatchObject({ code: 'ENOENT' });
});
