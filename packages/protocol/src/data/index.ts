/**
 * The data plane's wire: frames, credits, bodies, and the time that frames are stamped with.
 *
 * Guarantees: constants and pure functions over bytes, a reckoning of two clocks that are passed in, shared by the router and
 * every client library; nothing of Node, no schema library. Deliberately not here: queues, routing, sockets.
 */
export {
	type DataErrorCode,
	type DeclareBody,
	type DroppedBody,
	type DropReason,
	dataErrorCodes,
	dataProtocol,
	dropReasons,
	type ErrorBody,
	type HelloBody,
	maxPingBytes,
	maxTypeNameBytes,
	maxTypes,
	maxTypesPerRuntime,
	type PeerBody,
	type ReplyErrorBody,
	type TypedefBody,
	type TypeEntry,
	type WelcomeBody,
} from './bodies.ts';
export { belowLimit, type CreditEntry, creditEntryBytes, readCredits, writeCredit } from './credit.ts';
export {
	type Codec,
	checkHeader,
	codecs,
	directHeaderBytes,
	FrameFlag,
	type FrameFault,
	type FrameFields,
	type FrameHeader,
	FrameKind,
	frameMagic,
	headerBytes,
	makeFrame,
	maxFrameBytes,
	maxPayloadBytes,
	readHeader,
	readU32,
	writeHeader,
	writeU32,
} from './frame.ts';
export { msgpackOptions, unpackOne } from './one-value.ts';
export { StampClock } from './stamp-clock.ts';
export { tooManyBytes, typeNameBytes, typeNameFault, typeNamePattern } from './type-name.ts';
