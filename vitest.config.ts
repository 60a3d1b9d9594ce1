import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const source = (path: string) => fileURLToPath(new URL(`./packages/${path}`, import.meta.url));

/** Tests run on the sources: packages resolve to their `src`, so that no test can pass on a stale build. */
const alias = [
	{ find: '@orch/base/json-schema', replacement: source('base/src/json-schema.ts') },
	{ find: '@orch/base/pattern', replacement: source('base/src/pattern.ts') },
	{ find: '@orch/base/directory', replacement: source('base/src/directory.ts') },
	{ find: '@orch/base/text', replacement: source('base/src/text/index.ts') },
	{ find: '@orch/base/testing', replacement: source('base/src/testing/index.ts') },
	{ find: '@orch/protocol/wire', replacement: source('protocol/src/wire/index.ts') },
	{ find: '@orch/protocol/data', replacement: source('protocol/src/data/index.ts') },
	...['base', 'protocol', 'router', 'daemon', 'sdk'].map((name) => ({
		find: `@orch/${name}`,
		replacement: source(`${name}/src/index.ts`),
	})),
];

export default defineConfig({
	resolve: { alias },
	test: {
		projects: [
			{
				resolve: { alias },
				test: {
					name: 'unit',
					include: ['packages/*/src/**/*.test.ts', 'scripts/**/*.test.mjs'],
					environment: 'node',
					// processes, not threads: sockets are made under a umask, which threads may not set
					pool: 'forks',
					isolate: false,
					testTimeout: 30_000,
				},
			},
			{
				resolve: { alias },
				test: {
					name: 'real',
					include: ['test/e2e/**/*.test.ts', 'test/faults/**/*.test.ts'],
					environment: 'node',
					pool: 'forks',
					testTimeout: 120_000,
					hookTimeout: 120_000,
				},
			},
		],
	},
});
