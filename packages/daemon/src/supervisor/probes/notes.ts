/** What a program writes to its descriptor for notes: a small file that it appends to, followed as long as somebody listens. */
import { type FSWatcher, watch } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { Clock } from '@orch/base';

/** The descriptor in the program; ORCH_NOTIFY_FD names it. */
export const notesDescriptor = 5;
export const notesVariable = 'ORCH_NOTIFY_FD';

/** The system tells of changes by itself; this catches what it cannot tell of. */
const safetyMs = 1_000;
const chunkBytes = 4_096;
/** What has been read is given up when it is so much: a program that says something every second does so for years. */
const mostBytes = 65_536;

/** Ends, without a word, when `signal` is aborted. The file exists. */
export async function* followNotes(path: string, clock: Clock, signal: AbortSignal): AsyncGenerator<Uint8Array, void, void> {
	const file = await open(path, 'r+');
	let hasChanged = false;
	let wake: () => void = () => {};
	const changed = () => {
		hasChanged = true;
		wake();
	};
	const watcher = watchIfPossible(path, changed);
	const aborted = () => wake();
	signal.addEventListener('abort', aborted, { once: true });
	try {
		let offset = 0;
		while (!signal.aborted) {
			hasChanged = false;
			const bytes = await read(file, offset);
			offset += bytes.length;
			if (bytes.length > 0) {
				yield bytes;
				continue;
			}
			if (offset >= mostBytes) {
				// it appends, so its next note begins the file anew
				await file.truncate(0);
				offset = 0;
			}
			if (hasChanged || signal.aborted) continue;
			await new Promise<void>((resolve) => {
				const timer = clock.setTimer(safetyMs, () => wake(), { background: true });
				wake = () => {
					timer.cancel();
					resolve();
				};
			});
		}
	} finally {
		signal.removeEventListener('abort', aborted);
		watcher?.close();
		await file.close();
	}
}

async function read(file: FileHandle, offset: number): Promise<Uint8Array> {
	const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(chunkBytes), 0, chunkBytes, offset);
	return buffer.subarray(0, bytesRead);
}

function watchIfPossible(path: string, changed: () => void): FSWatcher | undefined {
	try {
		const watcher = watch(path, { persistent: false }, changed);
		watcher.on('error', () => {});
		return watcher;
	} catch {
		// the system allows no more watches: the timer has to do
		return undefined;
	}
}
