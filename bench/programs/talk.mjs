/** The program's side of `harness/children.mjs`: lines of JSON on stdin and stdout. It ends when the bench does. */

export const config = JSON.parse(process.argv[2] ?? '{}');

const handlers = new Map();
const early = [];
let rest = '';

process.stdin.on('data', (chunk) => {
	rest += chunk;
	for (let at = rest.indexOf('\n'); at >= 0; at = rest.indexOf('\n')) {
		const line = JSON.parse(rest.slice(0, at));
		rest = rest.slice(at + 1);
		const handler = handlers.get(line.say);
		if (handler) handler(line);
		else early.push(line);
	}
});
process.stdin.on('end', () => process.exit(0));

export const say = (what, body = {}) => process.stdout.write(`${JSON.stringify({ say: what, ...body })}\n`);

/** Calls `handler` whenever the bench says `what`. */
export function when(what, handler) {
	handlers.set(what, handler);
	for (let index = early.findIndex((line) => line.say === what); index >= 0; index = early.findIndex((line) => line.say === what))
		handler(...early.splice(index, 1));
}

/** Resolves the first time that the bench says `what`. */
export const told = (what) => new Promise((resolve) => when(what, resolve));

/** What this process has used, in microseconds. */
export function cpuMicros() {
	const { user, system } = process.cpuUsage();
	return user + system;
}
