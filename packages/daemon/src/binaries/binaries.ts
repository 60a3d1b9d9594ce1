/** Uploaded programs, kept by the hash of their content. */
import { createHash, type Hash } from 'node:crypto';
import { chmodSync, closeSync, existsSync, mkdirSync, openSync, readdirSync, renameSync, rmSync, writeSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Clock, Logger, Random, Timer } from '@orch/base';

export interface BinariesOptions {
	readonly clock: Clock;
	readonly random: Random;
	readonly log: Logger;
	readonly directory: string;
}

export const maxBinaryBytes = 1024 ** 3;
export const maxChunkBytes = 256 * 1024;
/** An upload that nothing is heard of for so long is thrown away. */
export const abandonedMs = 10 * 60_000;
export const maxUploads = 16;

interface Upload {
	readonly sha256: string;
	readonly size: number;
	readonly path: string;
	readonly descriptor: number;
	readonly hash: Hash;
	received: number;
	timer: Timer;
}

export type BinaryFault =
	| { readonly kind: 'too_large'; readonly bytes: number }
	| { readonly kind: 'busy' }
	| { readonly kind: 'unknown_upload' }
	| { readonly kind: 'bad_chunk'; readonly reason: string }
	| { readonly kind: 'mismatch'; readonly expected: string; readonly actual: string };

export class BinaryError extends Error {
	override readonly name = 'BinaryError';
	readonly fault: BinaryFault;

	constructor(fault: BinaryFault) {
		super(fault.kind);
		this.fault = fault;
	}
}

export class Binaries {
	readonly #options: BinariesOptions;
	readonly #uploads = new Map<string, Upload>();
	/** Which runtimes use a binary: it goes with the last of them. */
	readonly #users = new Map<string, Set<string>>();

	constructor(options: BinariesOptions) {
		this.#options = options;
		mkdirSync(options.directory, { recursive: true, mode: 0o700 });
	}

	/** What no runtime uses, and uploads that an earlier daemon did not finish, are taken away; to be called when all users are known. */
	removeUnused(): void {
		for (const name of readdirSync(this.#options.directory)) {
			if (!this.#users.has(name)) rmSync(join(this.#options.directory, name), { force: true });
		}
	}

	begin(size: number, sha256: string): { readonly upload: string; readonly present: boolean } {
		if (size > maxBinaryBytes) throw new BinaryError({ kind: 'too_large', bytes: size });
		if (existsSync(this.path(sha256))) return { upload: '', present: true };
		if (this.#uploads.size >= maxUploads) throw new BinaryError({ kind: 'busy' });
		const upload = this.#options.random.uuid();
		const path = join(this.#options.directory, `${upload}.part`);
		this.#uploads.set(upload, {
			sha256,
			size,
			path,
			descriptor: openSync(path, 'wx', 0o600),
			hash: createHash('sha256'),
			received: 0,
			timer: this.#abandon(upload),
		});
		return { upload, present: false };
	}

	chunk(upload: string, offset: number, bytes: Uint8Array): number {
		const under = this.#find(upload);
		if (bytes.length > maxChunkBytes)
			throw new BinaryError({
				kind: 'bad_chunk',
				reason: `a chunk has at most ${maxChunkBytes} bytes, this one has ${bytes.length}`,
			});
		if (offset !== under.received)
			throw new BinaryError({ kind: 'bad_chunk', reason: `the next chunk starts at ${under.received}, this one at ${offset}` });
		if (offset + bytes.length > under.size)
			throw new BinaryError({ kind: 'bad_chunk', reason: `more bytes than the ${under.size} that were announced` });
		writeAll(under.descriptor, bytes);
		under.hash.update(bytes);
		under.received += bytes.length;
		under.timer.cancel();
		under.timer = this.#abandon(upload);
		return under.received;
	}

	commit(upload: string): string {
		const under = this.#find(upload);
		const actual = under.hash.digest('hex');
		this.#drop(upload, under, actual === under.sha256 && under.received === under.size);
		if (actual !== under.sha256 || under.received !== under.size)
			throw new BinaryError({ kind: 'mismatch', expected: under.sha256, actual });
		chmodSync(under.path, 0o500);
		renameSync(under.path, this.path(under.sha256));
		return under.sha256;
	}

	path(sha256: string): string {
		return join(this.#options.directory, sha256);
	}

	/** Which binary a path is, if it is one of ours. */
	hashOf(path: string): string | undefined {
		const name = basename(path);
		return path === this.path(name) ? name : undefined;
	}

	has(sha256: string): boolean {
		return existsSync(this.path(sha256));
	}

	/** A runtime uses a binary from now on. */
	use(sha256: string, runtime: string): void {
		const users = this.#users.get(sha256) ?? new Set();
		users.add(runtime);
		this.#users.set(sha256, users);
	}

	/** A runtime is gone; a binary that nobody uses any more goes with it. */
	release(runtime: string): void {
		for (const [sha256, users] of this.#users) {
			if (!users.delete(runtime) || users.size > 0) continue;
			this.#users.delete(sha256);
			rmSync(this.path(sha256), { force: true });
		}
	}

	close(): void {
		for (const [upload, under] of this.#uploads) this.#drop(upload, under, false);
	}

	#find(upload: string): Upload {
		const under = this.#uploads.get(upload);
		if (!under) throw new BinaryError({ kind: 'unknown_upload' });
		return under;
	}

	#abandon(upload: string): Timer {
		return this.#options.clock.setTimer(abandonedMs, () => {
			const under = this.#uploads.get(upload);
			if (!under) return;
			this.#options.log.warn('upload abandoned', { upload, received: under.received, size: under.size });
			this.#drop(upload, under, false);
		});
	}

	#drop(upload: string, under: Upload, keep: boolean): void {
		this.#uploads.delete(upload);
		under.timer.cancel();
		closeSync(under.descriptor);
		if (!keep) rmSync(under.path, { force: true });
	}
}

function writeAll(descriptor: number, bytes: Uint8Array): void {
	for (let at = 0; at < bytes.length; ) at += writeSync(descriptor, bytes, at);
}
