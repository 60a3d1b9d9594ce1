/** Type ids: a number for each (name, codec), given once and never to mean anything else, also after a restart. */
import type { Logger } from '@orch/base';
import { type Codec, codecs, maxTypes, type TypeEntry } from '@orch/protocol/data';
import { typeNameFault } from '@orch/protocol/wire';
import { AppendFile } from './append-file.ts';

/** What is wrong with a name, in words for whoever chose it; undefined when nothing is. */
export function typeNameProblem(name: unknown): string | undefined {
	if (typeof name !== 'string') return 'the name of a type is a text';
	const fault = typeNameFault(name);
	return fault && `the name of a type ${fault}`;
}

export class TypeRegistry {
	readonly #file: AppendFile;
	readonly #byKey = new Map<string, TypeEntry>();
	readonly #byName = new Map<string, TypeEntry[]>();
	readonly #byId = new Map<number, TypeEntry>();
	#nextId = 1;

	private constructor(file: AppendFile) {
		this.#file = file;
	}

	static open(path: string, log: Logger): TypeRegistry {
		const { file, lines } = AppendFile.open(path, log);
		const registry = new TypeRegistry(file);
		for (const line of lines) registry.#read(line, log);
		return registry;
	}

	get size(): number {
		return this.#byId.size;
	}

	byId(id: number): TypeEntry | undefined {
		return this.#byId.get(id);
	}

	/** Every id that a name has, one for each codec. */
	named(name: string): readonly TypeEntry[] {
		return this.#byName.get(name) ?? [];
	}

	/** The entry of (name, codec), if there is one. */
	known(name: string, codec: Codec): TypeEntry | undefined {
		return this.#byKey.get(`${codec} ${name}`);
	}

	/** The entry of (name, codec), made if need be; undefined when there are no ids left. The name has been checked. */
	define(name: string, codec: Codec): TypeEntry | undefined {
		const known = this.known(name, codec);
		if (known !== undefined) return known;
		// id 0 means none
		if (this.#nextId >= maxTypes) return undefined;
		const entry: TypeEntry = { id: this.#nextId, name, codec };
		this.#file.append(`${entry.id} ${codec} ${JSON.stringify(name)}`);
		this.#add(entry);
		return entry;
	}

	close(): void {
		this.#file.close();
	}

	#add(entry: TypeEntry): void {
		this.#byId.set(entry.id, entry);
		this.#byKey.set(`${entry.codec} ${entry.name}`, entry);
		const named = this.#byName.get(entry.name);
		if (named === undefined) this.#byName.set(entry.name, [entry]);
		else named.push(entry);
		this.#nextId = Math.max(this.#nextId, entry.id + 1);
	}

	#read(line: string, log: Logger): void {
		const [idText, codecText] = line.split(' ', 2);
		const id = Number(idText);
		const codec = codecs.find((one) => one === codecText);
		let name: unknown;
		try {
			name = JSON.parse(line.slice(`${idText} ${codecText} `.length));
		} catch {
			// falls through to the warning: the line is not one of ours
		}
		if (!Number.isInteger(id) || id < 1 || codec === undefined || typeof name !== 'string' || this.#byId.has(id)) {
			log.warn('line not understood', { line });
			return;
		}
		this.#add({ id, name, codec });
	}
}
