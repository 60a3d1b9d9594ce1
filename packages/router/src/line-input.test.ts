import { expect, test } from 'vitest';
import fc from 'fast-check';
import { LineInput } from './line-input.ts';

function collect(maxBytes?: number) {
	const lines: string[] = [];
	let tooLong = 0;
	const input = new LineInput(
		{
			open: true,
			lines: (buffer, start, end) => {
				expect(buffer[end - 1]).toBe(0x0a);
				lines.push(...buffer.toString('utf8', start, end - 1).split('\n'));
			},
			tooLong: () => {
				tooLong += 1;
			},
		},
		maxBytes,
	);
	return { input, lines, tooLong: () => tooLong };
}

test('lines come out as they went in, however they are portioned', () => {
	fc.assert(
		fc.property(
			fc.array(fc.string({ unit: 'grapheme', maxLength: 40 }).filter((text) => !text.includes('\n'))),
			fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1 }),
			(texts, portions) => {
				const { input, lines } = collect();
				const bytes = Buffer.from(texts.map((text) => `${text}\n`).join(''));
				for (let at = 0, turn = 0; at < bytes.length; turn++) {
					const size = portions[turn % portions.length] as number;
					input.receive(bytes.subarray(at, at + size));
					at += size;
				}
				expect(lines).toEqual(texts);
				expect(input.pendingBytes).toBe(0);
			},
		),
	);
});

test('a line that is too long is thrown away, told once, and the next one is read', () => {
	fc.assert(
		fc.property(fc.integer({ min: 1, max: 40 }), (portion) => {
			const { input, lines, tooLong } = collect(16);
			const bytes = Buffer.from(`${'x'.repeat(17)}\n${'y'.repeat(16)}\nshort\n`);
			for (let at = 0; at < bytes.length; at += portion) input.receive(bytes.subarray(at, at + portion));
			// a line that comes whole needs no memory, so its length is its reader's affair
			const whole = lines[0]?.startsWith('x') ? lines.slice(1) : lines;
			expect(whole).toEqual(['y'.repeat(16), 'short']);
			expect(tooLong() + Number(lines.length === 3)).toBe(1);
		}),
	);
});
