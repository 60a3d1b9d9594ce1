import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it, vi } from 'vitest';
import { compileSchema, maxSchemaBytes, SchemaError, schemaFault } from './json-schema.ts';

const draft7 = 'http://json-schema.org/draft-07/schema#';

describe('a value', () => {
	const faultOf = (schema: unknown, value: unknown) => {
		const fault = compileSchema(schema).fault(value);
		return fault && `Ping${fault.path} ${fault.reason}`;
	};
	const ping = { type: 'object', properties: { seq: { type: 'integer' } }, required: ['seq'], additionalProperties: false };

	it.each([
		[ping, { seq: 1 }, undefined],
		[ping, { seq: 'one' }, 'Ping.seq must be integer, got string "one"'],
		[ping, {}, 'Ping must have "seq"'],
		[ping, { seq: 1, and: 2 }, 'Ping must not have "and"'],
		[ping, [], 'Ping must be object, got a list of 0'],
		[ping, null, 'Ping must be object, got null'],
		[{ enum: ['a', 1] }, 'b', 'Ping must be one of "a", 1, got string "b"'],
		[{ const: true }, false, 'Ping must be true, got false'],
		[{ type: ['string', 'null'] }, 1.5, 'Ping must be string or null, got number 1.5'],
		[{ items: { properties: { 'a b': { maximum: 3 } } } }, [{}, { 'a b': 4 }], 'Ping[1]["a b"] must be <= 3, got number 4'],
		[{ anyOf: [{ type: 'string' }, { required: ['x'], type: 'object' }] }, 3, 'Ping must match a schema in anyOf, got number 3'],
		[
			JSON.parse('{"if":{"type":"string"},"then":{"minLength":2}}'),
			'x',
			'Ping must not have fewer than 2 characters, got string "x"',
		],
		[false, 1, 'Ping must not be there'],
		[true, 1, undefined],
		[{}, 1, undefined],
		// what every object has by birth is not in a message
		[{ required: ['toString'] }, {}, 'Ping must have "toString"'],
	])('by %j: %j', (schema, value, expected) => {
		expect(faultOf(schema, value)).toBe(expected);
	});

	it('of the draft that the schema names', () => {
		const tuple = { type: 'array', items: [{ type: 'string' }], additionalItems: false };
		expect(faultOf({ $schema: draft7, ...tuple }, ['a', 'b'])).toMatch(/^Ping must not have more than 1 items/);
		expect(faultOf({ type: 'array', prefixItems: [{ type: 'string' }], items: false }, ['a', 'b'])).toMatch(
			/^Ping must not have more than 1 items/,
		);
		expect(schemaFault(tuple)).toMatch(/items/);
	});

	it('that is nested deeper than the stack reaches is a fault of the value', () => {
		const check = compileSchema({ $defs: { list: { items: { $ref: '#/$defs/list' } } }, $ref: '#/$defs/list' });
		let deep: unknown = [];
		for (let level = 0; level < 200_000; level++) deep = [deep];
		expect(check.fault(deep)).toEqual({ path: '', reason: 'is nested too deep to be checked' });
	});

	it('is told within bounds, however long it is', () => {
		const { path = '', reason = '' } =
			compileSchema({ additionalProperties: { type: 'integer' } }).fault({ ['k'.repeat(9_999)]: 's'.repeat(9_999) }) ?? {};
		expect([path.length, reason.length < 100]).toEqual([200, true]);
	});
});

describe('a schema', () => {
	it.each([
		[{ type: 'strng' }, /type/],
		[{ pattern: '(' }, /regular expression/i],
		[{ $ref: 'https://example.com/other.json' }, /can't resolve reference/],
		[{ $schema: 'http://json-schema.org/draft-04/schema#' }, /draft-04.*2020-12.*draft-07/],
		[{ $id: 'https://json-schema.org/draft/2020-12/schema' }, /not its own/],
		[{ $async: true, type: 'string' }, /\$async/],
		['string', /neither a map/],
		[null, /neither a map/],
		[[], /neither a map/],
		[{ description: 'x'.repeat(maxSchemaBytes) }, /bytes/],
	])('that cannot be had is refused with the reason: %#', (schema, reason) => {
		expect(schemaFault(schema)).toMatch(reason);
		expect(() => compileSchema(schema)).toThrow(SchemaError);
	});

	it('that is nested without end is refused', () => {
		let schema: unknown = {};
		for (let level = 0; level < 200; level++) schema = { not: schema };
		expect(schemaFault(schema)).toMatch(/deeper/);
	});

	it('of the same $id as another has nothing to do with it', () => {
		const of = (type: string) => compileSchema({ $id: 'https://example.com/ping', $defs: { v: { type } }, $ref: '#/$defs/v' });
		const [text, number] = [of('string'), of('number')];
		expect([text.fault('x'), number.fault(1)]).toEqual([undefined, undefined]);
		expect(text.fault(1)).toBeDefined();
		expect(number.fault('x')).toBeDefined();
	});

	it('of the same $id and other content than one before it is judged by what it says itself', () => {
		const of = (type: string) => ({ $id: 'https://example.com/pong', $defs: { v: { type } }, $ref: '#/$defs/v' });
		expect(schemaFault(of('string'))).toBeUndefined();
		expect(schemaFault(of('strng'))).toMatch(/type/);
		expect(schemaFault({ $ref: 'https://example.com/pong' })).toMatch(/can't resolve reference/);
	});

	it.each([
		[{ $ref: 'https://json-schema.org/draft/2020-12/schema' }],
		[{ $schema: draft7, properties: { schema: { $ref: draft7 } } }],
	])('can refer to what its dialect says of schemas: %j', (schema) => {
		const check = compileSchema(schema);
		expect(check.fault({ type: 'string', schema: { type: 'string' } })).toBeUndefined();
		expect(check.fault({ type: 1, schema: { type: 1 } })).toBeDefined();
	});

	it('is let go of with its check', { timeout: 15_000 }, async () => {
		const compiled = Array.from({ length: 5 }, (_, at) => {
			const schema = { $id: `https://example.com/${at}`, properties: { [`a${at}`]: { type: 'string' } } };
			expect(compileSchema(schema).fault({ [`a${at}`]: 1 })).toBeDefined();
			return new WeakRef(schema);
		});
		const left = () => compiled.filter((reference) => reference.deref() !== undefined).length;
		// what a reference was made to or asked for in a turn stays until its end, and code until it has not run for some rounds
		const gone = () => {
			collectGarbage();
			expect(left()).toBe(0);
		};
		await vi.waitFor(gone, { timeout: 10_000, interval: 10 });
	});

	it('that was found fine is not compiled again to find it so, in whatever object it comes; one that was refused is', () => {
		const compile = vi.spyOn(Ajv2020.prototype, 'compile');
		try {
			const fine = () => ({ properties: { once: { type: 'integer' } } });
			expect([schemaFault(fine()), schemaFault(fine())]).toEqual([undefined, undefined]);
			expect(compile).toHaveBeenCalledTimes(1);
			const refused = () => ({ $ref: '#/$defs/nowhere' });
			expect(schemaFault(refused())).toMatch(/can't resolve reference/);
			expect(schemaFault(refused())).toMatch(/can't resolve reference/);
			expect(compile).toHaveBeenCalledTimes(3);
		} finally {
			compile.mockRestore();
		}
	});

	it.each([
		[{ type: 'object', properties: { a: { enum: [1, 2] } } }, true],
		[{ properties: { a: { pattern: '^a+$' } } }, false],
		[{ patternProperties: { a: true } }, false],
		[{ items: { uniqueItems: true } }, false],
		[{ $defs: { a: true }, $ref: '#/$defs/a' }, false],
	])('says whether its check can take longer than in proportion: %j %s', (schema, isLinear) => {
		expect(compileSchema(schema).isLinear).toBe(isLinear);
	});
});

function collectGarbage(): void {
	setFlagsFromString('--expose-gc');
	(runInNewContext('gc') as () => void)();
}
