import { expect, test } from 'vitest';
import { settleAll } from './turns.ts';

test('what all give is given in their order', async () => {
	expect(await settleAll([Promise.resolve(1), Promise.resolve(2)])).toEqual([1, 2]);
});

test('the first failure is thrown when all are over, and not before', async () => {
	let end = () => {};
	let isOver = false;
	const last = new Promise<void>((resolve) => {
		end = resolve;
	}).then(() => {
		isOver = true;
	});
	const settled = settleAll([Promise.reject(new Error('one')), Promise.reject(new Error('two')), last]);
	end();
	await expect(settled).rejects.toThrow('one');
	expect(isOver).toBe(true);
});
