/** Bytes for people: sixteen a line, with their place, and with the letters that they are. */

const perLine = 16;

/** `00000010  22 3a 34 …  |":4…|`, as hexdump -C has it; each line ends with a line break. */
export function hexDump(bytes: Uint8Array, indent = ''): string {
	const lines: string[] = [];
	for (let at = 0; at < bytes.length; at += perLine) {
		const some = bytes.subarray(at, at + perLine);
		const pairs = [...some].map((byte) => byte.toString(16).padStart(2, '0'));
		const halves = `${pairs.slice(0, perLine / 2).join(' ')}  ${pairs.slice(perLine / 2).join(' ')}`;
		const letters = [...some].map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.')).join('');
		lines.push(`${indent}${at.toString(16).padStart(8, '0')}  ${halves.padEnd(perLine * 3)}  |${letters}|\n`);
	}
	return lines.join('');
}
