/** Project files without a daemon: what the CLI loads, from a bundle of its own, to check and to explain them. */
import { loadPorts } from './project-files.ts';
import { type Loaded, type LoadRequest, loadProject, publishedSchema } from './projects/index.ts';

export const schema = publishedSchema;

export const check = (request: LoadRequest): Loaded => loadProject(request, loadPorts);
