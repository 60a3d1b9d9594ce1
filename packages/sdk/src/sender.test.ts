/** Who goes first when the socket can take only some. */
import { expect, test } from 'vitest';
import type { BatchWriter } from './batch-writer.ts';
import { Sender } from './sender.ts';

test('types that wait for the socket take turns', async () => {
	const sent: number[] = [];
	// takes one message each time that it is open
	const writer = {
		open: false,
		text(_kind: number, typeId: number) {
			sent.push(typeId);
			this.open = false;
			return 33;
		},
	};
	const sender = new Sender({
		writer: writer as unknown as BatchWriter,
		codecOf: () => 'json',
		maxWaitingMessages: 100,
		maxWaitingBytes: 100,
		waits: () => {},
		declare: () => {},
	});
	const sends = ['A', 'A', 'A', 'B', 'B'].map((type) => sender.send(type, 1));
	sender.welcomed(1024, false);
	sender.defined({ id: 1, name: 'A', codec: 'json' });
	sender.defined({ id: 2, name: 'B', codec: 'json' });
	for (const typeId of [1, 2]) sender.credited([{ typeId, frames: 0, bytes: 0, unlimited: true }]);
	for (let round = 0; round < 5; round++) {
		writer.open = true;
		sender.resume();
	}
	await Promise.all(sends);
	expect(sent).toEqual([1, 2, 1, 2, 1]);
});
