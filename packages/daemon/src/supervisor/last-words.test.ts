import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger, systemClock, systemRandom } from '@orch/base';
import { afterEach, expect, test } from 'vitest';
import { lastWords } from './last-words.ts';
import { OutputStore } from './output/index.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
	for (const clean of cleanups.splice(0).reverse()) await clean();
});

function begin() {
	const stateDirectory = mkdtempSync(join(tmpdir(), 'orch-words-'));
	cleanups.push(() => rmSync(stateDirectory, { recursive: true, force: true }));
	const store = new OutputStore({ clock: systemClock, random: systemRandom, log: silentLogger, stateDirectory, reserveBytes: 0 });
	cleanups.push(() => store.close());
	const output = store.open({ id: 'one', name: () => 'one', limits: () => undefined, freeze: async () => undefined });
	return { output, write: (text: string) => appendFileSync(`${output.directory}stderr.log`, text) };
}

test('the last words are the last ten lines of the last process, without colours, and none of a process before it', async () => {
	const { output, write } = begin();
	expect(await lastWords(output)).toEqual([]);
	output.began(1);
	write('of the first\n'.repeat(20));
	output.ended(1);
	output.began(2);
	write('\x1b[31mError\x1b[0m: no jobs\r\n\n  at main');
	expect(await lastWords(output)).toEqual(['Error: no jobs', '  at main']);
	write(`\n${Array.from({ length: 30 }, (_, at) => `line ${at}`).join('\n')}\n`);
	expect(await lastWords(output)).toEqual(Array.from({ length: 10 }, (_, at) => `line ${at + 20}`));
});

test('of a flood only the end is read, and of a line that is cut nothing', async () => {
	const { output, write } = begin();
	output.began(1);
	write(`${'x'.repeat(1_000_000)}\nthe end\n`);
	expect(await lastWords(output)).toEqual(['the end']);
	expect(await lastWords(undefined)).toEqual([]);
});
