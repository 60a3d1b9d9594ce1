/** Where the packages' sources are: bundles are made of them, so that no bundle can hold a stale build. */
import { join } from 'node:path';

export const sourceAliases = (root) => {
	const source = (path) => join(root, 'packages', path);
	return {
		'@orch/base/json-schema': source('base/src/json-schema.ts'),
		'@orch/base/pattern': source('base/src/pattern.ts'),
		'@orch/base/directory': source('base/src/directory.ts'),
		'@orch/base/text': source('base/src/text/index.ts'),
		'@orch/base': source('base/src/index.ts'),
		'@orch/protocol/wire': source('protocol/src/wire/index.ts'),
		'@orch/protocol/data': source('protocol/src/data/index.ts'),
		'@orch/protocol': source('protocol/src/index.ts'),
		'@orch/sdk': source('sdk/src/index.ts'),
	};
};
