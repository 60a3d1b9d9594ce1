/** What a library's dialect adds to MessagePack, found before it is read. */

/** MessagePack's own timestamps, and what some libraries write for undefined. */
const readTypes: ReadonlySet<number> = new Set([0xff, 0x00]);
/** Integers as msgpackr writes them: those of more than 64 bits may have megabytes of digits, and to write these takes the square of their number. */
const integerType = 0x42;
const longestInteger = 8;

const isRead = (type: number, length: number): boolean =>
	readTypes.has(type) || (type === integerType && length <= longestInteger);

/**
 * The first extension type in one value that is not read. Those of msgpackr say in two bytes what takes a kilobyte to write
 * down (records), or let every value read the whole message again (bundles). Of what is no MessagePack it says nothing.
 */
export const foreignExtension = (bytes: Uint8Array): number | undefined => walk(bytes, noLimit);

/** Reading the body of an extension, and writing down what it stands for, takes as long as so many other values. */
const extensionValues = 8;
const shortestExtensionBytes = 3;

/** Whether one value is made of more than so many: keys are some, too, and an extension is as much as eight. */
export const hasMoreValues = (bytes: Uint8Array, most: number): boolean =>
	bytes.length > (most / extensionValues) * shortestExtensionBytes && walk(bytes, most) === tooMany;

const tooMany = -1;
/** More than any message holds, and a small integer: an infinite one would make the walk half as fast. */
const noLimit = 2 ** 30;

function walk(bytes: Uint8Array, most: number): number | undefined {
	const byte = (at: number): number => bytes[at] ?? 0;
	const two = (at: number): number => (byte(at) << 8) | byte(at + 1);
	const four = (at: number): number => two(at) * 65_536 + two(at + 2);
	let at = 0;
	let left = most;
	for (let values = 1; values > 0 && at < bytes.length; values--) {
		if (left-- <= 0) return tooMany;
		const token = byte(at++);
		if (token < 0x80 || token >= 0xe0) continue;
		if (token < 0x90) values += 2 * (token & 0x0f);
		else if (token < 0xa0) values += token & 0x0f;
		else if (token < 0xc0) at += token & 0x1f;
		else {
			switch (token) {
				case 0xc4:
				case 0xd9:
					at += 1 + byte(at);
					break;
				case 0xc5:
				case 0xda:
					at += 2 + two(at);
					break;
				case 0xc6:
				case 0xdb:
					at += 4 + four(at);
					break;
				case 0xc7:
					if (!isRead(byte(at + 1), byte(at))) return byte(at + 1);
					left -= extensionValues - 1;
					at += 2 + byte(at);
					break;
				case 0xc8:
					if (!isRead(byte(at + 2), two(at))) return byte(at + 2);
					left -= extensionValues - 1;
					at += 3 + two(at);
					break;
				case 0xc9:
					if (!isRead(byte(at + 4), four(at))) return byte(at + 4);
					left -= extensionValues - 1;
					at += 5 + four(at);
					break;
				case 0xcc:
				case 0xd0:
					at += 1;
					break;
				case 0xcd:
				case 0xd1:
					at += 2;
					break;
				case 0xca:
				case 0xce:
				case 0xd2:
					at += 4;
					break;
				case 0xcb:
				case 0xcf:
				case 0xd3:
					at += 8;
					break;
				case 0xd4:
				case 0xd5:
				case 0xd6:
				case 0xd7:
				case 0xd8:
					if (!isRead(byte(at), 1 << (token - 0xd4))) return byte(at);
					left -= extensionValues - 1;
					at += 1 + (1 << (token - 0xd4));
					break;
				case 0xdc:
					values += two(at);
					at += 2;
					break;
				case 0xdd:
					values += four(at);
					at += 4;
					break;
				case 0xde:
					values += 2 * two(at);
					at += 2;
					break;
				case 0xdf:
					values += 2 * four(at);
					at += 4;
					break;
			}
		}
	}
	return undefined;
}
