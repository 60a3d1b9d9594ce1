/** Project files without a daemon: what the CLI loads, from a bundle of its own, to check and to explain them. */
import { reader } from './project-files.ts';
import { type Loaded, type LoadRequest, publishedSchema } from './projects/load/index.ts';

/** A bundled orchd takes it from here. */
export { reader };
export const schema = publishedSchema;

/** With the runners that the files mount. */
export const check = (request: LoadRequest): Loaded => reader.tree(request).own;
