/** What comes with the payload of a message. */

export class Message {
	readonly type: string;
	/** The sender's runtime name. */
	readonly from: string;
	/** The sender's runtime id. */
	readonly fromId: string;
	/** Counts the sender's messages of this type, from 1: a gap is what others got, or what was dropped. 0 for a request. */
	readonly seq: number;
	/** When the sender sent it: milliseconds since the Unix epoch, with fractions. */
	readonly sentAt: number;

	constructor(type: string, from: string, fromId: string, seq: number, sentAt: number) {
		this.type = type;
		this.from = from;
		this.fromId = fromId;
		this.seq = seq;
		this.sentAt = sentAt;
	}
}

/** What it returns is awaited, if it is a promise, before the next message of its type is handed over. */
export type Handler<Data> = (data: Data, message: Message) => unknown;

/** Its result, or what its promise resolves to, is the reply. */
export type Replier<Request, Reply> = (data: Request, message: Message) => Reply | Promise<Reply>;
