/** Whether a JSON Schema that a project gives for its messages is one. */
import { Ajv2020 } from 'ajv/dist/2020.js';

/** Why it is none; undefined where it is one. */
export function schemaFault(schema: unknown): string | undefined {
	const ajv = new Ajv2020({ strict: false, allErrors: false, logger: false });
	try {
		ajv.compile(schema as object);
		return undefined;
	} catch (error) {
		return (error as Error).message.replace(/^schema is invalid: data/, '');
	}
}
