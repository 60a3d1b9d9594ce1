/** Values that look like secrets, by the name they have or by where they stand, are not shown unless that is asked for. */

const secretName =
	/(^|[_-])(key|token|secret|password|passwd|pass|credentials?|private|auth|dsn|cookie)([_-]|$)|(apikey|password|token)$/i;

/** What stands under these is who one is, whatever it is called. */
const secretSection = /^(headers|auth)$/i;

export const masked = '••••';

export const maskSecrets = (env: Readonly<Record<string, string>>): Record<string, string> =>
	Object.fromEntries(Object.entries(env).map(([name, value]) => [name, maskText(value, secretName.test(name))]));

/** The same for what is as deep as it likes; `path` are the names under which it stands. */
export function maskDeep(value: unknown, path: readonly string[] = []): unknown {
	const isSecret = path.some((name) => secretSection.test(name)) || secretName.test(path.at(-1) ?? '');
	if (typeof value === 'string') return maskText(value, isSecret);
	if (typeof value === 'number') return isSecret ? masked : value;
	if (typeof value !== 'object' || value === null) return value;
	if (Array.isArray(value)) return value.map((each) => maskDeep(each, path));
	return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, maskDeep(each, [...path, name])]));
}

/** A runtime as it is shown where nobody has asked for its secrets: those of its environment and of its probes. */
export function maskRuntime<Shown extends object>(runtime: Shown): Shown {
	const { env, options, probes } = runtime as Partial<Secretive>;
	if (!env && !options?.probes && !probes) return runtime;
	return {
		...runtime,
		...(env && { env: maskSecrets(env) }),
		...(options?.probes && { options: { ...options, probes: maskDeep(options.probes) } }),
		// a declared one has them beside everything else
		...(probes && { probes: maskDeep(probes) }),
	};
}

interface Secretive {
	readonly env: Readonly<Record<string, string>>;
	readonly options: { readonly probes?: object };
	readonly probes: object;
}

const maskText = (value: string, isSecret: boolean): string => (isSecret && value !== '' ? masked : withoutPassword(value));

/** `postgres://user:secret@host` without its password. */
const withoutPassword = (value: string): string => value.replace(/^([a-z][a-z0-9+.-]*:\/\/[^/\s:@]*:)[^@\s]+@/i, `$1${masked}@`);
