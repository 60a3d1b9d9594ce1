/** A value that stands for itself on the line, not behind an option: what its reader refuses is told under its name. */
import { CliError } from '../errors.ts';
import { BadValue } from './bad-value.ts';

export function readArgument<Value>(name: string, typed: string, read: (text: string) => Value): Value {
	try {
		return read(typed);
	} catch (error) {
		if (!(error instanceof BadValue)) throw error;
		const { expected, candidates } = error;
		throw new CliError('usage.bad_value', { option: name, value: typed, expected, candidates });
	}
}
