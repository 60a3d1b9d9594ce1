/** Where orchd may make control groups: in its own one, in whichever mount of cgroup v2 that can be done. */
import { accessSync, constants, mkdirSync, promises, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Logger } from '@orch/base';
import { nothing } from './shortage.ts';

export interface CgroupPlaceOptions {
	/** Where /proc and the mounts are. */
	readonly root: string;
	readonly directories: Pick<Directories, 'probe'>;
	readonly log: Logger;
}

export interface Directories {
	make(path: string): Promise<unknown>;
	/** Only where no process and no further directory is in it. */
	remove(path: string): Promise<unknown>;
	/** Within one turn, to find out whether it can be done: `check` looks at what was made. */
	probe(path: string, check: () => void): void;
}

export const systemDirectories: Directories = {
	make: (path) => promises.mkdir(path),
	remove: (path) => promises.rmdir(path),
	probe(path, check) {
		mkdirSync(path);
		try {
			check();
		} finally {
			rmdirSync(path);
		}
	},
};

export const isCgroupName = (name: string): boolean => /^orch-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(name);

/** Undefined where nothing can be made. An orchd that is in the control group of a runtime leaves it for this one. */
export function findCgroupPlace({ root, directories, log }: CgroupPlaceOptions): string | undefined {
	for (const { mount, path } of places(root)) {
		// an orchd that a runtime has started would end with it, and so would all that it launches
		const names = path.split('/');
		const foreign = names.findIndex(isCgroupName);
		const directory = join(mount, ...(foreign === -1 ? names : names.slice(0, foreign)));
		try {
			// to move a process it takes both ends
			accessSync(`${directory}/cgroup.procs`, constants.W_OK);
			const probe = join(directory, `orch-probe-${process.pid}`);
			directories.probe(probe, () => {
				for (const file of ['cgroup.procs', 'cgroup.kill']) accessSync(`${probe}/${file}`, constants.W_OK);
			});
			if (foreign !== -1) writeFileSync(`${directory}/cgroup.procs`, `${process.pid}`, { flag: 'r+' });
			return directory;
		} catch (error) {
			log.debug('no control groups can be made here', { directory, error });
		}
	}
	return undefined;
}

/** Where orchd is, in each mount of the hierarchy that shows it. */
function* places(root: string): Generator<{ readonly mount: string; readonly path: string }> {
	const own = /^0::(\/.*)$/m.exec(readText(join(root, 'proc/self/cgroup')))?.[1];
	if (own === undefined || own.startsWith('/..')) return;
	for (const line of readText(join(root, 'proc/self/mountinfo')).split('\n')) {
		const [before = '', after = ''] = line.split(' - ');
		if (!after.startsWith('cgroup2 ')) continue;
		const [, , , top = '', mount = ''] = before.split(' ').map(unescaped);
		const above = top === '/' ? '' : top;
		if (own === above || own.startsWith(`${above}/`)) yield { mount: join(root, mount), path: own.slice(above.length) };
	}
}

function readText(path: string): string {
	try {
		return readFileSync(path, 'utf8');
	} catch (error) {
		return nothing(error) ?? '';
	}
}

/** As mounts are told: a blank is \040. */
const unescaped = (text: string): string =>
	text.replace(/\\([0-7]{3})/g, (_all, digits) => String.fromCharCode(Number.parseInt(digits, 8)));
