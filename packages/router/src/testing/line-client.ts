/** A client of JSON Lines, in whatever dialect its test speaks. */
import { createConnection, type Socket } from 'node:net';

export class LineClient {
	readonly socket: Socket;
	readonly lines: string[] = [];
	closed = false;
	#tail = '';

	private constructor(socket: Socket) {
		this.socket = socket;
		socket.setEncoding('utf8');
		socket.on('data', (text) => {
			const parts = (this.#tail + text).split('\n');
			this.#tail = parts.pop() as string;
			this.lines.push(...parts);
		});
		socket.on('error', () => {});
		socket.on('close', () => {
			this.closed = true;
		});
	}

	static async connect(path: string): Promise<LineClient> {
		const socket = createConnection({ path });
		await new Promise<void>((resolve, reject) => {
			socket.once('connect', resolve);
			socket.once('error', reject);
		});
		return new LineClient(socket);
	}

	write(...lines: (string | object)[]): void {
		this.socket.write(lines.map((line) => `${typeof line === 'string' ? line : JSON.stringify(line)}\n`).join(''));
	}

	raw(bytes: Uint8Array | string): void {
		this.socket.write(bytes);
	}

	get values(): Record<string, unknown>[] {
		return this.lines.map((line) => JSON.parse(line) as Record<string, unknown>);
	}

	pause(): void {
		this.socket.pause();
	}

	resume(): void {
		this.socket.resume();
	}

	destroy(): void {
		this.socket.destroy();
	}
}
