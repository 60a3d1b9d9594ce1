/**
 * Credits: how a receiver's pace reaches a sender without harming anybody else.
 *
 * A credit frame's payload is a list of 16-byte little-endian entries: `u32 typeId | u32 frames | u64 bytes`, all counts
 * cumulative since the welcome of this connection (frames wrap at 2^32, bytes do not within the life of a connection).
 *
 * From the router to a sender an entry is a limit: a frame of that type may be sent while fewer than `frames` frames AND
 * fewer than `bytes` bytes (frame lengths) of it have been sent. A limit only ever grows, unless `unlimited`, which is
 * lifted or set by the next entry. A type without an entry may not be sent yet.
 *
 * From a receiver to the router an entry is a report: so many frames and bytes of that type have been consumed (its
 * handlers have returned). Within a type, consumption is in the order of arrival. A welcome with `reports: false` asks for none.
 * A report is due when a quarter of the welcome's `windowBytes` is unreported, at once for a type that is `prompt`, else
 * within 50 ms; one that goes along with something else costs next to nothing. A ping asks for one: with the pong goes
 * the report of everything that was consumed by then.
 *
 * Data and request frames count, both ways. Replies need no credit and are not reported: whoever asked has room for them.
 *
 * When `unlimited` is lifted, messages are under way that the new limit does not know. The router sends a ping with the
 * new limit; what comes before its pong is not held against the sender.
 */
import { readU32, writeU32 } from './frame.ts';

export const creditEntryBytes = 16;

export interface CreditEntry {
	readonly typeId: number;
	readonly frames: number;
	readonly bytes: number;
	readonly unlimited: boolean;
}

/** Writes a limit or a report; `unlimited` is told by a byte count of all ones. */
export function writeCredit(
	target: Uint8Array,
	at: number,
	entry: { readonly typeId: number; readonly frames: number; readonly bytes: number; readonly unlimited?: boolean },
): void {
	writeU32(target, at, entry.typeId);
	writeU32(target, at + 4, entry.frames);
	writeU32(target, at + 8, entry.unlimited ? 0xffffffff : entry.bytes % 2 ** 32);
	writeU32(target, at + 12, entry.unlimited ? 0xffffffff : Math.floor(entry.bytes / 2 ** 32));
}

/** Reads every entry between `start` and `end`; a rest shorter than an entry is ignored. */
export function readCredits(bytes: Uint8Array, start: number, end: number): CreditEntry[] {
	const entries: CreditEntry[] = [];
	for (let at = start; at + creditEntryBytes <= end; at += creditEntryBytes) {
		const low = readU32(bytes, at + 8);
		const high = readU32(bytes, at + 12);
		entries.push({
			typeId: readU32(bytes, at),
			frames: readU32(bytes, at + 4),
			bytes: low + high * 2 ** 32,
			unlimited: high === 0xffffffff,
		});
	}
	return entries;
}

/** Whether `sent` is still below `limit`, both counted modulo 2^32. */
export const belowLimit = (sent: number, limit: number): boolean => ((limit - sent) | 0) > 0;
