/** Watches real files, by chokidar. */
import { watch } from 'chokidar';
import type { OpenWatch } from './watch.ts';

export const watchFiles: OpenWatch = ({ paths, isIgnored, onChange, onError }) => {
	const watcher = watch([...paths], {
		ignoreInitial: true,
		// a save by renaming is one change of the file
		atomic: true,
		ignored: (path, stats) =>
			isIgnored(path) || (stats !== undefined && !stats.isFile() && !stats.isDirectory() && !stats.isSymbolicLink()),
	});
	watcher.on('add', onChange).on('change', onChange).on('unlink', onChange);
	watcher.on('error', (error) => onError(error instanceof Error ? error : new Error(String(error))));
	return {
		close: () => {
			watcher.close().catch((error: unknown) => onError(error instanceof Error ? error : new Error(String(error))));
		},
	};
};
