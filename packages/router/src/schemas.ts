/** The schemas of the table, compiled: which of them holds for whose messages. */
import type { CompiledSchema } from '@orch/base/json-schema';
import type { RouterSchema } from '@orch/protocol';
import { maxSchemas, maxSchemasBytes } from './limits.ts';

/** Loaded only when there is something to compile: a router without schemas does without it. */
export type LoadCompiler = () => (schema: unknown) => CompiledSchema;

export interface Schema {
	readonly project: string;
	readonly type: string;
	readonly text: string;
	/** The same for the same text. */
	readonly compiled: CompiledSchema;
}

export interface SchemaProblem {
	readonly project: string;
	readonly type: string;
	readonly message: string;
}

export class Schemas {
	readonly #load: LoadCompiler;
	/** By project, then by type. */
	#byProject = new Map<string, ReadonlyMap<string, Schema>>();
	#size = 0;

	constructor(load: LoadCompiler) {
		this.#load = load;
	}

	get size(): number {
		return this.#size;
	}

	of(project: string | undefined, type: string): Schema | undefined {
		return project === undefined ? undefined : this.#byProject.get(project)?.get(type);
	}

	/** These hold from now on, and no others; gives those that cannot. What stays the same is not compiled again. */
	replace(rows: readonly RouterSchema[]): SchemaProblem[] {
		const known = new Map<string, CompiledSchema>();
		for (const byType of this.#byProject.values()) for (const { text, compiled } of byType.values()) known.set(text, compiled);
		const byProject = new Map<string, Map<string, Schema>>();
		const problems: SchemaProblem[] = [];
		let bytes = 0;
		this.#size = 0;
		for (const { project, type, schema: text } of rows) {
			bytes += Buffer.byteLength(text);
			try {
				if (this.#size >= maxSchemas) throw new Error(`there are ${maxSchemas} schemas already`);
				if (bytes > maxSchemasBytes) throw new Error(`all schemas together take more than ${maxSchemasBytes} bytes`);
				const compiled = known.get(text) ?? this.#load()(JSON.parse(text));
				known.set(text, compiled);
				const byType = byProject.get(project) ?? new Map<string, Schema>();
				byProject.set(project, byType.set(type, { project, type, text, compiled }));
				this.#size += 1;
			} catch (error) {
				problems.push({ project, type, message: error instanceof Error ? error.message : String(error) });
			}
		}
		this.#byProject = byProject;
		return problems;
	}
}
