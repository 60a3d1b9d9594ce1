/** Launches where somebody has removed the directories that they need. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '@orch/base/testing';
import { expect, test } from 'vitest';
import { readOutput } from './output/index.ts';
import { type Real, superviseReally } from './testing/real.ts';

async function outputOf(real: Real, id: string): Promise<string> {
	const output = real.supervisor.outputs.find(id);
	if (!output) throw new Error('it has no output');
	let text = '';
	for await (const bytes of readOutput(output, { stream: 'stdout', follow: false })) text += Buffer.from(bytes).toString();
	return text;
}

for (const removed of ['logs', 'launches', 'processes', ''])
	test(`a launch makes ${removed === '' ? 'the whole state' : `${removed}/`} anew where it was removed`, async () => {
		const real = superviseReally();
		try {
			const id = real.add('/bin/sh', ['-c', 'echo hello; exec sleep 1000'], { cwd: '/' });
			await real.supervisor.start(id);
			await until('its output', async () => (await outputOf(real, id)) === 'hello\n');
			await real.supervisor.stop(id);
			for (let round = 0; round < 2; round++) {
				rmSync(join(real.directory, removed), { recursive: true });
				const { status, generation } = await real.supervisor.start(id);
				expect([status, generation]).toEqual(['running', round + 2]);
				await until('its new output', async () => (await outputOf(real, id)).endsWith('hello\n'));
				await real.supervisor.stop(id);
			}
		} finally {
			await real.close();
		}
	});

test('of many launches at once each finds what it needs made anew', async () => {
	const real = superviseReally();
	try {
		const ids = Array.from({ length: 8 }, () => real.add('/bin/sleep', ['1000'], { cwd: '/' }));
		rmSync(real.directory, { recursive: true });
		expect(await Promise.all(ids.map(async (id) => (await real.supervisor.start(id)).status))).toEqual(ids.map(() => 'running'));
	} finally {
		await real.close();
	}
});
