import { describe, expect, it } from 'vitest';
import { isVariableName } from './variable-name.ts';

describe('a name of a variable that somebody writes', () => {
	it.each(['PORT', '_x', 'a1', 'spring.datasource.url', 'npm_config_init-version'])('%s is one', (name) =>
		expect(isVariableName(name)).toBe(true),
	);

	it.each(['', '1A', 'A B', 'A=B', 'setInterval(()', '-e', '.a', 'ä', 'A\n', '$A'])('%j is none', (name) =>
		expect(isVariableName(name)).toBe(false),
	);
});
