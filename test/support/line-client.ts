/** A client that writes and reads lines of JSON: the data sockets in our dialect and in Veecle's, the control socket for `socat`. */
import { connectUnix } from '@orch/base';
import { until } from '@orch/base/testing';
import type { Socket } from 'node:net';

export type Line = Readonly<Record<string, unknown>>;

export class LineClient {
	readonly socket: Socket;
	/** Every whole line so far, as it came. */
	readonly texts: string[] = [];
	#rest: Buffer = Buffer.alloc(0);
	#closed = false;
	#taken = 0;

	private constructor(socket: Socket) {
		this.socket = socket;
		socket.on('data', (bytes: Buffer) => this.#receive(bytes));
		socket.on('error', () => {});
		socket.on('close', () => {
			this.#closed = true;
		});
	}

	static async connect(path: string): Promise<LineClient> {
		return new LineClient(await connectUnix(path));
	}

	get closed(): boolean {
		return this.#closed;
	}

	/** Parsed; a line that is not JSON is a defect of the sender and fails the test. */
	get lines(): Line[] {
		return this.texts.map((text) => JSON.parse(text) as Line);
	}

	/** What is not a string or bytes is written as a line of JSON. */
	send(...lines: readonly (string | Uint8Array | object)[]): void {
		for (const line of lines) {
			if (line instanceof Uint8Array || typeof line === 'string') this.socket.write(line);
			else this.socket.write(`${JSON.stringify(line)}\n`);
		}
	}

	/** Resolves once everything that was sent is in the kernel's hands. */
	async flushed(): Promise<void> {
		await until('what was sent is written', () => this.socket.writableLength === 0);
	}

	/** The next line that `fits`, of those that were not given yet. */
	async next(what: string, fits: (line: Line) => boolean = () => true, withinMs?: number): Promise<Line> {
		return until(
			`${what} comes; came: ${this.texts.slice(-5).join(' ')}`,
			() => {
				for (; this.#taken < this.texts.length; this.#taken++) {
					const line = JSON.parse(this.texts[this.#taken] ?? '') as Line;
					if (!fits(line)) continue;
					this.#taken++;
					return line;
				}
				if (this.#closed) throw new Error(`The connection ended before ${what} came: ${this.texts.slice(-5).join(' ')}`);
				return false;
			},
			withinMs,
		);
	}

	async ends(): Promise<void> {
		await until('the connection ends', () => this.#closed);
	}

	/** The number of lines that hold `text`. */
	count(text: string): number {
		return this.texts.filter((line) => line.includes(text)).length;
	}

	close(): void {
		this.socket.destroy();
	}

	#receive(bytes: Buffer): void {
		let rest = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
		for (let end = rest.indexOf(0x0a); end >= 0; end = rest.indexOf(0x0a)) {
			this.texts.push(rest.toString('utf8', 0, end));
			rest = rest.subarray(end + 1);
		}
		this.#rest = rest;
	}
}

/** Veecle's form of a message. */
export const storable = (type: string, value: unknown): object => ({
	Storable: { type_name: type, value: JSON.stringify(value) },
});
