/**
 * What a router that died had with it: told by both sides when they connect to the next one. A sender says what it has
 * sent, a receiver what it has seen; the difference is lost.
 */
import type { Link } from './link.ts';
import type { Past } from './past.ts';
import type { Port } from './port.ts';
import type { TypeRegistry } from './type-registry.ts';

interface Remembered {
	readonly past: Past;
	readonly generation: number;
	readonly id: number;
}

export class Resumption {
	readonly #types: TypeRegistry;
	readonly #remembered = new Map<Port, Remembered>();

	constructor(types: TypeRegistry) {
		this.#types = types;
	}

	/** A process has come back and told; what can be counted by now is counted on the links between it and others. */
	remember(port: Port, id: number, past: Past, linkBetween: (from: Port, type: string, to: Port) => Link | undefined): void {
		if (past.sent.size === 0 && past.seen.size === 0) return;
		this.#remembered.set(port, { past, generation: port.spec.generation, id });
		for (const other of [...this.#remembered.keys()]) {
			this.#count(port, other, linkBetween);
			if (other !== port) this.#count(other, port, linkBetween);
		}
	}

	forget(port: Port): void {
		this.#remembered.delete(port);
	}

	#count(sender: Port, receiver: Port, linkBetween: (from: Port, type: string, to: Port) => Link | undefined): void {
		const from = this.#valid(sender);
		const to = this.#valid(receiver);
		const seen = from && to?.past.seen.get(from.id);
		if (from === undefined || seen === undefined) return;
		for (const [typeId, lastSeen] of [...seen]) {
			const lastSent = from.past.sent.get(typeId);
			const type = this.#types.byId(typeId)?.name;
			if (lastSent === undefined || type === undefined) continue;
			// once for each pair
			seen.delete(typeId);
			const count = (lastSent - lastSeen) >>> 0;
			if (count === 0 || count >= 2 ** 31) continue;
			linkBetween(sender, type, receiver)?.drop(sender, count, (lastSeen + 1) >>> 0, lastSent, 'router_lost');
		}
	}

	/** What an ended process told says nothing about the next one. */
	#valid(port: Port): Remembered | undefined {
		const remembered = this.#remembered.get(port);
		return remembered?.generation === port.spec.generation ? remembered : undefined;
	}
}
