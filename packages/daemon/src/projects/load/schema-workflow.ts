/** The schema of a workflow: its shape. What its words do is the workflows' affair. */
import { Type } from 'typebox';
import {
	AnyJson,
	Duration,
	Env,
	EnvValue,
	mapOf,
	Name,
	named,
	namePattern,
	oneOf,
	section,
	Text,
	textKey,
} from './schema-parts.ts';

const optional = Type.Optional;

/** `${{ … }}`, which becomes a value only when a run is there. */
const Expression = named('Expression', Type.String({ pattern: '\\$\\{\\{', title: 'an expression in double braces' }));
const Condition = Type.Union([Type.Boolean(), Type.String({ minLength: 1 })], { title: 'true, false or an expression' });
const Count = Type.Union([Type.Integer({ minimum: 1, maximum: 100_000 }), Expression], { title: 'a whole number from 1' });
const WaitTime = named(
	'WaitTime',
	Type.Union([Duration, Expression], { title: 'a duration with its unit, such as 500ms, 10s or 2h' }),
);
const Words = Type.Union([Text, Type.Array(Text, { maxItems: 1000 })], { title: 'a text, or a list of texts' });
const Flag = Type.Union([Type.Boolean(), Expression], { title: 'true, false or an expression' });
const Json = mapOf(AnyJson, 'Values by name');

/** Both spellings of GitHub's words are taken. */
const kebab = <K extends string, S extends ReturnType<typeof optional>>(key: K, schema: S) =>
	({ [key]: schema, [key.replaceAll('_', '-')]: schema }) as Record<string, S>;

const Retry = named(
	'Retry',
	Type.Union(
		[
			Type.Integer({ minimum: 0, maximum: 1000 }),
			section(
				{
					max: optional(Type.Integer({ minimum: 0, maximum: 1000, title: 'a whole number from 0 to 1000' })),
					backoff_ms: optional(Type.Number({ minimum: 0 })),
					factor: optional(Type.Number({ minimum: 1 })),
					max_backoff_ms: optional(Type.Number({ minimum: 0 })),
					jitter: optional(Type.Union([oneOf(['full', 'none', 'equal']), Type.Boolean()], { title: 'full, equal or none' })),
					on: optional(Json),
				},
				'Further attempts after the first, and the wait before each',
			),
		],
		{ title: 'a number of further attempts, or a map with max' },
	),
);

const Approval = named(
	'Approval',
	Type.Union(
		[
			Text,
			Type.Boolean(),
			section(
				{
					prompt: optional(Text),
					by: optional(Words),
					form: optional(Json),
					timeout: optional(WaitTime),
					on_timeout: optional(oneOf(['reject', 'approve', 'fail'])),
				},
				'A wait for a person’s yes or no',
			),
		],
		{ title: 'a question, or a map with prompt' },
	),
);

const Wait = named(
	'Wait',
	Type.Union([
		WaitTime,
		section(
			{
				for: optional(WaitTime),
				until: optional(Type.Union([Text, Json], { title: 'a time, or a map' })),
				message: optional(Json),
				http: optional(Json),
				timeout: optional(WaitTime),
			},
			'A wait: for so long, until a time, for a message or an answer',
		),
	]),
);

export const stepKinds = ['run', 'action', 'uses', 'approval', 'wait'] as const;

export const Step = named(
	'Step',
	section(
		{
			id: optional(Type.String({ pattern: '^[A-Za-z_][A-Za-z0-9_-]*$', maxLength: 100, title: 'letters, digits, _ and -' })),
			name: optional(Text),
			description: optional(Text),
			run: optional(Text),
			shell: optional(Text),
			action: optional(Type.String({ minLength: 1, maxLength: 200 })),
			input: optional(AnyJson),
			uses: optional(Type.String({ minLength: 1, maxLength: 200 })),
			with: optional(Json),
			approval: optional(Approval),
			requires_approval: optional(Type.Boolean()),
			wait: optional(Wait),
			if: optional(Condition),
			env: optional(Env),
			retry: optional(Retry),
			timeout: optional(WaitTime),
			heartbeat: optional(WaitTime),
			idempotent: optional(Type.Boolean()),
			for_each: optional(AnyJson),
			max_parallel: optional(Count),
			outputs: optional(Json),
			artifacts: optional(Type.Array(AnyJson, { maxItems: 1000 })),
			pools: optional(Words),
			mode: optional(oneOf(['plan', 'local', 'redis', 'k8s'])),
			container: optional(AnyJson),
			k8s: optional(Json),
			...kebab('working_directory', optional(Text)),
			...kebab('continue_on_error', optional(Flag)),
			...kebab('timeout_minutes', optional(Type.Number({ minimum: 0 }))),
			...kebab('max_parallel', optional(Count)),
		},
		'One of run, action, uses, approval, wait, and how it is done',
	),
);

const JobNeed = Type.Union(
	[
		Type.String({ minLength: 1, maxLength: 100 }),
		section(
			{ job: Type.String({ minLength: 1, maxLength: 100 }), result: optional(Words) },
			'A job, and with which results this one goes on',
		),
	],
	{ title: 'the name of a job, or a map with job' },
);

const Steps = Type.Array(Step, { minItems: 1, maxItems: 10_000, title: 'a list of steps' });

export const Job = named(
	'Job',
	section(
		{
			name: optional(Text),
			description: optional(Text),
			needs: optional(Type.Union([JobNeed, Type.Array(JobNeed, { maxItems: 1000 })], { title: 'a job, or a list of jobs' })),
			if: optional(Condition),
			steps: Steps,
			container: optional(AnyJson),
			strategy: optional(
				section(
					{
						matrix: optional(AnyJson),
						...kebab('max_parallel', optional(Count)),
						...kebab('fail_fast', optional(Flag)),
					},
					'The job once for each combination',
				),
			),
			outputs: optional(Json),
			env: optional(Env),
			secrets: optional(AnyJson),
			defaults: optional(Json),
			concurrency: optional(AnyJson),
			timeout: optional(WaitTime),
			retry: optional(Retry),
			mode: optional(oneOf(['plan', 'local', 'redis', 'k8s'])),
			k8s: optional(Json),
			pools: optional(Words),
			idempotent: optional(Type.Boolean()),
			...kebab('runs_on', optional(Words)),
			...kebab('continue_on_error', optional(Flag)),
			...kebab('timeout_minutes', optional(Type.Number({ minimum: 0 }))),
			...kebab('max_parallel', optional(Count)),
		},
		'Steps that are done in order, once what it needs is done',
	),
);

const Trigger = Type.Union([Type.Null(), Json, Type.Array(AnyJson, { maxItems: 1000 })], { title: 'a map, or a list' });

export const Workflow = named(
	'Workflow',
	section(
		{
			version: optional(Type.Union([Type.Integer(), Type.String()], { [textKey]: true, title: 'a version' })),
			name: optional(Text),
			description: optional(Text),
			labels: optional(mapOf(EnvValue, 'Labels, key: value')),
			on: optional(
				Type.Union([Text, Type.Array(Text, { maxItems: 100 }), mapOf(Trigger, 'Triggers by name')], {
					title: 'an event, a list of events, or a map of triggers',
				}),
			),
			inputs: optional(Json),
			context: optional(Json),
			env: optional(Env),
			secrets: optional(AnyJson),
			defaults: optional(Json),
			concurrency: optional(AnyJson),
			timeout: optional(WaitTime),
			retention: optional(Json),
			idempotent: optional(Type.Boolean()),
			mode: optional(oneOf(['plan', 'local', 'redis', 'k8s'])),
			outputs: optional(Json),
			jobs: optional(mapOf(Job, 'Jobs by name', namePattern)),
			steps: optional(Steps),
			hooks: optional(
				mapOf(
					Type.Array(Step, { maxItems: 100 }),
					'Steps at a moment of the run',
					'^(start|success|failure|cancel|waiting|exit)$',
				),
			),
			...kebab('max_parallel', optional(Count)),
		},
		'Jobs with what each needs, or a list of steps',
	),
);

export { Name };
