/** orch-router: `--socket PATH --state DIRECTORY [--log-level LEVEL]`, or ORCH_ROUTER_SOCKET, ORCH_ROUTER_STATE, ORCH_LOG_LEVEL. */
import { createRequire } from 'node:module';
import { parseArgs } from 'node:util';
import { createLogger, logLevels, systemClock } from '@orch/base';
import { version } from '@orch/protocol/wire';
import { beThrifty, bePrompt } from './engine.ts';
import { startRouter } from './router-process.ts';
import type * as SchemaCompiler from './schema-compiler.ts';

const usage = `usage: orch-router --socket PATH --state DIRECTORY [--log-level ${logLevels.join('|')}]`;

function refuse(reason: string): never {
	process.stderr.write(`orch-router: ${reason}\n${usage}\n`);
	process.exit(2);
}

function readArguments() {
	try {
		const { values } = parseArgs({
			options: {
				socket: { type: 'string' },
				state: { type: 'string' },
				'log-level': { type: 'string' },
				version: { type: 'boolean' },
				help: { type: 'boolean' },
			},
		});
		return values;
	} catch (error) {
		return refuse(error instanceof Error ? error.message : String(error));
	}
}

async function main(): Promise<void> {
	const values = readArguments();
	if (values.help || values.version) {
		process.stdout.write(`${values.help ? usage : `orch-router ${version}`}\n`);
		return;
	}
	beThrifty();
	const socket = values.socket ?? process.env['ORCH_ROUTER_SOCKET'] ?? refuse('it needs a socket');
	const stateDirectory = values.state ?? process.env['ORCH_ROUTER_STATE'] ?? refuse('it needs a directory for its state');
	const levelText = values['log-level'] ?? process.env['ORCH_LOG_LEVEL'] ?? 'info';
	const level = logLevels.find((one) => one === levelText) ?? refuse(`there is no log level "${levelText}"`);
	// where orchd puts what the router says
	const log = createLogger({ level, name: 'orch-router', file: `${stateDirectory}.log` });
	const fail = (message: string) => (error: unknown) => {
		log.error(message, { error });
		process.exit(1);
	};
	process.on('uncaughtException', fail('router failed'));
	process.on('unhandledRejection', fail('router failed'));
	// orchd may be gone and its terminal with it: messages go on
	process.on('SIGHUP', () => {});
	const running = await startRouter({
		socket,
		stateDirectory,
		clock: systemClock,
		log,
		pid: process.pid,
		uid: process.getuid?.() ?? 0,
		memoryBytes: () => process.memoryUsage.rss(),
		inUse: bePrompt,
		// a bundle beside this one, loaded when the first schema comes
		loadCompiler: () => (createRequire(import.meta.url)('./schema-compiler.cjs') as typeof SchemaCompiler).compileSchema,
	});
	for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => running.stop(signal));
	await running.ended;
	log.info('router ended', {});
	process.exit(0);
}

main().catch((error: unknown) => {
	process.stderr.write(`orch-router: ${error instanceof Error ? error.message : String(error)}\n`);
	process.exit(1);
});
