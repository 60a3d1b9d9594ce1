/** msgpackr's own way to write integers, an extension of MessagePack, as far as it is taken. */

/** A list of bytes, the highest first, in two's complement. */
export const integerExtension = 0x42;

/** Throws on more than 64 bits: there may be megabytes of digits, and to write those takes the square of their number. */
export function takeInteger(bytes: Uint8Array): bigint {
	if (bytes.length > 8) throw new Error(`an integer of ${bytes.length} bytes, at most 8 are taken`);
	let value = 0n;
	for (const byte of bytes) value = (value << 8n) | BigInt(byte);
	return BigInt.asIntN(bytes.length * 8, value);
}
