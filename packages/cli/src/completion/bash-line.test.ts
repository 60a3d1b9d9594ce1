import { describe, expect, it } from 'vitest';
import { readBashLine, writeForBash } from './bash-line.ts';

const breaks = ' \t\n"\'@><=;|&(:';

describe('a line of bash', () => {
	it.each([
		['orch ', ['orch', ''], '', 0],
		['orch st', ['orch', 'st'], '', 0],
		['orch  start   pi', ['orch', 'start', 'pi'], '', 0],
		['orch a\\ b c\\', ['orch', 'a b', 'c'], '', 0],
		["orch 'a b' 'c ", ['orch', 'a b', 'c '], "'", 0],
		['orch "a \\"b\\" \\x" "c$', ['orch', 'a "b" \\x', 'c$'], '"', 0],
		['orch --from=pi', ['orch', '--from=pi'], '', 7],
		['orch a:b:c', ['orch', 'a:b:c'], '', 4],
		['orch a\\:b', ['orch', 'a:b'], '', 0],
		['orch --from="pi', ['orch', '--from=pi'], '"', 7],
		["orch '' ", ['orch', '', ''], '', 0],
	])('%j', (line, words, quote, kept) => {
		expect(readBashLine(line, breaks)).toEqual({ words, quote, kept });
	});

	it.each([
		['ping', '', 'ping'],
		['a b', '', 'a\\ b'],
		["it's", '', "it\\'s"],
		['$(reboot)`x`', '', '\\$\\(reboot\\)\\`x\\`'],
		['*', '', '\\*'],
		['Größe/1:2', '', 'Größe/1:2'],
		["it's $x", "'", "it'\\''s $x"],
		['"$x" `y` \\', '"', '\\"\\$x\\" \\`y\\` \\\\'],
	] as const)('%j within %j is written as %j', (value, quote, expected) => {
		expect(writeForBash(value, { quote, kept: 0 })).toBe(expected);
	});

	it('leaves out what readline keeps', () => {
		expect(writeForBash('--from=a b', { quote: '', kept: 7 })).toBe('a\\ b');
	});
});
