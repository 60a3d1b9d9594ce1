import { api } from '@orch/protocol';
import { expect, it } from 'vitest';

const header = `// biome-ignore-all format: generated
/** GENERATED from the declared operations, by the test beside it: \`npx vitest run packages/cli/src/generated -u\`. */

export interface OperationSummary {
	readonly summary: string;
	/** Optional ones with a question mark. */
	readonly params: readonly string[];
	readonly stream: boolean;
}
`;

interface Shape {
	readonly properties?: Readonly<Record<string, { readonly default?: unknown }>>;
	readonly required?: readonly string[];
	readonly anyOf?: readonly Shape[];
}

function paramNames({ properties = {}, required = [], anyOf = [] }: Shape): string[] {
	const own = Object.entries(properties).map(([name, shape]) =>
		required.includes(name) && shape.default === undefined ? name : `${name}?`,
	);
	const ofChoices = anyOf.flatMap(paramNames).map((name) => `${name.replace(/\?$/, '')}?`);
	return [...new Set([...own, ...ofChoices])];
}

const literal = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;

it('the table of operations in the bundle is that of the protocol', async () => {
	const lines = Object.entries(api).map(
		([name, { summary, params, item }]: [string, (typeof api)[keyof typeof api] & { item?: unknown }]) => {
			const names = paramNames(params as Shape).map(literal);
			return `\t${literal(name)}: { summary: ${literal(summary)}, params: [${names.join(', ')}], stream: ${item !== undefined} },`;
		},
	);
	const text = `${header}\nexport const operations: Readonly<Record<string, OperationSummary>> = {\n${lines.join('\n')}\n};\n`;
	await expect(text).toMatchFileSnapshot('./operations.ts');
});
