/** Keeps one program running, in the way that a script of twenty lines would: starts it again when it ends. */
import { spawn } from 'node:child_process';
import { openSync } from 'node:fs';
import { config, say, told } from '../programs/talk.mjs';

const { command, args, env, output } = config;
const file = openSync(output, 'a', 0o600);
let child;
let ending = false;

function start() {
	child = spawn(command, args, { cwd: '/', env, detached: true, stdio: ['ignore', file, file] });
	child.on('exit', () => {
		if (!ending) start();
	});
	say('started', { pid: child.pid });
}
start();
await told('end');
ending = true;
child.kill('SIGKILL');
child.on('exit', () => process.exit(0));
