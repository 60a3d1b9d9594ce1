/** Checks values against the declared schemas, filling in defaults; problems come as sentences. */
import type { Check } from '@orch/protocol';
import type { TSchema } from 'typebox';
import { Settings } from 'typebox/system';
import { Default, Errors, Check as fits } from 'typebox/value';

type Fault = ReturnType<typeof Errors>[number];

/** Problems that are looked for: TypeBox counts what each branch of a choice lacks as well. */
const mostFaults = 200;
const mostIssues = 20;

/**
 * The schema is walked anew for every value. Compiled checks are faster at what takes microseconds here, and what Ajv makes and
 * keeps of the operations is 6 MiB (docs/decisions/0014).
 */
export function createCheck(): Check {
	Settings.Set({ maxErrors: mostFaults });
	return (schema, value) => {
		fillIn(schema, value);
		return fits(schema, value) ? [] : issuesOf(Errors(schema, value));
	};
}

/** Of a choice of forms it is not known yet which one is meant, so those have no defaults. */
function fillIn(schema: TSchema, value: unknown): void {
	if (!('anyOf' in schema)) Default(schema, value);
}

function issuesOf(faults: readonly Fault[]): string[] {
	// what one branch of a choice lacks says less than that no branch fits
	const choices = new Set(faults.filter(({ keyword }) => keyword === 'anyOf').map(({ instancePath }) => instancePath));
	const told = faults.filter(
		({ keyword, instancePath }) => keyword === 'anyOf' || ![...choices].some((path) => instancePath.startsWith(path)),
	);
	const sentences = [...new Set(told.flatMap((fault) => sentencesOf(fault, faults)))];
	if (sentences.length <= mostIssues) return sentences;
	const more = faults.length < mostFaults ? `${sentences.length - mostIssues} more` : 'more';
	return [...sentences.slice(0, mostIssues), `and ${more}`];
}

function sentencesOf(fault: Fault, all: readonly Fault[]): string[] {
	const where = fault.instancePath === '' ? 'params' : fault.instancePath.slice(1).replaceAll('/', '.');
	switch (fault.keyword) {
		case 'required':
			return fault.params.requiredProperties.map((name) => `${where} lacks ${name}`);
		case 'pattern':
			return [`${where} has a form that is not taken`];
		case 'anyOf': {
			const values = all.flatMap((other) =>
				other.keyword === 'const' && other.instancePath === fault.instancePath ? [JSON.stringify(other.params.allowedValue)] : [],
			);
			return [values.length > 0 ? `${where} must be one of ${values.join(', ')}` : `${where} fits none of its forms`];
		}
		default:
			return [`${where} ${fault.message}`];
	}
}
