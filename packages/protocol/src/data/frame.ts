/**
 * The data-plane frame: a 32-byte little-endian header made to be forwarded, not decoded.
 *
 * ```
 *  off size field
 *    0   1  magic      0xF9, never the first byte of UTF-8 text
 *    1   1  kind       FrameKind
 *    2   1  flags      FrameFlag bits
 *    3   1  hdrWords   header length / 4 (8…63): unknown words are skipped, so that the header can grow
 *    4   4  frameLen   total length, header included
 *    8   4  typeId     the same id on every connection of a router, 0 = none
 *   12   4  src        port id of the sender, given by the router
 *   16   4  seq        of data frames: +1 per (src, typeId), the first is 1, wraps; a gap is a loss. 0 in all others: requests
 *                      and replies go to one receiver, and what they took of the numbers would look like a loss to the rest
 *   20   4  corr       request/reply: correlation id, else 0
 *   24   8  ts         microseconds since the Unix epoch at the sender
 *  [32   4  dst]       when FrameFlag.direct: port id of the one receiver (replies)
 *  payload             opaque bytes in the codec of the type
 * ```
 *
 * Every field means the same on both sides of the router, so it verifies `src` and never writes into a frame.
 */

export const frameMagic = 0xf9;
export const headerBytes = 32;
/** The header of a frame that names its one receiver. */
export const directHeaderBytes = 36;
/** Total length of a frame, header included, unless a connection agreed on less. */
export const maxFrameBytes = 16 * 1024 * 1024;
/** What a message may have in such a frame. */
export const maxPayloadBytes = maxFrameBytes - headerBytes;

/** Who sends which: c = client (a runtime), r = router. Bodies of control kinds (16 and up) are MessagePack unless said. */
export const FrameKind = {
	/** c→r→c: a message. */
	data: 0,
	/** c→r→c: a message that wants a reply; `corr` is the requester's. */
	request: 1,
	/** c→r→c: the reply, `direct` to the requester's port, same `corr` and `typeId`; with FrameFlag.error the payload is a ReplyErrorBody. */
	reply: 2,
	/** c→r, first: HelloBody. */
	hello: 16,
	/** r→c: WelcomeBody. */
	welcome: 17,
	/** c→r: DeclareBody. Answered by one `typedef` and one `credit`. */
	declare: 18,
	/** r→c: TypedefBody, before the first frame that uses an id. */
	typedef: 19,
	/** r→c: PeerBody, before the first frame from a port. */
	peer: 20,
	/** r→c: what may be sent; c→r: what has been consumed. Fixed 16-byte entries, see `credit.ts`. */
	credit: 21,
	/** r→c: DroppedBody, before the next delivered frame of that link. */
	dropped: 22,
	/** both: answered by `pong` with the same payload (at most `maxPingBytes`), in order with what else is sent. */
	ping: 23,
	pong: 24,
	/** r→c: ErrorBody. */
	error: 25,
	/** both: no more frames follow. Whatever does is not looked at. */
	bye: 26,
	/** c→r and back: one control-protocol request `[0, id, operation, params]` of a privileged runtime, answered by `[1, id, result]` or `[2, id, error]`. */
	control: 27,
	/** c→r: the runtime says that it is ready. Empty payload. */
	ready: 28,
} as const;
export type FrameKind = (typeof FrameKind)[keyof typeof FrameKind];

export const FrameFlag = {
	/** The word `dst` follows the header. */
	direct: 1 << 1,
	/** A reply that carries an error. */
	error: 1 << 3,
	/** The receiver must understand what it does not know, or refuse the frame. */
	critical: 1 << 7,
} as const;

/** How the payload of a type is written. */
export const codecs = ['json', 'msgpack', 'raw'] as const;
export type Codec = (typeof codecs)[number];

export interface FrameHeader {
	readonly kind: number;
	readonly flags: number;
	/** Where the payload starts, from the start of the frame. */
	readonly headerBytes: number;
	readonly frameBytes: number;
	readonly typeId: number;
	readonly src: number;
	readonly seq: number;
	readonly corr: number;
	/** Microseconds since the Unix epoch. */
	readonly ts: number;
	/** 0 unless the frame is direct. */
	readonly dst: number;
}

export interface FrameFields {
	readonly kind: number;
	readonly flags?: number;
	readonly typeId?: number;
	readonly src?: number;
	readonly seq?: number;
	readonly corr?: number;
	readonly ts?: number;
	/** Makes the frame direct. */
	readonly dst?: number;
}

export const readU32 = (bytes: Uint8Array, at: number): number =>
	((bytes[at] as number) |
		((bytes[at + 1] as number) << 8) |
		((bytes[at + 2] as number) << 16) |
		((bytes[at + 3] as number) << 24)) >>>
	0;

export function writeU32(bytes: Uint8Array, at: number, value: number): void {
	bytes[at] = value;
	bytes[at + 1] = value >>> 8;
	bytes[at + 2] = value >>> 16;
	bytes[at + 3] = value >>> 24;
}

/** Writes the header of a frame with a payload of `payloadBytes` at `at`; returns where the payload starts. */
export function writeHeader(target: Uint8Array, at: number, fields: FrameFields, payloadBytes: number): number {
	const direct = fields.dst !== undefined;
	const header = direct ? directHeaderBytes : headerBytes;
	const ts = fields.ts ?? 0;
	target[at] = frameMagic;
	target[at + 1] = fields.kind;
	target[at + 2] = (fields.flags ?? 0) | (direct ? FrameFlag.direct : 0);
	target[at + 3] = header / 4;
	writeU32(target, at + 4, header + payloadBytes);
	writeU32(target, at + 8, fields.typeId ?? 0);
	writeU32(target, at + 12, fields.src ?? 0);
	writeU32(target, at + 16, fields.seq ?? 0);
	writeU32(target, at + 20, fields.corr ?? 0);
	writeU32(target, at + 24, ts % 2 ** 32);
	writeU32(target, at + 28, Math.floor(ts / 2 ** 32));
	if (fields.dst !== undefined) writeU32(target, at + headerBytes, fields.dst);
	return at + header;
}

/** One whole frame in memory of its own. */
export function makeFrame(fields: FrameFields, payload: Uint8Array): Uint8Array {
	const header = fields.dst === undefined ? headerBytes : directHeaderBytes;
	const frame = new Uint8Array(header + payload.length);
	frame.set(payload, writeHeader(frame, 0, fields, payload.length));
	return frame;
}

/** Reads a header whose `headerBytes` bytes are there and which `checkHeader` has accepted. */
export function readHeader(bytes: Uint8Array, at: number): FrameHeader {
	const flags = bytes[at + 2] as number;
	return {
		kind: bytes[at + 1] as number,
		flags,
		headerBytes: (bytes[at + 3] as number) * 4,
		frameBytes: readU32(bytes, at + 4),
		typeId: readU32(bytes, at + 8),
		src: readU32(bytes, at + 12),
		seq: readU32(bytes, at + 16),
		corr: readU32(bytes, at + 20),
		ts: readU32(bytes, at + 24) + readU32(bytes, at + 28) * 2 ** 32,
		dst: flags & FrameFlag.direct ? readU32(bytes, at + headerBytes) : 0,
	};
}

export type FrameFault = 'bad_magic' | 'bad_header' | 'too_large';

/** What is wrong with the header at `at` (its first 8 bytes are there), or undefined. Nothing may be buffered before this. */
export function checkHeader(bytes: Uint8Array, at: number, maxBytes: number): FrameFault | undefined {
	if (bytes[at] !== frameMagic) return 'bad_magic';
	const words = bytes[at + 3] as number;
	const header = words * 4;
	const needed = (bytes[at + 2] as number) & FrameFlag.direct ? directHeaderBytes : headerBytes;
	const length = readU32(bytes, at + 4);
	if (words > 63 || header < needed || length < header) return 'bad_header';
	return length > maxBytes ? 'too_large' : undefined;
}
