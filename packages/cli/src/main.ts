/** The program in the bundle: `bin/orch.cjs` calls it and ends with its exit code. */
import { processWorld } from './process-world.ts';
import { reportDefect, run } from './program.ts';

export function main(argv: readonly string[]): Promise<number> {
	const world = processWorld();
	// a bug is told like any other error, not with a page of our source
	process.on('uncaughtException', (error) => {
		void reportDefect(error, argv, world).then((exitCode) => process.exit(exitCode));
	});
	return run(argv, world);
}
