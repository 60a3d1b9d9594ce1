/** Project files without a daemon: what the CLI loads, from a bundle of its own, to check and to explain them. A bundled orchd takes its reader from the same. */
import { reader } from './project-files.ts';
import { type Loaded, type LoadRequest, publishedSchema } from './projects/load/index.ts';

export { reader };
export const schema = publishedSchema;

/** With the runners that the files mount. */
export const check = (request: LoadRequest): Loaded => reader.tree(request).own;
