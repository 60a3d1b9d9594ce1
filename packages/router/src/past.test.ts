/** What is kept of what a process claims to have sent and seen. */
import { expect, test } from 'vitest';
import { PastConnections } from './past.ts';

test.each([
	['connected before', true],
	['unknown so far', false],
])('of a process that was %s only numbers of types that there are are kept', (_what, known) => {
	const past = new PastConnections((typeId) => typeId <= 2);
	if (known) past.connected();
	past.ended(new Map([[1, 10]]));
	for (let life = 1; life <= 3; life++) {
		const { told, missing } = past.resume(7, {
			port: 7,
			sent: [
				[1, 12],
				[2, 5],
				[100 * life, 3],
			],
			seen: [
				[8, 1, 4],
				[8, 200 * life, 4],
			],
		});
		expect(past.lastSeqs).toEqual(
			new Map([
				[1, 12],
				[2, 5],
			]),
		);
		expect(missing.map(({ typeId, count }) => [typeId, count])).toEqual(
			known && life === 1
				? [
						[1, 2],
						[2, 5],
					]
				: [],
		);
		expect(told.sent).toEqual(
			known
				? new Map()
				: new Map([
						[1, 12],
						[2, 5],
					]),
		);
		expect(told.seen).toEqual(known ? new Map() : new Map([[8, new Map([[1, 4]])]]));
	}
});
