import { expect, it } from 'vitest';
import { hexDump } from './hex.ts';

it('shows sixteen bytes a line, as they are and as the letters that they are', () => {
	const bytes = Buffer.concat([Buffer.from('{"seq":4121,"t":"\n'), Buffer.from([0, 0x7f, 0xff])]);
	expect(hexDump(bytes, '  ')).toBe(
		[
			'  00000000  7b 22 73 65 71 22 3a 34  31 32 31 2c 22 74 22 3a  |{"seq":4121,"t":|',
			'  00000010  22 0a 00 7f ff                                    |"....|',
			'',
		].join('\n'),
	);
	expect(hexDump(new Uint8Array())).toBe('');
});
