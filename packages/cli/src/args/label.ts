/** Labels of runtimes as they are typed. */
import { BadValue } from './bad-value.ts';

export function label(text: string): readonly [name: string, value: string] {
	const at = text.indexOf('=');
	const name = at < 0 ? text : text.slice(0, at);
	if (at < 1 || !/^[A-Za-z0-9_./-]{1,100}$/.test(name)) throw new BadValue('NAME=VALUE, NAME of letters, digits, _ . / -', []);
	return [name, text.slice(at + 1)];
}

/** As `label`, but a name alone stands for any value. */
export function labelFilter(text: string): readonly [name: string, value: string] {
	return label(text.includes('=') ? text : `${text}=`);
}

/** `the label tier=web and the label zone`. */
export const labelText = (labels: readonly (readonly [name: string, value: string])[]): string =>
	labels.map(([name, value]) => `the label ${name}${value === '' ? '' : `=${value}`}`).join(' and ');
