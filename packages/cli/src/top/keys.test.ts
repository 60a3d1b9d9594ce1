import fc from 'fast-check';
import { expect, it } from 'vitest';
import { keysOf } from './keys.ts';

it('keys are letters, names of keys, and nothing for what is not known', () => {
	expect(keysOf('jk/ä日')).toEqual(['j', 'k', '/', 'ä', '日']);
	expect(keysOf('\u001b[A\u001bOB\u001b[5~\u001b[6~\u001b[H\u001b[4~')).toEqual([
		'up',
		'down',
		'page-up',
		'page-down',
		'home',
		'end',
	]);
	expect(keysOf('\r\t\u007f\u0003\u001a\u001b')).toEqual(['enter', 'tab', 'backspace', 'ctrl-c', 'ctrl-z', 'escape']);
	// function keys, the mouse, alt and letters that control nothing here
	expect(keysOf('\u001b[15~\u001b[<0;1;1M\u001b[1;5C\u0001\u001bs\u001bx')).toEqual([]);
	expect(keysOf('\u001b\u001b[A')).toEqual(['escape', 'up']);
});

it('nothing that is typed is read as an empty key', () => {
	fc.assert(
		fc.property(fc.string({ unit: 'binary' }), (text) => {
			for (const key of keysOf(text)) expect(key.length).toBeGreaterThan(0);
		}),
	);
});
