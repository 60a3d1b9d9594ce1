/** What the last process of a runtime wrote to its standard error last. */
import { stripVTControlCharacters } from 'node:util';
import { readOutput, type RuntimeOutput } from './output/index.ts';

const mostLines = 10;
const mostBytes = 16 * 1024;
const longestLine = 500;

export async function lastWords(output: RuntimeOutput | undefined): Promise<readonly string[]> {
	const life = output?.lives.list.at(-1);
	if (!output || !life) return [];
	output.look();
	const { stderr } = output.offsets;
	const fromOffset = Math.max(life.from.stderr, stderr - mostBytes);
	const parts: Uint8Array[] = [];
	let bytes = 0;
	for await (const part of readOutput(output, { stream: 'stderr', fromOffset, follow: false })) {
		parts.push(part);
		bytes += part.length;
		// what comes while it is read is not asked for
		if (bytes >= mostBytes) break;
	}
	const lines = Buffer.concat(parts).toString('utf8').split('\n');
	// of a line that began before, only the end is there
	const whole = fromOffset > life.from.stderr ? lines.slice(1) : lines;
	return whole
		.map((line) => stripVTControlCharacters(line).trimEnd().slice(0, longestLine))
		.filter((line) => line !== '')
		.slice(-mostLines);
}
