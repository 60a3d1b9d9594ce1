/** What every runtime's environment starts with, of the environment of who declares it. */
import type {} from './platform.ts';

const names = /^(PATH|HOME|USER|SHELL|LANG|LC_.*|TZ)$/;

export function inheritedOf(environment: Readonly<Record<string, string | undefined>>): Record<string, string> {
	const inherited: Record<string, string> = {};
	for (const [name, value] of Object.entries(environment)) if (value !== undefined && names.test(name)) inherited[name] = value;
	return inherited;
}
