/**
 * Reads MessagePack as it is defined, without what msgpackr's dialect adds to it: by a few of its bytes a short message could have
 * its reader read a long text again and again. Extensions that the program itself has given to msgpackr are read.
 *
 * To look through each message first would take a tenth of the time that it takes to read it. So the reader is caught where it
 * comes upon them: it takes the body of every extension by `subarray`, and keeps every record that it learns in a list.
 */
import { msgpackOptions, unpackOne } from '@orch/protocol/data';
import { Unpackr } from 'msgpackr/pack';

/** A list that takes no records. What the reader writes down beside them is there already. */
const noRecords: object[] = Object.preventExtensions(Object.assign([], { sharedLength: 0, restoreStructures: null }));

const reader = new Unpackr({ ...msgpackOptions, int64AsType: 'number', structures: noRecords });

/** Throws on what is not one whole value. */
export function unpack(bytes: Buffer, start: number, end: number): unknown {
	const message: Buffer = bytes.subarray(start, end);
	message.subarray = plainPart;
	try {
		return unpackOne(reader, message, trailing);
	} catch (error) {
		if (error instanceof TypeError && error.message.includes('not extensible'))
			throw new Error('extension type 114 is not read (a record of msgpackr: its option useRecords: false writes maps)', {
				cause: error,
			});
		throw error;
	}
}

const trailing = (bytes: number): Error => new Error(`${bytes} bytes follow the MessagePack value`);

/** Part of a message: the body of an extension, or a long text. */
function plainPart(this: Buffer, start = 0, end = this.length): Buffer<ArrayBuffer> {
	const type = this[start - 1] as number;
	if (isOfDialect(type) && isExtension(this, start, end - start)) refuse(type, end - start);
	return subarray.call(this, start, end) as Buffer<ArrayBuffer>;
}

const { subarray } = Buffer.prototype;

/** An integer of any length. */
const integer = 0x42;
const longestInteger = 8;
/** Texts of the whole message in one place. */
const bundle = 0x62;

/** From 101 on they are msgpackr's own. */
const isOfDialect = (type: number): boolean => type === integer || type === bundle || (type > 100 && type < 128);

/** Not so for a text whose length ends in the same byte as a type: in front of it there is another header. */
function isExtension(bytes: Buffer, at: number, length: number): boolean {
	const before = bytes[at - 2] as number;
	return (
		(before >= 0xd4 && before <= 0xd8 && 1 << (before - 0xd4) === length) ||
		(bytes[at - 3] === 0xc7 && before === length) ||
		(bytes[at - 4] === 0xc8 && bytes.readUInt16BE(at - 3) === length) ||
		(bytes[at - 6] === 0xc9 && bytes.readUInt32BE(at - 5) === length)
	);
}

/** There may be megabytes of digits, and to write those down takes the square of their number. */
function refuse(type: number, length: number): void {
	if (type !== integer) throw new Error(`extension type ${type} is not read`);
	if (length > longestInteger) throw new Error(`an integer of ${length} bytes, at most ${longestInteger} are read`);
}
