/** The schema of a project file, and its published form: one source for the check, the editors and the reference. */
import { type Static, Type } from 'typebox';
import { Defaults, Runtime, RuntimePart } from './schema-runtime.ts';
import {
	AnyJson,
	Duration,
	Env,
	FileName,
	Files,
	mapOf,
	Name,
	named,
	nameKey,
	namePattern,
	oneOf,
	section,
	Text,
	textKey,
} from './schema-parts.ts';
import { Workflow } from './schema-workflow.ts';

const optional = Type.Optional;

const Ends = Type.Union(
	[
		Type.String({ minLength: 1, maxLength: 150 }),
		Type.Array(Type.String({ minLength: 1, maxLength: 150 }), { minItems: 1, maxItems: 1000 }),
	],
	{
		title: 'a name, or a list of names',
	},
);
const TypeName = Type.String({ minLength: 1, maxLength: 255, title: 'a type of messages' });
export const overflows = ['block', 'drop-oldest', 'drop-newest', 'latest'] as const;
const QueueCount = Type.Integer({ minimum: 1, maximum: 10_000_000, title: 'a whole number from 1' });

export const Link = named(
	'Link',
	Type.Union(
		[
			Type.String({ pattern: '^\\S+ +-.+-> +\\S+$', title: 'FROM -TYPE-> TO' }),
			section(
				{
					from: Ends,
					type: Type.Union([TypeName, Type.Array(TypeName, { minItems: 1, maxItems: 1000 })], {
						title: 'a type, or a list of types',
					}),
					to: Ends,
					queue: optional(
						Type.Union(
							[
								QueueCount,
								section(
									{
										messages: optional(QueueCount),
										bytes: optional(
											Type.Union(
												[Type.String({ pattern: '^\\d+(\\.\\d+)?([kKmMgG]([iI]?[bB])?|[bB])?$' }), Type.Integer({ minimum: 1 })],
												{ [textKey]: true, title: 'a size, such as 64k or 8M' },
											),
										),
									},
									'What waits in front of the receiver',
								),
							],
							{
								title: 'a number of messages, or a map with messages and bytes',
							},
						),
					),
					overflow: optional(oneOf(overflows, 'What happens to messages when the queue is full')),
					while_down: optional(oneOf(['drop', 'block'], 'What happens to them beyond the queue while the receiver does not run')),
				},
				'Messages of a type from one runtime go to another; * is any sender',
			),
		],
		{ title: 'FROM -TYPE-> TO, or a map with from, type and to' },
	),
);

const BasePath = Type.String({ pattern: '^/', maxLength: 1000, title: 'a path that begins with /' });
export const Runner = named(
	'Runner',
	section(
		{
			name: Name,
			config: FileName,
			basePath: optional(BasePath),
			base_path: optional(BasePath),
		},
		'A project that is mounted behind the gateway',
	),
);

const Gateway = section(
	{
		host: optional(Type.String({ minLength: 1, maxLength: 255 })),
		port: optional(Type.Integer({ minimum: 0, maximum: 65_535, title: 'a port, from 0 to 65535' })),
		cors: optional(AnyJson),
		auth: optional(AnyJson),
		rate_limit: optional(AnyJson),
		body_limit: optional(AnyJson),
		ui: optional(Type.Boolean()),
	},
	'The HTTP face: on where this is there',
);

const Service = section(
	{
		url: Type.String({ pattern: '^https?://', maxLength: 2048, title: 'an http(s) address' }),
		headers: optional(mapOf(Text, 'Headers, name: value')),
		auth: optional(AnyJson),
		path: optional(Text),
		timeout: optional(Duration),
	},
	'An HTTP service that actions call by its name',
);

const Workflows = Type.Union(
	[
		mapOf(Type.Union([FileName, Workflow], { title: 'a workflow, or the path of one' }), 'Workflows by name', namePattern),
		Type.Array(FileName, { maxItems: 1000 }),
	],
	{ title: 'a map of workflows, or a list of paths' },
);

const Types = mapOf(
	Type.Union([Type.Boolean(), mapOf(AnyJson, 'A JSON Schema')], { title: 'a JSON Schema' }),
	'JSON Schemas of message types, by type',
);

const sections = {
	env: optional(Env),
	env_file: optional(Files),
	defaults: optional(Defaults),
	types: optional(Types),
	links: optional(Type.Array(Link, { maxItems: 10_000 })),
	workflows: optional(Workflows),
	runners: optional(Type.Array(Runner, { maxItems: 1000 })),
	gateway: optional(Gateway),
	services: optional(mapOf(Service, 'HTTP services by name', namePattern)),
};

const Profile = named(
	'Profile',
	section(
		{
			description: optional(Text),
			...sections,
			runtimes: optional(mapOf(RuntimePart, 'What is different about runtimes, and further ones', namePattern)),
		},
		'What is laid over the file where this profile is chosen',
	),
);

export const ProjectFile = section(
	{
		version: optional(Type.Literal(1, { title: '1' })),
		name: optional(Name),
		description: optional(Text),
		...sections,
		runtimes: optional(mapOf(Runtime, 'Programs under supervision, by name', namePattern)),
		profiles: optional(mapOf(Profile, 'Variants of the file, by name', namePattern)),
	},
	'A project of orch: the programs that run together, and how',
);
export type ProjectFile = Static<typeof ProjectFile>;
export type LinkSection = Static<typeof Link>;

/** What the file of a server of runners says: seed 000's, as it stands. */
export const RunnersFile = section(
	{
		version: optional(Type.Literal(1, { title: '1' })),
		name: optional(Name),
		runners: Type.Array(Runner, { maxItems: 1000 }),
		logger: optional(mapOf(AnyJson, 'level')),
		auth: optional(mapOf(AnyJson, 'token, protectMetrics')),
		server: optional(mapOf(AnyJson, 'port')),
	},
	'Several projects behind one server',
);

export { Workflow };

/** Relative: wherever the file is put, it is itself. */
const schemaId = 'orch.schema.json';

/** As it is published: JSON Schema 2020-12, what is used often once, under `$defs`. */
export function publishedSchema(): Record<string, unknown> {
	const definitions: Record<string, unknown> = {};
	const publish = (schema: unknown, isRoot = false): unknown => {
		if (Array.isArray(schema)) return schema.map((each) => publish(each));
		if (typeof schema !== 'object' || schema === null) return schema;
		const name = (schema as Record<string, unknown>)[nameKey];
		if (typeof name === 'string' && !isRoot) {
			if (!(name in definitions)) {
				// first, so that one that uses itself ends
				definitions[name] = {};
				definitions[name] = publish(schema, true);
			}
			return { $ref: `#/$defs/${name}` };
		}
		return Object.fromEntries(
			Object.entries(schema)
				.filter(([key]) => key !== nameKey && key !== textKey && !key.startsWith('~'))
				.map(([key, value]) => [key, publish(value)]),
		);
	};
	const root = publish(ProjectFile) as Record<string, unknown>;
	const sorted = Object.fromEntries(Object.entries(definitions).sort(([a], [b]) => (a < b ? -1 : 1)));
	return {
		$schema: 'https://json-schema.org/draft/2020-12/schema',
		$id: schemaId,
		title: 'orch.yaml',
		...root,
		$defs: sorted,
	};
}
