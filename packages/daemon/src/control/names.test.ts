import { describe, expect, it } from 'vitest';
import { freeName, nameOfProgram } from './names.ts';

describe('default names', () => {
	it('are the file name, then numbered', () => {
		const taken = new Set(['ping', 'ping-2']);
		expect(freeName('ping', (name) => taken.has(name))).toBe('ping-3');
		expect(freeName('pong', (name) => taken.has(name))).toBe('pong');
	});

	it('hold only what names may hold', () => {
		expect(nameOfProgram('/usr/bin/ping')).toBe('ping');
		expect(nameOfProgram('/x/my prog (1).py')).toBe('my-prog-1-.py');
		expect(nameOfProgram('/x/...')).toBe('runtime');
	});
});
