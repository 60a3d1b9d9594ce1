/** Output whose removal hangs until a test lets it go. */
import type { OutputStore } from '../output/index.ts';

/** Gives what lets go of the removal that hangs. */
export function holdRemoval(outputs: OutputStore): () => void {
	const { remove } = outputs;
	let release = () => {};
	outputs.remove = async (id, options) => {
		await new Promise<void>((resolve) => {
			release = resolve;
		});
		return remove.call(outputs, id, options);
	};
	return () => release();
}
