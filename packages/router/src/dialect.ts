/** How one kind of line client writes and reads. */
import type { Codec, DataErrorCode, DropReason } from '@orch/protocol/data';
import type { Unsaid } from './lines.ts';
import type { Notice, Sender } from './link.ts';
import type { ControlOutcome, PeerCodec, PendingRequest, Reply } from './peer.ts';
import type { TypeRefused } from './refusals.ts';
import type { Source } from './source.ts';

/** What surrounds the payloads on one path. */
export interface Form {
	readonly prefix: Buffer;
	readonly suffix: Buffer;
}

/** A line to write: the payload between what surrounds it; or why it cannot be written. */
export type Line = { readonly before: Buffer; readonly payload: Buffer; readonly after: Buffer } | DropReason;

/** How one kind of line client writes and reads. */
export interface Dialect {
	readonly codec: PeerCodec;
	/** Its clients can answer requests. */
	readonly answers: boolean;
	/** What stays the same of all messages of a sender's type. */
	form(sender: Sender): Form;
	/** A message as a line; of a request also who asks. */
	line(form: Form, sender: Sender, payload: Buffer, request: { readonly src: number; readonly corr: number } | undefined): Line;
	/** A line of the client, white space at its end cut off. `valid`: it is UTF-8. */
	take(speaker: LineSpeaker, buffer: Buffer, start: number, end: number, valid: boolean): void;
	notice(notice: Notice): string | undefined;
	/** A fault of the client; `re` is the client's own id of the request that it is about, `of` tells of which messages it is. */
	error(code: string, message: string, re: string | undefined, of?: Omit<TypeRefused, 'message'>): string | undefined;
	/** A reply as a line, or why none can carry it. */
	reply(request: PendingRequest, reply: Reply, id: string): { readonly line: string } | Unsaid;
}

/** What a dialect does with what it has read: in the name of the client that wrote it. */
export interface LineSpeaker {
	/** A message of the client. Gives its source, so that the dialect may remember it. */
	message(type: string, codec: Codec, buffer: Buffer, start: number, end: number): Source | undefined;
	/** A message of a source that the dialect remembers. */
	add(source: Source, buffer: Buffer, start: number, end: number): void;
	/** A request of the client, which calls it `id` (a JSON value, as text). */
	request(type: string, codec: Codec, payload: Buffer, id: string): void;
	/** The client answers what came to it as request `re`. */
	answer(re: string, reply: Reply): void;
	ready(): void;
	/** An operation that the client asks orchd for. Gives why not, where orchd is not asked. */
	control(operation: string, params: unknown, done: (outcome: ControlOutcome) => void): ControlOutcome | undefined;
	/** Something is wrong with what the client sends: it is counted, and said where the dialect has words for it. */
	complain(code: DataErrorCode, message: string, re?: string): void;
	/** The answer to something that was taken. */
	put(line: string): void;
	/** What is refused at once to a client that waits for an answer. */
	refuse(line: string): void;
}
