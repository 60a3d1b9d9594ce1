/** What V8 is told: thrift as long as nobody has connected, for most routers wait most of the time, and pace from then on. */
import { setFlagsFromString } from 'node:v8';

/** Of the V8 of Node 20. Later ones do not know them, complain aloud, and have a quicker compiler in between. */
const hasTheseTiers = process.versions.v8.startsWith('11.3.');

/**
 * A table of 200 runtimes would bring the optimizing compiler, 4 MiB of its code and memory, and double the young half of the heap: both
 * for what runs once. To be called before the first table comes.
 */
export function beThrifty(): void {
	setFlagsFromString('--semi-space-growth-factor=1');
	if (!hasTheseTiers) return;
	setFlagsFromString('--interrupt-budget=10000000');
	setFlagsFromString('--max-bytecode-size-for-early-opt=0');
}

/** As V8 has it by itself. What carries messages has not run before that, so nothing of it has been made to wait. */
export function bePrompt(): void {
	setFlagsFromString('--semi-space-growth-factor=2');
	if (!hasTheseTiers) return;
	setFlagsFromString('--interrupt-budget=67584');
	setFlagsFromString('--max-bytecode-size-for-early-opt=81');
}
