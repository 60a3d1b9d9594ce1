/** Reads a source that goes on and on, beside all else; where that fails, it is begun again when somebody asks for it. */
import type { Answer } from './checker.ts';
import { failedLook } from './failed-look.ts';

export interface Following {
	/** Begins to read, where that is not being done. */
	begin(): void;
	/** Why it is not being read. */
	readonly fault: Answer | undefined;
}

export function follow(options: {
	readonly source: () => AsyncIterable<Uint8Array>;
	readonly onBegin?: () => void;
	/** The next chunk is read when this one is done with. */
	readonly onChunk: (bytes: Uint8Array) => Promise<void> | void;
	readonly onFault: () => void;
}): Following {
	let isReading = false;
	let fault: Answer | undefined;
	const read = async () => {
		try {
			options.onBegin?.();
			for await (const bytes of options.source()) await options.onChunk(bytes);
		} catch (error) {
			fault = failedLook(error);
		} finally {
			isReading = false;
		}
		if (fault !== undefined) options.onFault();
	};
	return {
		begin() {
			if (isReading) return;
			isReading = true;
			fault = undefined;
			void read();
		},
		get fault() {
			return fault;
		},
	};
}
