/** How problems of project files look on a terminal. */
import type { ProblemStyle } from '@orch/protocol/wire';
import type { Style } from '../render/style.ts';

export const problemStyle = ({ bold, red, dim, cyan }: Style): ProblemStyle => ({
	place: bold,
	mark: red,
	frame: dim,
	hint: cyan,
});
