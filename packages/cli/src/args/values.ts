/** Readers of option values: each gives the value or says what it must be. */
import { constants } from 'node:os';
import { isVariableName, variableNameRule } from '@orch/base/text';
import { isGivenName, suggest } from '@orch/protocol/wire';
import { BadValue } from './bad-value.ts';
import { parseDuration } from './duration.ts';
import { offering } from './offers.ts';

export const text = (value: string): string => value;

export function nonEmpty(value: string): string {
	if (value === '') throw new BadValue('something, not nothing', []);
	return value;
}

export const choice = <const Names extends readonly string[]>(names: Names) =>
	offering(
		(value: string): Names[number] => {
			if (!names.includes(value)) throw new BadValue(`one of: ${names.join(', ')}`, suggest(value, names));
			return value as Names[number];
		},
		() => names,
	);

export const integer =
	(least: number, most: number) =>
	(value: string): number => {
		const number = /^\d+$/.test(value) ? Number(value) : Number.NaN;
		if (!(number >= least && number <= most)) throw new BadValue(`a whole number from ${least} to ${most}`, []);
		return number;
	};

export function uuid(value: string): string {
	const lower = value.toLowerCase();
	if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(lower))
		throw new BadValue('a UUID, such as 0195fc7b-33e6-70e3-bee1-ac515185fac7', []);
	return lower;
}

export function runtimeName(value: string): string {
	if (!isGivenName(value)) throw new BadValue('letters, digits, _ . + - (64 at most, not starting with . + or -)', []);
	return value;
}

/** `TERM`, `SIGTERM`, `term` or `15`. */
export function signalName(value: string): string {
	const known: Readonly<Record<string, number>> = constants.signals;
	const upper = value.toUpperCase();
	const name = /^\d+$/.test(value)
		? Object.keys(known).find((each) => known[each] === Number(value))
		: [upper, `SIG${upper}`].find((each) => Object.hasOwn(known, each));
	if (name === undefined) {
		const short = Object.keys(known).map((each) => each.slice(3));
		throw new BadValue('a signal, such as HUP, SIGTERM or 15', suggest(upper.replace(/^SIG/, ''), short));
	}
	return name;
}

offering(signalName, () => Object.keys(constants.signals).map((name) => name.slice(3)));

/** `5/60s`: so many failures within so long; `never` does not give up. */
export function giveUp(value: string): { failures: number; withinMs?: number } {
	if (value === 'never') return { failures: 0 };
	const [failures = '', within, ...rest] = value.split('/');
	if (within === undefined || rest.length > 0 || !/^[1-9]\d{0,4}$/.test(failures))
		throw new BadValue('failures within a time, such as 5/60s, or never', []);
	return { failures: Number(failures), withinMs: parseDuration(within) };
}

/** `K=V`, or `K` alone, which takes the value that the client has. */
export function assignment(value: string): { name: string; value: string | undefined } {
	const at = value.indexOf('=');
	const name = at < 0 ? value : value.slice(0, at);
	if (!isVariableName(name))
		throw new BadValue(
			`NAME=VALUE, or NAME to take the value it has here, NAME of ${variableNameRule}`,
			[],
			'options of the program itself stand behind --: orch runtime add PROGRAM -- -e …',
		);
	return { name, value: at < 0 ? undefined : value.slice(at + 1) };
}
