/** JSON Schemas made into checks of values: which schemas are taken, within which bounds, and what is wrong with a value, in words. */
import { createHash } from 'node:crypto';
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';

/** What is wrong with a value. */
export interface ValueFault {
	/** Where in the value, as in `.items[0].name`; empty for the whole of it. */
	readonly path: string;
	/** As in `must be integer, got string "one"`. */
	readonly reason: string;
}

export interface CompiledSchema {
	/** Undefined when the value fits. */
	fault(value: unknown): ValueFault | undefined;
	/** A check takes no longer than in proportion to the value, whatever is in it. */
	readonly isLinear: boolean;
}

/** It is no schema, or none that is taken, in words for whoever wrote it. */
export class SchemaError extends Error {
	override readonly name = 'SchemaError';
}

/** In a schema as JSON text: it may refer to what says what a schema is. */
const metaSchema = /"https?:\/\/json-schema\.org\/[^"]*"/;
/** Of the schema as JSON text. */
export const maxSchemaBytes = 64 * 1024;
const maxSchemaDepth = 128;
const maxPathLength = 200;
const maxReasonLength = 300;
const maxShownLength = 60;

/** Regular expressions may go back over a text again and again, unique items are compared each with each, references may be circles. */
const nonLinear: ReadonlySet<string> = new Set([
	'pattern',
	'patternProperties',
	'uniqueItems',
	'$ref',
	'$dynamicRef',
	'$recursiveRef',
]);

const options = {
	// words that are not known are for others
	strict: false,
	logger: false,
	validateFormats: false,
	// what every object inherits is not in a message
	ownProperties: true,
	// a reference that is used often is compiled once
	inlineRefs: false,
	addUsedSchema: false,
	verbose: true,
} as const;

/** What a schema may be written in. */
interface Dialect {
	/** Knows what a schema is, and is there for all of them. */
	readonly judge: () => Ajv;
	/** For one schema alone: Ajv keeps for good what it has compiled, and equal `$id`s of two have nothing to do with each other. */
	readonly compiler: (own: { readonly meta: boolean; readonly validateSchema: false }) => Ajv;
}

/** By `$schema`, without the # at its end. */
const dialects: ReadonlyMap<string, Dialect> = new Map([
	[
		'https://json-schema.org/draft/2020-12/schema',
		{ judge: once(() => new Ajv2020(options)), compiler: (own) => new Ajv2020({ ...options, ...own }) },
	],
	[
		'http://json-schema.org/draft-07/schema',
		{ judge: once(() => new Ajv(options)), compiler: (own) => new Ajv({ ...options, ...own }) },
	],
]);
const [usualDialect = ''] = dialects.keys();

/** Throws SchemaError. */
export function compileSchema(schema: unknown): CompiledSchema {
	if (schema === true) return { isLinear: true, fault: () => undefined };
	if (schema === false) return { isLinear: true, fault: () => ({ path: '', reason: 'must not be there' }) };
	if (typeof schema !== 'object' || schema === null || Array.isArray(schema))
		throw new SchemaError('it is neither a map nor true or false');
	const text = JSON.stringify(schema);
	const bytes = Buffer.byteLength(text);
	if (bytes > maxSchemaBytes) throw new SchemaError(`it takes ${bytes} bytes as JSON, at most ${maxSchemaBytes} are possible`);
	const { isLinear } = look(schema);
	const { judge, compiler } = dialectOf(schema);
	let validate: ValidateFunction;
	try {
		void judge().validateSchema(schema, true);
		// its own dialect is all that a schema can refer to beside itself
		validate = compiler({ meta: metaSchema.test(text), validateSchema: false }).compile(schema);
	} catch (error) {
		throw new SchemaError((error as Error).message.replace(/^schema is invalid: data/, '').trim(), { cause: error });
	}
	return {
		isLinear,
		fault(value) {
			try {
				if (validate(value)) return undefined;
				return describe(validate.errors ?? [], value);
			} catch (error) {
				if (error instanceof RangeError) return { path: '', reason: 'is nested too deep to be checked' };
				throw error;
			}
		},
	};
}

/** By their digests, those asked for last behind the others: files are read again and again, and most say what they said. */
const foundFine = new Set<string>();
const maxFoundFine = 4096;

/** Why it is no schema; undefined where it is one. */
export function schemaFault(schema: unknown): string | undefined {
	try {
		const digest = digestOf(schema);
		if (!foundFine.delete(digest)) compileSchema(schema);
		foundFine.add(digest);
		for (const oldest of foundFine) {
			if (foundFine.size <= maxFoundFine) break;
			foundFine.delete(oldest);
		}
		return undefined;
	} catch (error) {
		if (error instanceof SchemaError) return error.message;
		throw error;
	}
}

const digestOf = (schema: unknown): string =>
	createHash('sha256')
		.update(JSON.stringify(schema) ?? '')
		.digest('base64');

function dialectOf(schema: object): Dialect {
	const given = schema as Readonly<Record<string, unknown>>;
	// what goes by the name of a dialect would take it away
	if (typeof given['$id'] === 'string' && /^https?:\/\/json-schema\.org\//.test(given['$id']))
		throw new SchemaError(`its $id is ${shown(given['$id'])}, which is not its own`);
	const named = given['$schema'] ?? usualDialect;
	const dialect = typeof named === 'string' ? dialects.get(named.replace(/#$/, '')) : undefined;
	if (dialect === undefined)
		throw new SchemaError(`its $schema is ${shown(named)}; these are understood: ${[...dialects.keys()].join(', ')}`);
	return dialect;
}

/** A property of that name counts like the word itself: that costs some time, the other way round it could cost all of it. */
function look(schema: unknown): { readonly isLinear: boolean } {
	let isLinear = true;
	const walk = (value: unknown, depth: number): void => {
		if (depth > maxSchemaDepth) throw new SchemaError(`it is nested deeper than ${maxSchemaDepth} levels`);
		if (typeof value !== 'object' || value === null) return;
		for (const [key, inner] of Object.entries(value)) {
			if (key === '$async') throw new SchemaError('$async is not for messages');
			if (!Array.isArray(value) && nonLinear.has(key)) isLinear = false;
			walk(inner, depth + 1);
		}
	};
	walk(schema, 0);
	return { isLinear };
}

function describe(errors: readonly ErrorObject[], value: unknown): ValueFault {
	// of choices the last one speaks of all of them; of conditions it says less than what did not fit
	const last = errors.at(-1);
	const error = last?.keyword === 'if' ? errors[0] : last;
	if (error === undefined) return { path: '', reason: 'does not fit' };
	return { path: cut(pathIn(value, error.instancePath), maxPathLength), reason: cut(reasonOf(error), maxReasonLength) };
}

function reasonOf({ keyword, params, message = 'does not fit', data, parentSchema }: ErrorObject): string {
	const given = params as Readonly<Record<string, unknown>>;
	switch (keyword) {
		case 'type': {
			const types = [given['type']].flat().join(' or ');
			return `must be ${types}, got ${shown(data)}`;
		}
		case 'required':
			return `must have ${quoted(given['missingProperty'])}`;
		case 'additionalProperties':
			return `must not have ${quoted(given['additionalProperty'])}`;
		case 'unevaluatedProperties':
			return `must not have ${quoted(given['unevaluatedProperty'])}`;
		case 'enum': {
			const values = [parentSchema?.['enum']].flat().map((each) => JSON.stringify(each));
			return `must be one of ${values.join(', ')}, got ${shown(data)}`;
		}
		case 'const':
			return `must be ${JSON.stringify(given['allowedValue'])}, got ${shown(data)}`;
		case 'false schema':
			return 'must not be there';
		default:
			return `${message.replace('must NOT', 'must not')}, got ${shown(data)}`;
	}
}

const quoted = (value: unknown): string => cut(JSON.stringify(value) ?? '', maxShownLength);

function shown(value: unknown): string {
	if (value === null || typeof value === 'boolean') return String(value);
	if (Array.isArray(value)) return `a list of ${value.length}`;
	if (typeof value === 'object') return 'an object';
	return `${typeof value} ${quoted(value)}`;
}

/** A JSON pointer as it is written in programs. */
function pathIn(value: unknown, pointer: string): string {
	let path = '';
	let at = value;
	for (const escaped of pointer.split('/').slice(1)) {
		const key = escaped.replaceAll('~1', '/').replaceAll('~0', '~');
		if (Array.isArray(at)) path += `[${key}]`;
		else path += /^[A-Za-z_$][\w$-]*$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
		at = typeof at === 'object' && at !== null ? Reflect.get(at, key) : undefined;
	}
	return path;
}

const cut = (text: string, length: number): string => (text.length <= length ? text : `${text.slice(0, length - 1)}…`);

function once<T>(make: () => T): () => T {
	let made: T | undefined;
	return () => {
		made ??= make();
		return made;
	};
}
