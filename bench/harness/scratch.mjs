/** A private directory, and everything that has to be taken down again: in reverse order, whatever happens. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export class Scratch {
	#directory;
	#closers = [];
	#parts = 0;
	#alarm = withResolvers();

	constructor() {
		this.#directory = mkdtempSync(join(tmpdir(), 'orch-bench-'));
		this.#alarm.promise.catch(() => {
			// whoever waits for something is told
		});
	}

	/** Rejects when one of the programs ends that should not: whoever waits for another need not wait any longer. */
	get alarm() {
		return this.#alarm.promise;
	}

	raiseAlarm(error) {
		this.#alarm.reject(error);
	}

	get directory() {
		return this.#directory;
	}

	path(...parts) {
		return join(this.#directory, ...parts);
	}

	/** An empty directory of its own. The name is short: sockets live in it. */
	fresh(name) {
		const directory = join(this.#directory, `${name}${++this.#parts}`);
		mkdirSync(directory, { mode: 0o700 });
		return directory;
	}

	/** `close` is called at the end; what is returned calls it now instead. */
	add(close) {
		let closing;
		const once = () => {
			closing ??= Promise.resolve().then(close);
			return closing;
		};
		this.#closers.push(once);
		return once;
	}

	async close() {
		for (const close of this.#closers.splice(0).reverse()) {
			try {
				await close();
			} catch (error) {
				console.error(`bench: taking down: ${error.message}`);
			}
		}
		rmSync(this.#directory, { recursive: true, force: true });
	}
}

function withResolvers() {
	let reject;
	const promise = new Promise((_, no) => {
		reject = no;
	});
	return { promise, reject };
}
