/** The programs of a bench: started with a clean environment, talked to by lines of JSON, never left behind. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { within } from './wait.mjs';

const patienceMs = 120_000;

export const programPath = (name) => fileURLToPath(new URL(`../programs/${name}`, import.meta.url));
export const baselinePath = (name) => fileURLToPath(new URL(`../baselines/${name}`, import.meta.url));

/** What every measured process gets: nothing that makes Node slower to start, nothing of an orch around us. */
export function cleanEnvironment(more = {}) {
	const env = { ...process.env };
	for (const name of Object.keys(env)) {
		if (name === 'NODE_EXTRA_CA_CERTS' || name === 'NODE_OPTIONS' || name.startsWith('ORCH_') || name.startsWith('VEECLE_'))
			delete env[name];
	}
	return { ...env, ...more };
}

/** Starts a program. `stdout` of a talking one are lines `{"say": …}`; what else it prints is shown when it fails. */
export function startChild(scratch, command, args, { env = {}, cwd, name = args[0], talks = true, stdio } = {}) {
	const child = spawn(command, args, {
		cwd,
		env: cleanEnvironment(env),
		stdio: stdio ?? ['pipe', 'pipe', 'pipe'],
	});
	const said = [];
	const waiting = [];
	let rest = '';
	let errors = '';
	let ended;
	let killed = false;
	const fail = () => {
		for (const { reject } of waiting.splice(0))
			reject(new Error(`${name} ended (${ended})${errors ? `:\n${errors.slice(-4000)}` : ''}`));
	};
	const exited = new Promise((resolve) => {
		child.on('error', (error) => {
			ended = error.message;
			fail();
			resolve(error);
		});
		child.on('close', (code, signal) => {
			ended ??= signal ?? `code ${code}`;
			fail();
			if (!killed && code !== 0) scratch.raiseAlarm(new Error(`${name} ended (${ended}):\n${errors.slice(-4000)}`));
			resolve({ code, signal, errors });
		});
	});
	child.stderr?.on('data', (chunk) => {
		errors = (errors + chunk).slice(-16_384);
	});
	child.stdin?.on('error', () => {
		// it has gone: whoever waits for it is told by `close`
	});
	if (talks) {
		child.stdout?.on('data', (chunk) => {
			rest += chunk;
			for (let at = rest.indexOf('\n'); at >= 0; at = rest.indexOf('\n')) {
				const line = rest.slice(0, at);
				rest = rest.slice(at + 1);
				if (line.startsWith('{"say":')) said.push(JSON.parse(line));
				else errors = `${errors}${line}\n`.slice(-16_384);
			}
			deliver();
		});
	}
	function deliver() {
		for (let index = 0; index < waiting.length; index++) {
			const found = said.findIndex(({ say }) => say === waiting[index].say);
			if (found < 0) continue;
			const [line] = said.splice(found, 1);
			waiting.splice(index--, 1)[0].resolve(line);
		}
	}
	const kill = async (signal = 'SIGKILL') => {
		killed = true;
		if (ended === undefined) child.kill(signal);
		await exited;
	};
	const forget = scratch.add(() => kill());
	return {
		pid: child.pid,
		child,
		exited,
		kill,
		/** Kills it now and forgets it. */
		end: forget,
		get errors() {
			return errors;
		},
		/** The next line `{"say": say, …}`, also one that has come already. */
		hears(say, ms = patienceMs) {
			const line = new Promise((resolve, reject) => {
				waiting.push({ say, resolve, reject });
				deliver();
				if (ended !== undefined) fail();
			});
			return within(Promise.race([line, scratch.alarm]), ms, `${name}: "${say}"`);
		},
		tell(say, body = {}) {
			child.stdin.write(`${JSON.stringify({ say, ...body })}\n`);
		},
		/** Tells, and waits for the answer of the same name. */
		ask(say, body = {}) {
			this.tell(say, body);
			return this.hears(say);
		},
		/** Waits for the end that comes by itself. */
		async done(ms = patienceMs) {
			const result = await within(exited, ms, `${name}: its end`);
			if (result instanceof Error) throw result;
			if (result.code !== 0) throw new Error(`${name} ended with ${result.signal ?? `code ${result.code}`}:\n${result.errors}`);
			return result;
		},
	};
}

/** A program of the bench, run by this Node, configured by one JSON argument. */
export const startProgram = (scratch, file, config = {}, { env, cwd, nodeArgs = [], name = file.split('/').pop() } = {}) =>
	startChild(scratch, process.execPath, [...nodeArgs, file, JSON.stringify(config)], { env, cwd, name });
