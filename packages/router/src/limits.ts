/** Every bound of the data plane, by name. */

/**
 * What a receiver that reports may have unconsumed of one type: from the first as far as the second, by how fast it
 * consumes, so that what is with it (and lost with it) is some milliseconds of its work; see docs/decisions/0002-router-frame.md.
 */
export const firstWindowBytes = 256 * 1024;
export const windowBytes = 4 * 1024 * 1024;
/** A window that is consumed within the first grows, one that takes longer than the second shrinks. */
export const quickWindowMs = 25;
export const slowWindowMs = 100;
/** The same for a receiver that does not report: what may be in its socket. */
export const lineWindowBytes = 256 * 1024;
/**
 * Bytes that a socket takes, beside what the system does, before it asks us to wait for it. Credit is given for half of it at a
 * time, and each time wakes the sender: half as much cost messages of 256 bytes 4 % of their rate.
 */
export const socketHighWaterBytes = 2 * 1024 * 1024;
/** What is gathered for a socket before it is written without waiting for the end of the turn. */
export const flushBytes = 256 * 1024;
/** Answers and notices (not messages) that one client may leave unread; what comes on top is not told any more. */
export const maxUnreadNoticeBytes = 2 * 1024 * 1024;

/** Replies that one client may leave unread; whoever asked for more is told that there was no room. */
export const maxUnreadReplyBytes = 16 * 1024 * 1024;

/**
 * Of a client that leaves more than the first unread no request is taken, none to orchd, and no declaration: so what still has to be
 * answered is bounded, and is answered in any case. What is refused to it at once is told up to the second, from where on it is only
 * counted.
 */
export const maxUnreadAskingBytes = 24 * 1024 * 1024;
export const maxUnreadRefusalBytes = 32 * 1024 * 1024;

/** How far ahead of its receiver a `block` sender may be, however large the mailbox is while the receiver takes. */
export const creditAheadBytes = 2 * 1024 * 1024;

/**
 * What is read at once from a client that sends little, from one that sends much of one type, and from one that sends many types in
 * turn. What is read is to be in the processor's cache still when it is written: twice as much at once cost short messages a tenth of
 * their rate. Where it goes to many receivers, half as much cost a quarter, in shorter writes.
 */
export const firstReadBytes = 16 * 1024;
export const readBytes = 128 * 1024;
export const wideReadBytes = 256 * 1024;
/** What was read into, and waits to be read into again, of all clients together; see read-memory.ts. */
export const leftMemoryBytes = 4 * 1024 * 1024;
/** More than so many holders of one piece of memory are not counted: it is not read into again. */
export const maxHolds = 64;
/** From this length on frames are long: a read is of whole ones, about as much as of short ones. */
export const longFrameBytes = 8 * 1024;
/** An unfinished frame up to this length is moved rather than left in other memory. */
export const movedBytes = 8 * 1024;
/** Pieces for one socket that are shorter than this on average are copied into one write. */
export const gatherBelowBytes = 1024;
/** What a mailbox with little in it holds of memory at first, and the most that it takes at once. */
export const firstSlabBytes = 1024;
export const slabBytes = 64 * 1024;
/** What one link hands over before the next one has its turn. */
export const turnBytes = 64 * 1024;

/** What may be on its way by a link that drops its oldest messages: what is in there cannot be replaced by fresher ones. */
export const freshBytes = 256 * 1024;
/** Mailboxes of such links up to this many messages keep what is on its way as short as themselves. */
export const freshMessages = 64;

export const maxLineBytes = 16 * 1024 * 1024;
/** Veecle's codec refuses longer lines, and ends the runtime's connection over one. */
export const maxVeecleLineBytes = 2048;
/** A hello may list what was sent and seen, type by type. */
export const maxHelloBytes = 4 * 1024 * 1024;
/** Deeper JSON is refused: receivers of many languages could not read it. */
export const maxJsonDepth = 512;
/** Members that one line is looked through for. */
export const maxLineMembers = 64;
/**
 * Values of a message that is written anew, from MessagePack to JSON or back: so many take some 0.1 s, for everybody. One in the body of
 * an extension takes as long as eight others.
 */
export const maxTranscodedValues = 131_072;
/** A hello may list 65,536 numbers that were seen, each of three values. */
export const maxHelloValues = 524_288;

/** After the death of a router its clients come back within this; till then they are slow rather than down. */
export const awaitedMs = 5_000;

/** Connections of one runtime that have not yet said who they are, or wait for an earlier one to close. */
export const maxUnknownConnections = 16;
export const helloMs = 2_000;

/** Requests of one runtime that wait for their replies. */
export const maxPendingRequests = 8_192;
/** When that many wait, those that have waited this long make room. */
export const staleRequestMs = 60_000;
/** Control requests of one runtime that wait for orchd. */
export const maxControlRequests = 64;
/** What one of them may say to orchd. */
export const maxControlBytes = 1024 * 1024;

/** Kinds of drops that one link keeps apart until its receiver is told. */
export const maxDropNotices = 64;
/** Messages, and bytes of their bodies, that a tap keeps for its reader. */
export const maxTapMessages = 512;
export const maxTapBytes = 1024 * 1024;
/** Events that wait for orchd before they are replaced by the state of things. */
export const maxWaitingEvents = 4_096;

/** One latency in so many messages is looked at. */
export const latencyEvery = 64;
/** Without orchd and without a client the router ends after this. */
export const aloneMs = 10 * 60_000;
/** Mailbox of what is sent straight to a runtime, without a link. */
export const directMailbox = { messages: 1_024, bytes: 8 * 1024 * 1024 };

/** Schemas that one table may have, and all their texts together. */
export const maxSchemas = 4_096;
export const maxSchemasBytes = 8 * 1024 * 1024;
/** A longer message of a type that has a schema is refused: to read it would hold up everybody else. */
export const maxCheckedBytes = 1024 * 1024;
/** What a check whose time does not go by the message's length may take for one message. */
export const checkMs = 50;
/** After one that took longer, its sender's messages of the type are refused unseen for so long. */
export const shunMs = 1_000;
/** Refusals of one connection that are told one by one within this time; more are put together, by type. */
export const refusalsMs = 1_000;
export const maxRefusals = 16;
export const maxRefusedTypes = 16;

/** A message of each sender's type is looked at so often, to show one of late. */
export const sampleMs = 1_000;
export const sampleBytes = 512;
export const maxSamples = 1_024;
