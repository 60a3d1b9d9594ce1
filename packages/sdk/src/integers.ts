/**
 * Refuses msgpackr's integers of more than 64 bits where the SDK reads. The extension is one for all who load the same copy of
 * msgpackr, so what the program itself reads by it stays as it was.
 */
import { addExtension, unpack } from 'msgpackr/pack';

/** A list of bytes, the highest first, in two's complement. */
const integerExtension = 0x42;

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

/** There may be megabytes of digits, and to write those takes the square of their number: the SDK takes 64 bits, the program as many as msgpackr itself. */
export function readInteger(bytes: Uint8Array): bigint {
	if (isOurs && bytes.length > 8) throw new Error(`an integer of ${bytes.length} bytes, at most 8 are taken`);
	return BigInt.asIntN(bytes.length * 8, BigInt(`0x${Buffer.from(bytes).toString('hex')}`));
}

/** The program has put no other reader in the place of msgpackr's own, for a type of its own. */
function isUntouched(): boolean {
	try {
		return unpack(Uint8Array.of(0xc7, 9, integerExtension, 1, 0, 0, 0, 0, 0, 0, 0, 0)) === 2n ** 64n;
	} catch {
		return false;
	}
}

if (isUntouched()) addExtension({ type: integerExtension, unpack: readInteger });
