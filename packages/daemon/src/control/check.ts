/** Checks values against the declared schemas, filling in defaults; problems come as sentences. */
import type { Check } from '@orch/protocol';
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import type { TSchema } from 'typebox';

export function createCheck(): Check {
	const ajv = new Ajv({ allErrors: true, useDefaults: true, strict: false, discriminator: false });
	ajv.addKeyword({
		keyword: 'x-bytes',
		schemaType: 'boolean',
		validate: (_schema: boolean, data: unknown) => data instanceof Uint8Array,
	});
	const compiled = new WeakMap<TSchema, ValidateFunction>();
	return (schema, value) => {
		let validate = compiled.get(schema);
		if (!validate) {
			validate = ajv.compile(schema);
			compiled.set(schema, validate);
		}
		return validate(value) ? [] : issuesOf(validate.errors ?? []);
	};
}

const mostIssues = 20;

function issuesOf(errors: readonly ErrorObject[]): string[] {
	// what one branch of a choice lacks says less than that no branch fits
	const choices = new Set(errors.filter(({ keyword }) => keyword === 'anyOf').map(({ instancePath }) => instancePath));
	const told = errors.filter(
		({ keyword, instancePath }) => keyword === 'anyOf' || ![...choices].some((path) => instancePath.startsWith(path)),
	);
	const sentences = [...new Set(told.map((error) => sentenceOf(error, errors)))];
	return sentences.length > mostIssues
		? [...sentences.slice(0, mostIssues), `and ${sentences.length - mostIssues} more`]
		: sentences;
}

function sentenceOf(error: ErrorObject, all: readonly ErrorObject[]): string {
	const where = error.instancePath === '' ? 'params' : error.instancePath.slice(1).replaceAll('/', '.');
	switch (error.keyword) {
		case 'required':
			return `${where} lacks ${(error.params as { missingProperty: string }).missingProperty}`;
		case 'x-bytes':
			return `${where} must be bytes`;
		case 'pattern':
			return `${where} has a form that is not taken`;
		case 'anyOf': {
			const values = all
				.filter(({ instancePath, keyword }) => instancePath === error.instancePath && keyword === 'const')
				.map(({ params }) => JSON.stringify((params as { allowedValue: unknown }).allowedValue));
			return values.length > 0 ? `${where} must be one of ${values.join(', ')}` : `${where} fits none of its forms`;
		}
		default:
			return `${where} ${error.message ?? 'is not what is taken'}`;
	}
}
