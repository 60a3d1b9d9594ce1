/**
 * Programs that clients upload, for daemons that do not share their file system.
 *
 * Guarantees: a binary is kept only when every byte of it is what was announced, under the hash of its content, not
 * writable; it goes with the last runtime that uses it; an abandoned upload goes after ten minutes. Deliberately not
 * here: who may upload, how the bytes travel.
 */
export {
	abandonedMs,
	Binaries,
	type BinariesOptions,
	BinaryError,
	type BinaryFault,
	maxBinaryBytes,
	maxChunkBytes,
	maxUploads,
} from './binaries.ts';
