import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { checkArchitecture } from './check-architecture.mjs';

const roots = [];
afterEach(() => {
	for (const root of roots.splice(0)) rmSync(root, { recursive: true, force: true });
});

/** A tree with these files, and the empty packages that every tree has. */
function tree(files) {
	const root = mkdtempSync(join(tmpdir(), 'orch-architecture-'));
	roots.push(root);
	for (const name of ['base', 'protocol', 'router', 'daemon', 'cli', 'sdk'])
		mkdirSync(join(root, 'packages', name, 'src'), { recursive: true });
	for (const [path, text] of Object.entries(files)) {
		mkdirSync(dirname(join(root, 'packages', path)), { recursive: true });
		writeFileSync(join(root, 'packages', path), text);
	}
	return checkArchitecture(root);
}

describe('the architecture check', () => {
	it('accepts imports that run one way, through doors', () => {
		expect(
			tree({
				'daemon/src/links/index.ts': "export { a } from './links.ts';\n",
				'daemon/src/links/links.ts': "import type { Clock } from '@orch/base';\nexport const a = 1;\n",
				'daemon/src/control/index.ts': "import { a } from '../links/index.ts';\nimport { api } from '@orch/protocol';\n",
			}),
		).toEqual([]);
	});

	it('refuses a room that knows its sibling', () => {
		expect(tree({ 'daemon/src/links/index.ts': "import { x } from '../supervisor/index.ts';\n" })).toEqual([
			'packages/daemon/src/links/index.ts:1 links may not import supervisor: it may import no other room',
		]);
	});

	it('refuses a way past a door', () => {
		expect(tree({ 'daemon/src/control/x.ts': "\nimport { a } from '../links/links.ts';\n" })).toEqual([
			'packages/daemon/src/control/x.ts:2 imports links/links.ts: go through links/index.ts',
		]);
	});

	it('refuses a package that a room or a package may not know', () => {
		expect(tree({ 'daemon/src/supervisor/x.ts': "import { api } from '@orch/protocol';\n" })).toEqual([
			'packages/daemon/src/supervisor/x.ts:1 supervisor may not import @orch/protocol: it may import @orch/base, @orch/base/pattern',
		]);
		expect(tree({ 'sdk/src/x.ts': "import { api } from '@orch/protocol';\n" })).toHaveLength(1);
		expect(tree({ 'protocol/src/x.ts': "import { readFileSync } from 'node:fs';\n" })).toHaveLength(1);
		expect(tree({ 'router/src/x.ts': "import { a } from '../../daemon/src/links/index.ts';\n" })).toHaveLength(1);
	});

	it('refuses time and chance outside their files, and Node in a machine', () => {
		expect(
			tree({ 'router/src/x.ts': 'const now = Date.now();\nsetTimeout(() => {}, 1);\nconst r = Math.random();\n' }),
		).toHaveLength(3);
		expect(tree({ 'router/src/x.ts': '// Date.now() would be wrong here\nsocket.setTimeout(1);\nnew Date(5);\n' })).toEqual([]);
		expect(tree({ 'daemon/src/supervisor/a.machine.ts': "import { kill } from 'node:process';\n" })).toHaveLength(1);
	});

	it('refuses circles', () => {
		expect(tree({ 'base/src/a.ts': "import './b.ts';\n", 'base/src/b.ts': "import './a.ts';\n" })).toEqual([
			'import cycle: packages/base/src/a.ts -> packages/base/src/b.ts -> packages/base/src/a.ts',
		]);
	});
});
