/** The bytes of a stream as the program wrote them: the backlog, wherever it is kept by now, then what comes. */
import { OutputCursor } from './cursor.ts';
import { startOfLastLines } from './find-lines.ts';
import type { StreamName } from './layout.ts';
import type { RuntimeOutput } from './runtime-output.ts';

export { maxChunkBytes } from './cursor.ts';

export interface ReadOutputOptions {
	readonly stream: StreamName;
	/** Where to start; the beginning of what there is where neither is given. */
	readonly fromOffset?: number | undefined;
	/** Start with the last so many lines. */
	readonly tailLines?: number | undefined;
	/** Go on at the end of what there is. */
	readonly follow: boolean;
	/** Ends the reading, by rejecting. */
	readonly signal?: AbortSignal | undefined;
	/** Told before the chunk that follows, how much was removed between it and the one before. */
	readonly onRemoved?: ((bytes: number) => void) | undefined;
}

/** Nothing is open or timed while nobody asks for the next chunk, but for a file. */
export async function* readOutput(
	output: RuntimeOutput,
	{ stream, fromOffset, tailLines, follow, signal, onRemoved }: ReadOutputOptions,
): AsyncGenerator<Uint8Array, 'end' | 'removed', void> {
	const log = output.streams[stream];
	signal?.throwIfAborted();
	output.look();
	// without following the end is where it was when we came, however fast it grows
	const end = follow ? Number.POSITIVE_INFINITY : log.end;
	const start =
		tailLines === undefined
			? Math.min(Math.max(fromOffset ?? log.start, log.start), log.end)
			: await startOfLastLines(log, log.end, tailLines);
	const cursor = new OutputCursor(log, start, { keepsOpen: follow });
	try {
		for (;;) {
			signal?.throwIfAborted();
			const { state } = output;
			output.look();
			const seen = output.changes;
			const bytes = await cursor.next(Math.min(end, log.end));
			const missed = cursor.takeMissed();
			if (missed) onRemoved?.(missed.bytes);
			if (bytes) {
				yield bytes;
				continue;
			}
			if (!follow) return 'end';
			if (state !== 'open') return 'removed';
			await cursor.hold();
			await output.change(seen, signal);
		}
	} finally {
		cursor.close();
	}
}
