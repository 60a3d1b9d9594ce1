/** The same fleet of sleeping programs under orch, pm2 and supervisord: times by one observer, memory by the system. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { createRequire } from 'node:module';
import { baselinePath, startChild, startProgram } from './children.mjs';
import { inParallel, startDaemon } from './daemon.mjs';
import { installPackages } from './packages.mjs';
import { findProcesses, isAlive, memoryOf } from './processes.mjs';
import { until, within } from './wait.mjs';

const pm2Version = '7.0.4';
const sleepProgram = ['/bin/sleep', '/usr/bin/sleep'].find((path) => existsSync(path));
const patienceMs = 180_000;

/** A duration that no other sleep has, so that it names the fleet. */
let fleets = 0;
const freshMark = () => `86400.${process.pid}${String(++fleets).padStart(3, '0')}`;

/** Those that have come as far as being `sleep` itself: a shim that mentions it does not count. */
const sleepers = (mark) => findProcesses((line) => line.startsWith(`${sleepProgram} ${mark} `));

/** From `act` to when as many sleep as should. Looking is what costs time, so it begins when the answer has come. */
async function timed(act, mark, count) {
	const startedAt = performance.now();
	await within(act(), patienceMs, 'an answer');
	await until(() => sleepers(mark).length === count, patienceMs, `${count} programs`, 2);
	return performance.now() - startedAt;
}

const sum = (memories) =>
	memories.reduce((total, { rss, pss }) => ({ rss: total.rss + rss, pss: total.pss + pss }), { rss: 0, pss: 0 });

export async function orchFleet(scratch, { count, nodeArgs }) {
	const mark = freshMark();
	const daemon = await startDaemon(scratch, { nodeArgs });
	const { call } = daemon.control;
	const names = Array.from({ length: count }, (_, index) => `sleep-${index}`);
	const addMs = await timed(
		() => inParallel(names, (name) => call('runtime.add', { program: sleepProgram, args: [mark], cwd: '/', env: {}, name })),
		mark,
		0,
	);
	const startMs = await timed(() => inParallel(names, (runtime) => call('runtime.start', { runtime })), mark, count);
	const memory = sum([memoryOf(daemon.pid), memoryOf(daemon.routerPid)]);
	// theirs and their parents' arguments say where they are told what to launch
	const shims = sum(findProcesses((line) => line.includes(`${daemon.home}/launches/`)).map(memoryOf));
	const stopMs = await timed(() => inParallel(names, (runtime) => call('runtime.stop', { runtime })), mark, 0);
	await daemon.stop();
	return { addMs, startMs, stopMs, memory, shims };
}

export function findPm2() {
	const { folder, problem } = installPackages(`pm2-${pm2Version}`, { dependencies: { pm2: pm2Version } });
	return problem === undefined
		? { path: createRequire(`${folder}/package.json`).resolve('pm2'), version: pm2Version }
		: { problem };
}

/** By one ecosystem file, through pm2's own interface, so that the start of its command line is not counted. */
export async function pm2Fleet(scratch, pm2, { count }) {
	const mark = freshMark();
	const home = scratch.fresh('p');
	mkdirSync(`${home}/logs`);
	const apps = Array.from({ length: count }, (_, index) => ({
		name: `sleep-${index}`,
		script: sleepProgram,
		args: [mark],
		interpreter: 'none',
		exec_mode: 'fork',
		cwd: '/',
		out_file: `${home}/logs/${index}.out`,
		error_file: `${home}/logs/${index}.err`,
	}));
	const ecosystem = `${home}/ecosystem.config.js`;
	writeFileSync(ecosystem, `module.exports = ${JSON.stringify({ apps })};\n`);
	const pidFile = `${home}/pm2.pid`;
	scratch.add(() => {
		const pid = existsSync(pidFile) ? Number(readFileSync(pidFile, 'utf8')) : 0;
		for (const one of [...sleepers(mark), pid]) if (one > 0 && isAlive(one)) process.kill(one, 'SIGKILL');
	});
	const driver = startProgram(
		scratch,
		baselinePath('pm2-driver.mjs'),
		{ pm2: pm2.path, ecosystem },
		{ env: { PM2_HOME: home, PM2_DISABLE_VERSION_CHECK: 'true' }, cwd: home },
	);
	await driver.hears('ready');
	const daemonPid = Number(readFileSync(pidFile, 'utf8'));
	const startMs = await timed(() => driver.ask('start'), mark, count);
	const memory = memoryOf(daemonPid);
	const stopMs = await timed(() => driver.ask('stop'), mark, 0);
	await driver.ask('kill');
	await until(() => !isAlive(daemonPid), patienceMs, 'the end of pm2', 20);
	await driver.end();
	return { startMs, stopMs, memory };
}

export function findSupervisord() {
	const { status, stdout } = spawnSync('supervisord', ['--version'], { encoding: 'utf8' });
	return status === 0
		? { version: stdout.trim() }
		: { problem: 'supervisord is not installed (on Debian: apt install supervisor)' };
}

export async function supervisordFleet(scratch, { count }) {
	const mark = freshMark();
	const home = scratch.fresh('s');
	mkdirSync(`${home}/logs`);
	const socketPath = `${home}/s.sock`;
	const programs = Array.from({ length: count }, (_, index) =>
		[
			`[program:sleep-${index}]`,
			`command=${sleepProgram} ${mark}`,
			'autostart=false',
			'startsecs=0',
			`stdout_logfile=${home}/logs/${index}.out`,
			`stderr_logfile=${home}/logs/${index}.err`,
			'',
		].join('\n'),
	);
	const configuration = `${home}/supervisord.conf`;
	writeFileSync(
		configuration,
		[
			`[unix_http_server]\nfile=${socketPath}\n`,
			`[supervisord]\nnodaemon=true\nlogfile=${home}/supervisord.log\npidfile=${home}/supervisord.pid\nchildlogdir=${home}/logs\n`,
			'[rpcinterface:supervisor]\nsupervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface\n',
			...programs,
		].join('\n'),
	);
	const supervisord = startChild(scratch, 'supervisord', ['-c', configuration], {
		name: 'supervisord',
		talks: false,
		cwd: home,
		stdio: ['ignore', 'ignore', 'pipe'],
	});
	const agent = new Agent({ keepAlive: true, maxSockets: 1 });
	const call = (method) => xmlRpc(agent, socketPath, `supervisor.${method}`);
	await until(() => existsSync(socketPath), 20_000, 'the socket of supervisord');
	await until(() => call('getState').catch(() => false), 20_000, 'an answer of supervisord', 20);
	const startMs = await timed(() => call('startAllProcesses'), mark, count);
	const memory = memoryOf(supervisord.pid);
	const stopMs = await timed(() => call('stopAllProcesses'), mark, 0);
	agent.destroy();
	await supervisord.kill('SIGTERM');
	return { startMs, stopMs, memory };
}

/** One call without parameters over the socket; the answer is only looked at for a fault. */
function xmlRpc(agent, socketPath, method) {
	return new Promise((resolve, reject) => {
		const call = request(
			{ agent, socketPath, path: '/RPC2', method: 'POST', headers: { 'content-type': 'text/xml' } },
			(response) => {
				let text = '';
				response.on('data', (chunk) => {
					text += chunk;
				});
				response.on('end', () => {
					if (response.statusCode === 200 && !text.includes('<fault>')) resolve(true);
					else reject(new Error(`supervisord refuses ${method}: ${text.slice(0, 500)}`));
				});
			},
		);
		call.on('error', reject);
		call.end(`<?xml version="1.0"?><methodCall><methodName>${method}</methodName><params></params></methodCall>`);
	});
}

/** A Node that does nothing. */
export async function bareNodeMemory(scratch) {
	const node = startChild(
		scratch,
		process.execPath,
		['-e', `process.stdout.write('{"say":"ready"}\\n'); setInterval(() => {}, 1e9)`],
		{ name: 'node' },
	);
	await node.hears('ready');
	const memory = memoryOf(node.pid);
	await node.end();
	return memory;
}
