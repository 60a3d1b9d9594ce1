import { describe, expect, it } from 'vitest';
import { bodyPreview, bodyValue } from './body.ts';
import { toJson } from './json.ts';

const message = (codec: string, body: Uint8Array) => ({ codec, body, bytes: body.length });
const inArray = (...bytes: number[]) => message('msgpack', Uint8Array.from([0x91, ...bytes]));

describe('the body of a message', () => {
	it('shows integers that no number holds by their digits', () => {
		const asExtension = inArray(0xc7, 8, 0x42, 0x77, 0x77, 0x77, 0x77, 0x77, 0x77, 0x77, 0x77);
		const plainly = inArray(0xcf, 0x77, 0x77, 0x77, 0x77, 0x77, 0x77, 0x77, 0x77);
		for (const one of [asExtension, plainly]) {
			expect(bodyPreview(one)).toBe('["8608480567731124087"]');
			expect(toJson({ data: bodyValue(one) }, false)).toBe('{"data":["8608480567731124087"]}\n');
		}
	});

	it('shows bytes within a value as --json does', () => {
		expect(bodyPreview(inArray(0xc4, 2, 1, 2))).toBe('[{"b64":"AQI="}]');
	});

	it('is bytes where it is nested too deeply to be written down', () => {
		const deep = message('json', Buffer.from(`${'['.repeat(32_000)}${']'.repeat(32_000)}`));
		expect(bodyValue(deep)).toBeUndefined();
		expect(bodyPreview(deep)).toMatch(/^\[{32000}/);
	});
});
