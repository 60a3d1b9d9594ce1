import { api } from '@orch/protocol';
import { describe, expect, it } from 'vitest';
import { createCheck } from './check.ts';

const check = createCheck();

describe('the check of requests', () => {
	it('accepts what is declared, and fills in defaults', () => {
		const params = { program: '/bin/true', cwd: '/' };
		expect(check(api['runtime.add'].params, params)).toEqual([]);
		expect(params).toEqual({ program: '/bin/true', cwd: '/', args: [], env: {} });
	});

	it('names every problem, in words', () => {
		expect(check(api['runtime.add'].params, { args: 'x', cwd: 'relative', restart: { when: 'sometimes' } })).toEqual([
			'params lacks program',
			'args must be array',
			'cwd has a form that is not taken',
			'restart.when must be one of "no", "on-failure", "always"',
		]);
	});

	it('knows bytes from everything else', () => {
		const params = { upload: 'u', offset: 0, bytes: new Uint8Array(3) };
		expect(check(api['binary.chunk'].params, params)).toEqual([]);
		expect(check(api['binary.chunk'].params, { ...params, bytes: 'text' })).toEqual(['bytes must be bytes']);
	});

	it('takes of a given text what a project file may have', () => {
		const given = (text: string) => ({ files: [{ path: '/shop/-', name: 'standard input', text }] });
		expect(check(api['project.validate'].params, given('x'.repeat(1024 * 1024)))).toEqual([]);
		expect(check(api['project.validate'].params, given('x'.repeat(1024 * 1024 + 1)))).toEqual([
			expect.stringMatching(/^files\S* /),
		]);
	});

	it('says that no form fits where there is a choice of forms', () => {
		expect(check(api['link.remove'].params, { link: 'a3f1' })).toEqual([]);
		expect(check(api['link.remove'].params, { from: '*', type: 'Ping', to: 'pong' })).toEqual([]);
		expect(check(api['link.remove'].params, { from: '*' })).toEqual(['params fits none of its forms']);
	});

	it('takes anything for params without complaint from itself', () => {
		for (const value of [null, 5, 'x', [], { __proto__: null }])
			expect(check(api['runtime.list'].params, value).length).toBeGreaterThanOrEqual(0);
		expect(check(api['runtime.start'].params, 7)).toEqual(['params must be object']);
	});
});
