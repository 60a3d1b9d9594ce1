/** Waits for a line of the output that matches. */
import { StringDecoder } from 'node:string_decoder';
import { stripVTControlCharacters } from 'node:util';
import { createPattern, PatternError } from '../output/index.ts';
import type { ProbeCheck } from '../spec.ts';
import type { Checker, ProbeTarget } from './checker.ts';
import { type Following, follow } from './follow.ts';
import { Latch } from './latch.ts';

/** Of a longer line the rest is not looked at. */
export const longestLine = 8_192;
/** Of the line that matched, in the answer. */
const shownLength = 120;

export function createLogChecker(
	{ pattern, stream }: ProbeCheck & { readonly kind: 'log' },
	{ output }: Pick<ProbeTarget, 'output'>,
): Checker {
	const expression = createPattern(pattern);
	/** Why no line is looked at any more. */
	let hopeless: string | undefined;
	const latch = new Latch();
	const closing = new AbortController();
	const streams = stream === undefined ? (['stdout', 'stderr'] as const) : [stream];
	const readings = streams.map((one): Following => {
		let lines = new Lines();
		return follow({
			source: () => output(one, closing.signal),
			onBegin: () => {
				lines = new Lines();
			},
			onChunk: async (bytes) => {
				const whole = [...lines.split(bytes)];
				const at = (await matchesOf(whole)).lastIndexOf(true);
				if (at >= 0) latch.set(whole[at]?.slice(0, shownLength) ?? '');
			},
			onFault: () => latch.fail(),
		});
	});
	const matchesOf = async (whole: readonly string[]): Promise<readonly boolean[]> => {
		try {
			return whole.length === 0 ? [] : await expression.matches(whole, closing.signal);
		} catch (error) {
			// it would take as long with the same line each time
			if (error instanceof PatternError) {
				hopeless = error.message;
				closing.abort();
			}
			throw error;
		}
	};
	return {
		async look(signal) {
			if (hopeless !== undefined) return { ok: false, text: hopeless };
			for (const reading of readings) reading.begin();
			const line = await latch.take(signal);
			if (line !== undefined) return { ok: true, text: `"${line}"` };
			if (hopeless !== undefined) return { ok: false, text: hopeless };
			return readings.find((reading) => reading.fault !== undefined)?.fault ?? { ok: false, text: 'no such line' };
		},
		done: () => closing.abort(),
		close: () => closing.abort(),
	};
}

/** Whole lines out of pieces; as a person sees them, without colours. */
export class Lines {
	readonly #decoder = new StringDecoder('utf8');
	#begun = '';

	*split(bytes: Uint8Array): Generator<string> {
		const [first = '', ...rest] = this.#decoder.write(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)).split('\n');
		this.#begin(first);
		for (const next of rest) {
			yield stripVTControlCharacters(this.#begun).replace(/\r$/, '');
			this.#begun = '';
			this.#begin(next);
		}
	}

	#begin(text: string): void {
		this.#begun += text.slice(0, longestLine - this.#begun.length);
	}
}
