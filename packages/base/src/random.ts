/** Chance, as a parameter: the only file of the daemon and the router that draws it. */
import { randomBytes } from 'node:crypto';
import { v7 } from 'uuid';

export interface Random {
	/** A number from 0 up to, not including, 1. */
	float(): number;
	/** A UUIDv7: grows with time within a process, random in its last group. */
	uuid(): string;
	/** Unpredictable bytes, fit for secrets. */
	bytes(count: number): Uint8Array;
}

export const systemRandom: Random = {
	float: () => Math.random(),
	uuid: () => v7(),
	bytes: (count) => randomBytes(count),
};
