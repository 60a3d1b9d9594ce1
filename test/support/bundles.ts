/** Where the built programs are: black-box tests run what users run, never the sources. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const repository = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');

export const bundles = {
	orchd: `${repository}/packages/daemon/dist/orchd.cjs`,
	router: `${repository}/packages/router/dist/orch-router.cjs`,
	cli: `${repository}/packages/cli/bin/orch.cjs`,
} as const;

export const fixture = (name: string): string => `${repository}/test/fixtures/programs/${name}`;

/** Whether a program is on PATH here: what needs it is skipped without. */
export const has = (program: string): boolean =>
	(process.env['PATH'] ?? '').split(':').some((folder) => existsSync(join(folder, program)));

for (const file of Object.values(bundles))
	if (!existsSync(file)) throw new Error(`Cannot run black-box tests: ${file} is not there (npm run build makes it)`);
