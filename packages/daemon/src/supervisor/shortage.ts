/** What is to be done when we have no descriptor or memory left: that nothing can be seen then is no answer, and two descriptors are held for it. */
import { closeSync, openSync } from 'node:fs';

const shortages = new Set(['EMFILE', 'ENFILE', 'ENOMEM']);

export const isShortage = (error: unknown): boolean => shortages.has((error as NodeJS.ErrnoException).code ?? '');

/** The same of a spawn, for which the user may have too many processes as well. */
export const isSpawnShortage = (error: unknown): boolean =>
	isShortage(error) || (error as NodeJS.ErrnoException).code === 'EAGAIN';

/** Undefined, unless it was for lack of something of ours that nothing could be seen. */
export function nothing(error: unknown): undefined {
	if (isShortage(error)) throw error;
	return undefined;
}

/** Held for when no other descriptor is left: then above all it has to be seen who has ended. */
const reserve: number[] = [];
/** A directory and a file in it: no look has more open at once. */
const reserved = 2;

/** Opens what is read in this very turn; to be given to `closeLook`. */
export function openLook(path: string): number {
	try {
		return openSync(path, 'r');
	} catch (error) {
		if (!letGo(error)) throw error;
		try {
			return openSync(path, 'r');
		} catch (goneError) {
			// nothing is given to `closeLook` then, and whatever opens next must not get what is held
			holdReserve();
			throw goneError;
		}
	}
}

/** What `look` finds, which has two things open at most, and none when it returns. */
export function looked<T>(look: () => T): T {
	try {
		return look();
	} catch (error) {
		if (!letGo(error)) throw error;
		try {
			return look();
		} finally {
			holdReserve();
		}
	}
}

export function closeLook(descriptor: number): void {
	closeSync(descriptor);
	holdReserve();
}

/** Whether there is a descriptor now that was wanting. */
function letGo(error: unknown): boolean {
	if ((error as NodeJS.ErrnoException).code !== 'EMFILE' || reserve.length === 0) return false;
	for (const descriptor of reserve.splice(0)) closeSync(descriptor);
	return true;
}

function holdReserve(): void {
	try {
		while (reserve.length < reserved) reserve.push(openSync('/dev/null', 'r'));
	} catch {
		// with the next look
	}
}
