/** Tells work that would go on in a later turn, which no transaction can hold together. */

export function isThenable(value: unknown): boolean {
	return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}
