/** Descriptors are held for looking at who has ended, and are there for the next look whatever the one before found. */
import { openSync } from 'node:fs';
import { canTakeDescriptors, takeDescriptors } from '@orch/base/testing';
import { expect, test } from 'vitest';
import { listPids, readStat, readVariable } from './proc-scan.ts';
import { closeLook, openLook } from './shortage.ts';

/** Beyond what any system gives away. */
const nobody = 2 ** 30;

test.skipIf(!canTakeDescriptors)('without a descriptor one look after the other is taken, also at those who are gone', () => {
	closeLook(openLook('/dev/null'));
	const giveBack = takeDescriptors();
	try {
		for (let round = 0; round < 3; round++) {
			expect(readStat(nobody)).toBeUndefined();
			// nobody else has got it meanwhile
			expect(() => openSync('/dev/null', 'r')).toThrow('EMFILE');
			expect(readStat(process.pid)?.pid).toBe(process.pid);
			// everybody who may belong to a program is looked for as well
			expect(listPids()).toContain(process.pid);
			expect(readVariable(process.pid, 'PATH')).toBe(process.env['PATH']);
			expect(() => openSync('/dev/null', 'r')).toThrow('EMFILE');
		}
	} finally {
		giveBack();
	}
});
