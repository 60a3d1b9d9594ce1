/** Files that are followed whatever is done to them: by chokidar, through their directories, so that one that comes back is seen. */
import { watch } from 'chokidar';
import { dirname } from 'node:path';
import type { Logger } from '@orch/base';
import type { WatchFiles } from './ports.ts';

export function createWatchFiles(log: Logger): WatchFiles {
	return (paths, changed) => {
		const followed = new Set(paths);
		// a file that is not there has no watcher of its own; its directory tells when it comes
		const directories = [...new Set(paths.map((path) => dirname(path)))];
		const watcher = watch(directories, {
			depth: 0,
			ignoreInitial: true,
			followSymlinks: true,
			// which file of a directory it was is ours to say, for what is not followed costs nothing then
			ignored: (path) => !followed.has(path) && !directories.includes(path),
		});
		watcher.on('all', (_event, path) => {
			if (followed.has(path)) changed();
		});
		// between the first look at the files and the first watch of them something may have been saved
		watcher.on('ready', changed);
		watcher.on('error', (error) => log.warn('files of a project are not followed', { paths, error }));
		return () => watcher.close();
	};
}
