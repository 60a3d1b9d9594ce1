/** Values that look like secrets, by the name they have, are not shown unless that is asked for. */

const secretName =
	/(^|[_-])(key|token|secret|password|passwd|pass|credentials?|private|auth|dsn|cookie)([_-]|$)|(apikey|password|token)$/i;

export const masked = '••••';

export const maskSecrets = (env: Readonly<Record<string, string>>): Record<string, string> =>
	Object.fromEntries(
		Object.entries(env).map(([name, value]) => [name, secretName.test(name) && value !== '' ? masked : withoutPassword(value)]),
	);

/** `postgres://user:secret@host` without its password. */
const withoutPassword = (value: string): string => value.replace(/^([a-z][a-z0-9+.-]*:\/\/[^/\s:@]*:)[^@\s]+@/i, `$1${masked}@`);
