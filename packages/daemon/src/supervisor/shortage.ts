/** What is to be done when we have no descriptor or memory left: that nothing can be seen then is no answer, and one descriptor is held for it. */
import { closeSync, openSync } from 'node:fs';

const shortages = new Set(['EMFILE', 'ENFILE', 'ENOMEM']);

export const isShortage = (error: unknown): boolean => shortages.has((error as NodeJS.ErrnoException).code ?? '');

/** Undefined, unless it was for lack of something of ours that nothing could be seen. */
export function nothing(error: unknown): undefined {
	if (isShortage(error)) throw error;
	return undefined;
}

/** Held for when no other descriptor is left: then above all it has to be seen who has ended. */
let reserve: number | undefined;

/** Opens what is read in this very turn; to be given to `closeLook`. */
export function openLook(path: string): number {
	try {
		return openSync(path, 'r');
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code !== 'EMFILE' || reserve === undefined) throw error;
		closeSync(reserve);
		reserve = undefined;
		try {
			return openSync(path, 'r');
		} catch (goneError) {
			// nothing is given to `closeLook` then, and whatever opens next must not get what is held
			holdReserve();
			throw goneError;
		}
	}
}

export function closeLook(descriptor: number): void {
	closeSync(descriptor);
	holdReserve();
}

function holdReserve(): void {
	if (reserve !== undefined) return;
	try {
		reserve = openSync('/dev/null', 'r');
	} catch {
		// with the next look
	}
}
