/**
 * The control protocol's wire: messages, both encodings, and the session that speaks them.
 *
 * Guarantees: many requests at once, exactly one final message each; streams never hold more than their window; a
 * malformed body is answered and harms nothing else; a lost framing ends this connection only. Light: no schema library,
 * so that the CLI can bundle it. Deliberately not here: sockets (a `Channel` is passed in), the declared operations.
 */
export { errors, OrchError, RemoteError, toWireError, type ErrorCode, type ErrorData, type WireError } from '../errors.ts';
export type { Dispatch, ItemSource, Outcome } from '../dispatch.ts';
export { type Caller, createCaller } from './caller.ts';
export { hasMoreValues } from './dialect.ts';
export { createJsonCodec, fromBase64, jsonReplacer, toBase64 } from './json-codec.ts';
export {
	controlProtocol,
	type HelloMessage,
	MalformedMessage,
	type Message,
	type MessageCodec,
	maxMessageBytes,
} from './messages.ts';
export { createMsgpackCodec, pack, preface, unpack, unpackExact } from './msgpack-codec.ts';
export { ourHello } from './our-hello.ts';
export { type Channel, defaultWindow, maxRequestsPerConnection, Session, type SessionOptions } from './session.ts';
export { FrameReader, framed } from './framing.ts';
export { findPlaces, type HolderState, lockName, type Places, type PlacesInput } from '../places.ts';
export { type FileProblem, type ProblemStyle, renderProblem, renderProblems } from '../problems.ts';
export { isGivenName, isRuntimeName } from '../given-name.ts';
export { findByReference, suggestLinks } from '../references.ts';
export { shortId } from '../short-id.ts';
export { inheritedOf } from '../inherited.ts';
export { type Sample, Sampling } from '../sampling.ts';
export { suggest } from '../suggest.ts';
export { maxPayloadBytes, typeNameFault } from '../data/index.ts';
export { version } from '../version.ts';
