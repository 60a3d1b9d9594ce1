/** Starts programs layer by layer, in the way that a script would: the next layer once everything of this one has said that it is ready. */
import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, watch } from 'node:fs';
import { config, say, told } from '../programs/talk.mjs';

const { layers, command, args, env, directory, word } = config;
const children = [];

/** What it writes goes to a file, as with orch, and is looked for there. */
function start(name) {
	const output = `${directory}/${name}`;
	const file = openSync(output, 'a', 0o600);
	const ready = new Promise((resolve) => {
		const look = () => {
			if (!readFileSync(output, 'latin1').includes(word)) return;
			watcher.close();
			resolve();
		};
		const watcher = watch(output, look);
		children.push(spawn(command, args, { cwd: '/', env, detached: true, stdio: ['ignore', file, file] }));
		look();
	});
	closeSync(file);
	return ready;
}

// also where the bench has gone
process.on('exit', () => {
	for (const child of children) if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
});
for (const layer of layers) await Promise.all(layer.map(start));
say('up', { pids: children.map(({ pid }) => pid) });
await told('end');
const gone = children.map((child) => new Promise((resolve) => child.on('exit', resolve)));
for (const child of children) child.kill('SIGKILL');
await Promise.all(gone);
process.exit(0);
