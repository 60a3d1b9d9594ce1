/** Reading and checking project files as one thing, which is brought in when the first project comes. */
import type { LoadPorts, LoadRequest } from './load.ts';
import { type LoadedTree, loadTree, type TreeOptions } from './load-tree.ts';

export interface ProjectReader {
	readonly read: LoadPorts['read'];
	readonly tree: (request: LoadRequest, options?: TreeOptions) => LoadedTree;
}

export const projectReader = (ports: LoadPorts): ProjectReader => ({
	read: ports.read,
	tree: (request, options) => loadTree(request, ports, options),
});
