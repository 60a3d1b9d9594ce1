/** The schema of one runtime in a project file: everything that a runtime may be given, in YAML's words. */
import { type Static, Type } from 'typebox';
import {
	AnyJson,
	Command,
	Duration,
	Env,
	Files,
	GiveUp,
	Labels,
	mapOf,
	Name,
	named,
	oneOf,
	Port,
	section,
	Size,
	Text,
	textKey,
} from './schema-parts.ts';

const optional = Type.Optional;

export const restartNames = ['no', 'on-failure', 'always'] as const;
const RestartName = oneOf(restartNames);

export const Restart = named(
	'Restart',
	Type.Union(
		[
			RestartName,
			section(
				{
					when: optional(RestartName),
					first: optional(Duration),
					cap: optional(Duration),
					give_up: optional(GiveUp),
					retry_every: optional(Type.Union([oneOf(['never']), Duration], { title: 'a duration, or never' })),
					healthy: optional(Duration),
					success_exit_codes: optional(
						Type.Array(Type.Integer({ minimum: 0, maximum: 255, title: 'an exit code, from 0 to 255' }), { maxItems: 256 }),
					),
				},
				'When and how it is restarted: waits first, doubled up to cap; gives up after so many failures within a time',
			),
		],
		{ description: 'on-failure unless said otherwise' },
	),
);

const Signal = Type.String({ pattern: '^(SIG)?[A-Z0-9+-]{2,12}$', title: 'the name of a signal, such as TERM or SIGINT' });

export const Stop = named(
	'Stop',
	Type.Union(
		[
			Signal,
			section(
				{ signal: optional(Signal), grace: optional(Duration), command: optional(Command), command_timeout: optional(Duration) },
				'How it is stopped: a command, then a signal, then after grace SIGKILL',
			),
		],
		{ description: 'SIGTERM and 10s unless said otherwise' },
	),
);

const HttpUrl = Type.String({
	pattern: '^(https?://|:\\d{1,5})',
	maxLength: 2048,
	title: 'an address, such as http://localhost:3000/health or :3000/health',
});
const Address = Type.Union([Port, Type.String({ pattern: '^([^:]+:)?\\d{1,5}$', title: 'host:port' })], {
	title: 'a port, or host:port',
});
const LogPattern = Type.String({ minLength: 1, maxLength: 1000, title: 'a regular expression' });

const pacing = {
	every: optional(Duration),
	timeout: optional(Duration),
	delay: optional(Duration),
	failures: optional(Type.Integer({ minimum: 1, maximum: 100_000, title: 'a whole number from 1' })),
	successes: optional(Type.Integer({ minimum: 1, maximum: 1000, title: 'a whole number from 1 to 1000' })),
};

export const probeKinds = ['http', 'tcp', 'exec', 'log', 'notify'] as const;

export const Probe = named(
	'Probe',
	Type.Union(
		[
			Type.String({
				pattern: '^(https?://.+|tcp:.+|exec:.+|log:.+|notify)$',
				title: 'http://…, tcp:PORT, exec:COMMAND, log:PATTERN or notify',
			}),
			section(
				{
					http: optional(
						Type.Union([
							HttpUrl,
							section(
								{
									url: HttpUrl,
									headers: optional(mapOf(Text, 'Headers, name: value')),
									statuses: optional(
										Type.Array(Type.Integer({ minimum: 100, maximum: 599, title: 'an HTTP status' }), {
											minItems: 1,
											maxItems: 100,
										}),
									),
								},
								'Any status from 200 to 399, or one of statuses',
							),
						]),
					),
					tcp: optional(Address),
					exec: optional(Command),
					log: optional(
						Type.Union([
							LogPattern,
							section({ pattern: LogPattern, stream: optional(oneOf(['stdout', 'stderr'])) }, 'A line that matches'),
						]),
					),
					notify: optional(Type.Literal(true, { title: 'true', description: 'The program says so itself' })),
					...pacing,
				},
				'One of http, tcp, exec, log, notify; how often, how long, how many failures in a row',
			),
		],
		{ description: 'A look at the program' },
	),
);

export const needConditions = ['started', 'ready', 'succeeded'] as const;
const Condition = oneOf(needConditions);
const NeedName = Type.String({
	pattern: '^[A-Za-z0-9_][A-Za-z0-9_.+/-]*(:(started|ready|succeeded))?$',
	maxLength: 150,
	title: 'the name of a runtime, or NAME:started, NAME:ready, NAME:succeeded',
});
export const Needs = named(
	'Needs',
	Type.Union(
		[
			NeedName,
			Type.Array(NeedName, { maxItems: 1000 }),
			mapOf(
				Type.Union([
					Condition,
					section(
						{ condition: optional(Condition), on_restart: optional(oneOf(['keep', 'restart', 'stop'])) },
						'What is waited for, and what becomes of this one when the needed one is restarted',
					),
				]),
				'NAME: started, ready or succeeded',
			),
		],
		{
			title: 'a name, a list of names, or a map NAME: condition',
			description: 'What must be there before it starts; ready where a probe tells, else started',
		},
	),
);

const Paths = Type.Array(Type.String({ minLength: 1, maxLength: 4096 }), { minItems: 1, maxItems: 1000 });

const shared = {
	description: optional(Text),
	shell: optional(
		Type.Union([Type.Boolean(), Type.String({ minLength: 1 })], {
			title: 'true for /bin/sh, or the name of a shell',
			description: 'The command is a line for a shell',
		}),
	),
	cwd: optional(Type.String({ minLength: 1, maxLength: 4096, description: 'Working directory, from the directory of the file' })),
	env: optional(Env),
	env_file: optional(Files),
	restart: optional(Restart),
	stop: optional(Stop),
	probes: optional(
		section(
			{ startup: optional(Probe), ready: optional(Probe), live: optional(Probe) },
			'Looks at it: until it is up, whether it is ready, whether it still lives',
		),
	),
	limits: optional(section({ memory: optional(Size) }, 'What it may take; beyond it is restarted')),
	watch: optional(
		Type.Union(
			[
				Type.String({ minLength: 1, maxLength: 4096 }),
				Paths,
				section(
					{ paths: Type.Union([Type.String({ minLength: 1 }), Paths]), ignore: optional(Paths), quiet: optional(Duration) },
					'Paths, patterns to ignore, and how long it must be quiet',
				),
			],
			{ title: 'a path, a list of paths, or a map with paths', description: 'It is restarted when these change' },
		),
	),
	output: optional(
		Type.Union([Size, section({ max: Size, segment: optional(Size) }, 'What is kept of its output')], {
			title: 'a size, or a map with max',
		}),
	),
	priority: optional(oneOf(['high', 'normal', 'low'], 'nice -10, 0, 10')),
	privileged: optional(Type.Boolean({ description: 'It may start and stop its siblings' })),
	labels: optional(Labels),
	user: optional(
		Type.Union([Type.String({ minLength: 1, maxLength: 64 }), Type.Integer({ minimum: 0 })], {
			title: 'the name or number of a user',
			[textKey]: true,
		}),
	),
	umask: optional(
		Type.Union([Type.String({ pattern: '^0?[0-7]{3}$' }), Type.Integer({ minimum: 0, maximum: 777 })], {
			title: 'an octal mask, such as 027',
			[textKey]: true,
		}),
	),
	autostart: optional(Type.Boolean({ description: 'A daemon that starts, starts it too, where it was wanted to run' })),
};

const own = {
	needs: optional(Needs),
	ports: optional(
		Type.Union([Port, Type.Array(Port, { maxItems: 1000 })], {
			title: 'a port, or a list of ports',
			description: 'Checked to be free before each start',
		}),
	),
	instances: optional(
		Type.Integer({ minimum: 1, maximum: 1000, title: 'a whole number from 1 to 1000', description: 'NAME-1, NAME-2 and so on' }),
	),
	schedule: optional(
		Type.Union(
			[
				Type.String({ minLength: 1, maxLength: 200 }),
				section(
					{
						cron: Type.String({ minLength: 1, maxLength: 200 }),
						time_zone: optional(Type.String({ maxLength: 64 })),
						action: optional(oneOf(['start', 'restart'])),
						overlap: optional(oneOf(['skip', 'queue', 'replace'])),
					},
					'When it is started or restarted',
				),
			],
			{ title: 'cron fields, such as "0 3 * * *", or a map with cron' },
		),
	),
	profiles: optional(Type.Array(Name, { maxItems: 100, description: 'It is there only where one of these profiles is chosen' })),
};

export const Runtime = named('Runtime', section({ command: Command, ...shared, ...own }, 'A program under supervision'));
/** What a profile says of a runtime: whatever the file itself leaves out. */
export const RuntimePart = named(
	'RuntimePart',
	section({ command: optional(Command), ...shared, ...own }, 'What is different about a runtime'),
);
export const Defaults = named('Defaults', section(shared, 'What holds for every runtime that says nothing else'));

export type RuntimeSection = Static<typeof Runtime>;
export type DefaultsSection = Static<typeof Defaults>;
export type ProbeSection = Static<typeof Probe>;
export type NeedsSection = Static<typeof Needs>;
export { AnyJson };
