/**
 * Refuses msgpackr's integers of more than 64 bits where the SDK reads. The extension is one for all who load the same copy of
 * msgpackr, so what the program itself reads by it stays as it was.
 */
import { integerExtension, takeInteger } from '@orch/protocol/data';
import { addExtension, unpack } from 'msgpackr/pack';

let isOurs = false;

/** Reads in the name of the SDK. */
export function reading<T>(read: () => T): T {
	isOurs = true;
	try {
		return read();
	} finally {
		isOurs = false;
	}
}

/** Of any length where it is the program that reads, as by msgpackr's own reader. */
export const readInteger = (bytes: Uint8Array): bigint =>
	isOurs || bytes.length <= 8
		? takeInteger(bytes)
		: BigInt.asIntN(bytes.length * 8, BigInt(`0x${Buffer.from(bytes).toString('hex')}`));

/** Nobody has put another reader in the place of msgpackr's own: the program for a type of its own, or an orchd within it. */
function isUntouched(): boolean {
	try {
		return unpack(Uint8Array.of(0xc7, 9, integerExtension, 1, 0, 0, 0, 0, 0, 0, 0, 0)) === 2n ** 64n;
	} catch {
		return false;
	}
}

if (isUntouched()) addExtension({ type: integerExtension, unpack: readInteger });
