import { api } from '@orch/protocol';
import { Ajv } from 'ajv';
import fc from 'fast-check';
import type { TSchema } from 'typebox';
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

	it('counts the name of a type in bytes, as the router does', () => {
		const link = (type: string) => check(api['link.add'].params, { from: 'ping', type, to: 'pong' });
		expect(link('ö'.repeat(127))).toEqual([]);
		expect(link('ö'.repeat(128))).toEqual(['type takes 256 bytes, at most 255 are possible']);
		for (const type of ['a\u0085', 'a\nb', '\ud800']) expect(link(type)).toEqual(['type has a form that is not taken']);
	});

	it('says that no form fits where there is a choice of forms', () => {
		expect(check(api['link.remove'].params, { link: 'a3f1' })).toEqual([]);
		expect(check(api['link.remove'].params, { from: '*', type: 'Ping', to: 'pong' })).toEqual([]);
		expect(check(api['link.remove'].params, { from: '*' })).toEqual(['params fits none of its forms']);
	});

	it('takes what JSON Schema takes, and fills in what it says', () => {
		const ajv = new Ajv({ useDefaults: true, strict: false });
		ajv.addKeyword({ keyword: 'x-bytes', validate: (_: boolean, data: unknown) => data instanceof Uint8Array });
		let taken = 0;
		fc.assert(
			fc.property(
				fc.constantFrom(...Object.values(api)).chain(({ params }) => fc.tuple(fc.constant(params), almost(params))),
				([schema, value]) => {
					const [ours, theirs] = [structuredClone(value), structuredClone(value)];
					const isTaken = ajv.validate(schema, theirs);
					expect(check(schema, ours).length === 0).toBe(isTaken);
					if (!isTaken) return;
					taken++;
					expect(ours).toEqual(theirs);
				},
			),
			{ numRuns: 3_000 },
		);
		expect(taken).toBeGreaterThan(300);
	});

	it('names a bounded number of problems, and says that there are more', () => {
		const many = { program: 'x', cwd: '/', args: Array.from({ length: 9_000 }, () => 1) };
		const issues = check(api['runtime.add'].params, many);
		expect(issues).toHaveLength(21);
		expect(issues.at(-1)).toBe('and more');
		expect(check(api['runtime.add'].params, { ...many, args: many.args.slice(0, 23) }).at(-1)).toBe('and 3 more');
	});

	it('takes anything for params without complaint from itself', () => {
		for (const value of [null, 5, 'x', [], { __proto__: null }])
			expect(check(api['runtime.list'].params, value).length).toBeGreaterThanOrEqual(0);
		expect(check(api['runtime.start'].params, 7)).toEqual(['params must be object']);
	});
});

interface Shape {
	readonly type?: string;
	readonly const?: unknown;
	readonly anyOf?: readonly Shape[];
	readonly items?: Shape;
	readonly properties?: Readonly<Record<string, Shape>>;
	readonly patternProperties?: Readonly<Record<string, Shape>>;
	readonly 'x-bytes'?: boolean;
}

const anything = fc.oneof(
	fc.constantFrom(
		'',
		'x',
		'/',
		'/srv',
		'a b',
		'SIGTERM',
		'018f3c1e-7d1a-7c3e-8a2b-1c2d3e4f5a6b',
		'=',
		'A',
		null,
		true,
		0,
		1,
		-1,
		1.5,
		70_000,
	),
	fc.constantFrom<unknown>([], {}, ['x'], { a: 1 }, [1], 2 ** 40),
);

/** Values that come near to what a schema takes: most parts fit, some are missing, some are anything. */
function almost(schema: TSchema | Shape): fc.Arbitrary<unknown> {
	const shape = schema as Shape;
	const near = (): fc.Arbitrary<unknown> => {
		if (shape['x-bytes']) return fc.constant(new Uint8Array(2));
		if ('const' in shape) return fc.constant(shape.const);
		if (shape.anyOf) return fc.oneof(...shape.anyOf.map(almost));
		switch (shape.type) {
			case 'array':
				return fc.array(almost(shape.items ?? {}), { maxLength: 3 });
			case 'object': {
				const [inner] = Object.values(shape.patternProperties ?? {});
				if (inner) return fc.dictionary(fc.constantFrom('A', 'b', '=', ''), almost(inner), { maxKeys: 2 });
				const parts = Object.entries(shape.properties ?? {}).map(([name, part]) => [name, almost(part)] as const);
				return fc.record(Object.fromEntries([...parts, ['unknown', anything]]), { requiredKeys: [] });
			}
			case 'string':
				return fc.constantFrom('x', '/srv', 'SIGTERM', '018f3c1e-7d1a-7c3e-8a2b-1c2d3e4f5a6b', '');
			case 'boolean':
				return fc.boolean();
			case 'integer':
			case 'number':
				return fc.integer({ min: -1, max: 100 });
			default:
				return anything;
		}
	};
	return fc.oneof({ weight: 9, arbitrary: near() }, { weight: 1, arbitrary: anything });
}
