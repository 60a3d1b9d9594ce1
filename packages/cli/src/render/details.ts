import { displayWidth, type Style } from '@orch/base/text';
/** One thing with its properties: a name before each, aligned. */

/** Properties without a value are left out; a value of several lines is indented under its name. */
export function renderDetails(properties: readonly (readonly [name: string, value: string | undefined])[], style: Style): string {
	const shown = properties.filter((property): property is readonly [string, string] => property[1] !== undefined);
	const width = Math.max(0, ...shown.map(([name]) => displayWidth(name)));
	const indent = ' '.repeat(width + 4);
	return shown.map(([name, value]) => `  ${style.dim(name.padEnd(width))}  ${value.split('\n').join(`\n${indent}`)}\n`).join('');
}
