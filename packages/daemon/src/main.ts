/** orchd: argv and environment to a running daemon, signals to its end, its end to an exit code. */
import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import { homedir, tmpdir } from 'node:os';
import { isAbsolute, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import {
	createLogger,
	type LogLevel,
	logLevels,
	readableDestination,
	SocketPathTooLong,
	systemClock,
	systemRandom,
} from '@orch/base';
import { findPlaces, inheritedOf, suggest, version } from '@orch/protocol/wire';
import { Locked, SocketRefused } from './control/index.ts';
import { HomeRefused, startDaemon, StoreError } from './daemon.ts';

const usage = `Usage: orchd [options]

Runs the daemon in the foreground: SIGTERM or SIGINT stops every runtime and ends it, SIGUSR2 ends it and keeps them running.
\`orch daemon start\` starts it in the background.

Options:
  --socket PATH        where clients connect           [$ORCH_SOCKET]
  --home DIR           where state and output are kept [$ORCH_HOME]
  --log-level LEVEL    ${logLevels.join(', ')}  [$ORCH_LOG]
  --version
  --help
`;

class UsageError extends Error {}

interface Arguments {
	readonly socket: string | undefined;
	readonly home: string | undefined;
	readonly logLevel: LogLevel;
	readonly router: string | undefined;
}

const optionNames = ['socket', 'home', 'log-level', 'router', 'version', 'help'];

function readArguments(argv: readonly string[], env: NodeJS.ProcessEnv): Arguments | 'version' | 'help' {
	let values: {
		readonly socket?: string;
		readonly home?: string;
		readonly 'log-level'?: string;
		readonly router?: string;
		readonly version?: boolean;
		readonly help?: boolean;
	};
	try {
		({ values } = parseArgs({
			args: [...argv],
			options: {
				socket: { type: 'string' },
				home: { type: 'string' },
				'log-level': { type: 'string' },
				/** For developers: another program as the router. */
				router: { type: 'string' },
				version: { type: 'boolean' },
				help: { type: 'boolean', short: 'h' },
			},
		}));
	} catch (error) {
		const unknown = /'(--?[^']*)'/.exec((error as Error).message)?.[1];
		const near = unknown === undefined ? [] : suggest(unknown.replace(/^-+/, ''), optionNames).map((name) => `--${name}`);
		throw new UsageError(
			`${(error as Error).message.split('. ')[0]}${near.length > 0 ? `\n  did you mean: ${near.join(', ')}` : ''}`,
		);
	}
	if (values.help) return 'help';
	if (values.version) return 'version';
	const level = values['log-level'] ?? env['ORCH_LOG'] ?? 'info';
	if (!(logLevels as readonly string[]).includes(level))
		throw new UsageError(`the log level is one of ${logLevels.join(', ')}, not '${level}'`);
	const absolute = (path: string | undefined) =>
		path === undefined || path === '' || isAbsolute(path) ? path || undefined : resolve(path);
	return {
		socket: absolute(values.socket ?? env['ORCH_SOCKET']),
		home: absolute(values.home ?? env['ORCH_HOME']),
		logLevel: level as LogLevel,
		router: absolute(values.router ?? env['ORCH_ROUTER_PROGRAM']),
	};
}

/** A state that a newer orch wrote is nothing that this one can take; one that is held by somebody is in conflict. */
const storeExits: Readonly<Partial<Record<StoreError['fault'], number>>> = { newer: 8, locked: 7 };

/** What went wrong at the start, as a sentence and an exit code (see the table of exit codes). */
function failureOf(error: unknown): { readonly text: string; readonly exit: number } {
	if (error instanceof UsageError) return { text: `${error.message}\nhint: orchd --help`, exit: 2 };
	if (error instanceof Locked) return { text: `orchd is already running: ${error.message}\nhint: orch daemon status`, exit: 7 };
	if (error instanceof SocketRefused) return { text: error.message, exit: error.exit };
	if (error instanceof HomeRefused) return { text: `${error.message}\nhint: export ORCH_HOME=/a/directory/of/yours`, exit: 8 };
	// its message says what would do; where it happened in the code helps nobody
	if (error instanceof StoreError) return { text: error.message, exit: storeExits[error.fault] ?? 1 };
	if (error instanceof SocketPathTooLong) {
		return {
			text: `socket path is ${error.bytes} bytes, the system allows 107: ${error.path}\nhint: export ORCH_SOCKET=/tmp/orch-${process.getuid?.() ?? 0}/orchd.sock`,
			exit: 8,
		};
	}
	return { text: error instanceof Error ? (error.stack ?? error.message) : String(error), exit: 1 };
}

async function main(): Promise<void> {
	const given = readArguments(process.argv.slice(2), process.env);
	if (given === 'help') {
		process.stdout.write(usage);
		return;
	}
	if (given === 'version') {
		process.stdout.write(`${version}\n`);
		return;
	}
	const places = findPlaces({
		env: process.env,
		uid: process.getuid?.() ?? 0,
		homeDirectory: homedir(),
		temporaryDirectory: tmpdir(),
		sha256Hex: (text) => createHash('sha256').update(text).digest('hex'),
		socket: given.socket,
		home: given.home,
	});
	const log = createLogger({
		level: given.logLevel,
		name: 'orchd',
		file: places.logFile,
		...(process.stderr.isTTY ? { destination: readableDestination((line) => process.stderr.write(line)) } : {}),
	});
	// a defect is logged and ends the daemon: what it supervised goes on, and the next one knows it again
	process.on('uncaughtException', (error) => {
		log.error('defect: orchd ends', { error });
		process.exit(70);
	});
	const daemon = await startDaemon({
		places,
		log,
		logLevel: given.logLevel,
		clock: systemClock,
		random: systemRandom,
		uid: process.getuid?.() ?? 0,
		inherited: inheritedOf(process.env),
		routerProgram: given.router ?? createRequire(import.meta.url).resolve('@orch/router/bin'),
	});
	for (const signal of ['SIGTERM', 'SIGINT'] as const) {
		process.on(signal, () => {
			log.info('stopping', { signal });
			void daemon.stop();
		});
	}
	// what is supervised goes on, for the next daemon: `orch daemon restart` does the same
	process.on('SIGUSR2', () => {
		log.info('ending; runtimes are kept', { signal: 'SIGUSR2' });
		void daemon.stop('keep');
	});
	// a terminal that closes is no reason to stop what runs
	process.on('SIGHUP', () => log.info('SIGHUP ignored'));
	await daemon.closed;
}

main().then(
	() => process.exit(0),
	(error: unknown) => {
		const { text, exit } = failureOf(error);
		process.stderr.write(`orchd: ${text}\n`);
		process.exit(exit);
	},
);
