/** How problems of project files look on a terminal. */
import type { Style } from '@orch/base/text';
import type { ProblemStyle } from '@orch/protocol/wire';

export const problemStyle = ({ bold, red, dim, cyan }: Style): ProblemStyle => ({
	place: bold,
	mark: red,
	frame: dim,
	hint: cyan,
});
