import { expect, test } from 'vitest';
import { Removals } from './removals.ts';

const never = new AbortController().signal;

/** A removal that ends when the test says so. */
function removal() {
	const counts = { begun: 0 };
	let end = (_error?: Error) => {};
	const remove = () => {
		counts.begun++;
		return new Promise<void>((resolve, reject) => {
			end = (error) => (error ? reject(error) : resolve());
		});
	};
	return { counts, remove, end: (error?: Error) => end(error) };
}

test('whoever wants the same removal waits for it, and it is done once', async () => {
	const removals = new Removals();
	const { counts, remove, end } = removal();
	const both = [removals.do('a', remove, never), removals.do('a', remove, never)];
	end();
	await Promise.all(both);
	expect(counts.begun).toBe(1);
	const again = removals.do('a', remove, never);
	expect(counts.begun).toBe(2);
	end();
	await again;
});

test('where nothing came of it the next does it himself', async () => {
	const removals = new Removals();
	const { counts, remove, end } = removal();
	const first = removals.do('a', remove, never);
	const second = removals.do('a', remove, never);
	end(new Error('called off'));
	await expect(first).rejects.toThrow('called off');
	await Promise.resolve();
	expect(counts.begun).toBe(2);
	end();
	await second;
});

test('who waits for that of somebody else may stop waiting, which ends no removal', async () => {
	const removals = new Removals();
	const { remove, end } = removal();
	const first = removals.do('a', remove, never);
	const impatient = new AbortController();
	const second = removals.do('a', remove, impatient.signal);
	impatient.abort(new Error('enough'));
	await expect(second).rejects.toThrow('enough');
	end();
	await first;
});
