/** Facts with fields, one JSON line each: the log of the daemon and of the router. */
import { pino, type DestinationStream } from 'pino';
import { openLogFile } from './log-file.ts';

/** What every line has by itself: a second key of that name would take the place of it wherever the line is read. */
type OwnField = 'level' | 'time' | 'name' | 'pid' | 'msg';

export type LogFields = Readonly<Record<string, unknown>> & { readonly [Name in OwnField]?: never };

export interface Logger {
	debug(message: string, fields?: LogFields): void;
	info(message: string, fields?: LogFields): void;
	warn(message: string, fields?: LogFields): void;
	error(message: string, fields?: LogFields): void;
	/** A logger that adds `fields` to every line. */
	with(fields: LogFields): Logger;
}

export const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

/** Writes to standard error synchronously: a line that was logged is there even if the next instruction kills us. */
export function createLogger(options: {
	readonly level: LogLevel;
	readonly name: string;
	readonly destination?: DestinationStream;
	/** The file that standard error is expected to be: where it is, it is kept from growing without bound. */
	readonly file?: string;
}): Logger {
	const destination = options.destination ?? logFile(options.file) ?? pino.destination({ fd: 2, sync: true });
	return wrap(
		pino(
			{
				level: options.level,
				base: { name: options.name, pid: process.pid },
				timestamp: pino.stdTimeFunctions.isoTime,
				formatters: { level: (label) => ({ level: label }) },
				serializers: { error: pino.stdSerializers.err },
			},
			destination,
		),
	);
}

const logFile = (path: string | undefined): DestinationStream | undefined =>
	path === undefined ? undefined : openLogFile({ descriptor: 2, path });

interface PinoLike {
	debug(fields: object, message: string): void;
	info(fields: object, message: string): void;
	warn(fields: object, message: string): void;
	error(fields: object, message: string): void;
	child(fields: object): PinoLike;
}

function wrap(target: PinoLike): Logger {
	return {
		debug: (message, fields = {}) => target.debug(fields, message),
		info: (message, fields = {}) => target.info(fields, message),
		warn: (message, fields = {}) => target.warn(fields, message),
		error: (message, fields = {}) => target.error(fields, message),
		with: (fields) => wrap(target.child(fields)),
	};
}

export const silentLogger: Logger = {
	debug: () => {},
	info: () => {},
	warn: () => {},
	error: () => {},
	with: () => silentLogger,
};

/** A destination for people: one line of words for each fact, as a daemon in the foreground of a terminal prints it. */
export function readableDestination(write: (line: string) => void): DestinationStream {
	return {
		write(line: string) {
			const { level, time, msg, name: _name, pid: _pid, ...fields } = JSON.parse(line) as Record<string, unknown>;
			const rest = Object.entries(fields).map(([key, value]) => `${key}=${fieldText(value)}`);
			write(`${[String(time).slice(11, 23), String(level).padEnd(5), String(msg), ...rest].join(' ')}\n`);
		},
	};
}

function fieldText(value: unknown): string {
	if (typeof value === 'string') return /[\s"=]/.test(value) ? JSON.stringify(value) : value;
	if (typeof value === 'object' && value !== null && 'message' in value) return JSON.stringify(value.message);
	return JSON.stringify(value);
}
