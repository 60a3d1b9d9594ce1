/** Packages that only a baseline needs: installed by npm into a folder of their own, once, not into the workspace. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const store = fileURLToPath(new URL('../.scratch/', import.meta.url));

/** Gives the folder that holds `node_modules`; undefined, and says why, when npm cannot install it. */
export function installPackages(name, manifest) {
	const folder = join(store, name);
	if (existsSync(folder)) return { folder };
	// under another name until it is complete
	const unfinished = `${folder}.${process.pid}`;
	mkdirSync(unfinished, { recursive: true });
	writeFileSync(join(unfinished, 'package.json'), JSON.stringify({ private: true, ...manifest }, undefined, '\t'));
	console.error(`bench: installing ${Object.keys(manifest.dependencies).join(', ')} into ${folder}`);
	const { status, stderr, error } = spawnSync(
		'npm',
		['install', '--no-audit', '--no-fund', '--no-package-lock', '--prefix', unfinished],
		{
			cwd: unfinished,
			encoding: 'utf8',
			stdio: ['ignore', 'ignore', 'pipe'],
		},
	);
	if (status !== 0) {
		rmSync(unfinished, { recursive: true, force: true });
		return {
			problem: `npm could not install ${Object.keys(manifest.dependencies).join(', ')}: ${(error?.message ?? stderr).trim().split('\n')[0]}`,
		};
	}
	renameSync(unfinished, folder);
	return { folder };
}
