/** Sends a program to orchd: announced by its SHA-256, in chunks, shown by a bar on a terminal. */
import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import type { Context } from './context.ts';
import { CliError } from './errors.ts';
import { reasonOf } from './input-file.ts';
import { progressBar } from './render/progress.ts';

/** What orchd takes at a time. */
const chunkBytes = 256 * 1024;

/** Gives the SHA-256 by which orchd knows it. */
export async function uploadProgram(context: Context, path: string): Promise<string> {
	const file = await open(path).catch((cause: NodeJS.ErrnoException) => {
		throw new CliError('file.unreadable', { file: path, reason: reasonOf(cause) }, { cause });
	});
	try {
		const { size } = await file.stat();
		const hash = createHash('sha256');
		await eachChunk(file, size, async (bytes) => {
			hash.update(bytes);
		});
		const sha256 = hash.digest('hex');
		const { upload, present } = await context.act('binary.begin', { size, sha256 });
		if (present) return sha256;
		await send(context, file, size, upload, path);
		return sha256;
	} finally {
		await file.close();
	}
}

async function send(context: Context, file: FileHandle, size: number, upload: string, path: string): Promise<void> {
	const { world, globals, noteStyle } = context;
	const shown = world.err.isTerminal && !globals.quiet && !context.json;
	const bar = shown ? progressBar(`sending ${path.slice(path.lastIndexOf('/') + 1)}`, size, world, noteStyle) : undefined;
	try {
		await eachChunk(file, size, async (bytes, offset) => {
			const { received } = await context.act('binary.chunk', { upload, offset, bytes });
			bar?.show(received);
		});
		await context.act('binary.commit', { upload });
	} finally {
		bar?.clear();
	}
}

/** Only as much as the file had at first: what is written to it meanwhile is found out by its SHA-256. */
async function eachChunk(
	file: FileHandle,
	size: number,
	take: (bytes: Uint8Array, offset: number) => Promise<void>,
): Promise<void> {
	for (let offset = 0; offset < size; ) {
		const buffer = Buffer.allocUnsafe(Math.min(chunkBytes, size - offset));
		const { bytesRead } = await file.read(buffer, 0, buffer.length, offset);
		if (bytesRead === 0) break;
		await take(buffer.subarray(0, bytesRead), offset);
		offset += bytesRead;
	}
}
