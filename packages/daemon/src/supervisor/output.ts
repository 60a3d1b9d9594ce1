/** Follows a file that a program appends to: the backlog, then what comes, byte by byte as it was written. */
import { type FSWatcher, watch } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Clock } from '@orch/base';

export interface ReadOutputOptions {
	readonly path: string;
	readonly clock: Clock;
	/** Where to start; the beginning where neither is given. */
	readonly fromOffset?: number | undefined;
	/** Start with the last so many lines. */
	readonly tailLines?: number | undefined;
	/** Go on at the end of what there is. */
	readonly follow: boolean;
	/** Ends the reading, by rejecting. */
	readonly signal?: AbortSignal | undefined;
	/** Aborted when the file is being removed: what is there is still read, and then the reading ends. */
	readonly removed?: AbortSignal | undefined;
}

export const maxChunkBytes = 64 * 1024;

/** The system tells of changes by itself; this catches what it cannot tell of, such as changes from another machine. */
const safetyMs = 1_000;

/** Nothing is open, watched or timed while nobody asks for the next chunk, but for the file itself. */
export async function* readOutput(options: ReadOutputOptions): AsyncGenerator<Uint8Array, 'end' | 'removed', void> {
	const { path, follow, signal, removed } = options;
	let file: FileHandle | undefined;
	try {
		for (;;) {
			signal?.throwIfAborted();
			file = await openIfThere(path);
			if (file) break;
			if (removed?.aborted) return 'removed';
			if (!follow) return 'end';
			await change(options, async () => (await openIfThere(path))?.close().then(() => true) ?? false);
		}
		let offset = await startOffset(file, options);
		// without following the end is where it was when we came, however fast it grows
		const end = follow ? Number.POSITIVE_INFINITY : (await file.stat()).size;
		for (;;) {
			signal?.throwIfAborted();
			// asked before the size, so that nothing written before the removal is missed
			const isRemoved = removed?.aborted === true;
			const { size } = await file.stat();
			// someone made it shorter: what it holds now is new
			if (size < offset) offset = 0;
			const length = Math.min(maxChunkBytes, Math.min(size, end) - offset);
			if (length > 0) {
				const bytes = Buffer.allocUnsafeSlow(length);
				const { bytesRead } = await file.read(bytes, 0, length, offset);
				offset += bytesRead;
				if (bytesRead > 0) yield bytes.subarray(0, bytesRead);
				continue;
			}
			if (!follow) return 'end';
			if (isRemoved) return 'removed';
			const at = offset;
			const opened = file;
			await change(options, async () => (await opened.stat()).size !== at);
		}
	} finally {
		await file?.close();
	}
}

async function openIfThere(path: string): Promise<FileHandle | undefined> {
	try {
		return await open(path, 'r');
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
		throw error;
	}
}

/** Resolves once the file may have changed; looks again after the watch is armed, so that no change falls in between. */
async function change({ path, clock, signal, removed }: ReadOutputOptions, hasChanged: () => Promise<boolean>): Promise<void> {
	let wake: () => void = () => {};
	const woken = new Promise<void>((resolve) => {
		wake = resolve;
	});
	const timer = clock.setTimer(safetyMs, wake, { background: true });
	const watcher = watchIfPossible(path, wake);
	signal?.addEventListener('abort', wake, { once: true });
	removed?.addEventListener('abort', wake, { once: true });
	try {
		if (signal?.aborted || removed?.aborted || (await hasChanged())) return;
		await woken;
	} finally {
		watcher?.close();
		timer.cancel();
		signal?.removeEventListener('abort', wake);
		removed?.removeEventListener('abort', wake);
	}
}

function watchIfPossible(path: string, wake: () => void): FSWatcher | undefined {
	for (const target of [path, dirname(path)]) {
		try {
			const watcher = watch(target, { persistent: false }, wake);
			watcher.on('error', wake);
			return watcher;
		} catch {
			// not there yet, or the system allows no more watches: then the poll has to do
		}
	}
	return undefined;
}

async function startOffset(file: FileHandle, { fromOffset, tailLines }: ReadOutputOptions): Promise<number> {
	const { size } = await file.stat();
	if (tailLines === undefined) return Math.min(fromOffset ?? 0, size);
	return offsetOfLastLines(file, size, tailLines);
}

/** Where the last `lines` lines begin; the last one may lack its end. */
async function offsetOfLastLines(file: FileHandle, size: number, lines: number): Promise<number> {
	if (lines === 0) return size;
	const block = Buffer.allocUnsafe(maxChunkBytes);
	// the newline at the very end closes the last line and begins none
	let left = lines;
	for (let end = size; end > 0; ) {
		const length = Math.min(block.length, end);
		const start = end - length;
		const { bytesRead } = await file.read(block, 0, length, start);
		// made shorter meanwhile: all of it is the best that can be said
		if (bytesRead < length) return 0;
		for (let at = length - 1; at >= 0; at--) {
			if (block[at] !== 0x0a || start + at === size - 1) continue;
			if (--left === 0) return start + at + 1;
		}
		end = start;
	}
	return 0;
}
