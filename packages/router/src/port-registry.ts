/** Port ids: a number for each process that connects, given once, never to another, also after a restart of the router. */
import type { Logger } from '@orch/base';
import { AppendFile } from './append-file.ts';

interface Assigned {
	readonly generation: number;
	readonly port: number;
}

/** Beyond this many lines a start writes only those that may still be asked for. */
const rewriteFromLines = 4_096;

export class PortRegistry {
	readonly #file: AppendFile;
	readonly #byRuntime = new Map<string, Assigned>();
	#next = 1;

	private constructor(file: AppendFile) {
		this.#file = file;
	}

	static open(path: string, log: Logger): PortRegistry {
		const { file, lines } = AppendFile.open(path, log);
		const registry = new PortRegistry(file);
		for (const line of lines) {
			const [portText, runtime, generationText] = line.split(' ');
			const port = Number(portText);
			const generation = Number(generationText);
			if (!Number.isInteger(port) || runtime === undefined || !Number.isInteger(generation)) {
				log.warn('line not understood', { line });
				continue;
			}
			registry.#byRuntime.set(runtime, { port, generation });
			registry.#next = Math.max(registry.#next, port + 1);
		}
		if (lines.length > rewriteFromLines) {
			const last = [...registry.#byRuntime].map(([runtime, { port, generation }]) => `${port} ${runtime} ${generation}`);
			// the highest number stays on record even if its runtime is forgotten some day
			file.rewrite(last);
		}
		return registry;
	}

	/** The port of this process: the same one however often it connects. */
	of(runtime: string, generation: number): number {
		const assigned = this.#byRuntime.get(runtime);
		if (assigned?.generation === generation) return assigned.port;
		return this.#assign(runtime, generation);
	}

	/** What this process had been given before, if it had. */
	known(runtime: string, generation: number): number | undefined {
		const assigned = this.#byRuntime.get(runtime);
		return assigned?.generation === generation ? assigned.port : undefined;
	}

	close(): void {
		this.#file.close();
	}

	#assign(runtime: string, generation: number): number {
		const port = this.#next;
		this.#next += 1;
		this.#byRuntime.set(runtime, { port, generation });
		this.#file.append(`${port} ${runtime} ${generation}`);
		return port;
	}
}
