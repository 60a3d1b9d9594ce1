/** Small schemas that the sections of a project file share; a `title` says in words what is expected. */
import { type TSchema, Type } from 'typebox';
import { durationPattern, sizePattern, variableNamePattern } from '@orch/base/text';
import { giveUpPattern } from './quantities.ts';

/** Published once, under `$defs`, wherever it is used. */
export const named = <T extends TSchema>(name: string, schema: T): T => Object.assign(schema, { [nameKey]: name });
export const nameKey = 'x-name';
/** The value is taken as it was written, whatever YAML reads in it: `022` is a mode, `1.10` a version. */
export const textKey = 'x-text';

/** A map with these keys and no others, but for keys that begin with `x-`. */
export const section = <P extends Record<string, TSchema>>(properties: P, description: string) =>
	Type.Object(properties, { additionalProperties: false, patternProperties: { '^x-': {} }, description });

export const oneOf = <const Names extends readonly string[]>(names: Names, description?: string) =>
	Type.Unsafe<Names[number]>({ enum: [...names], ...(description === undefined ? {} : { description }) });

/** A name of a runtime, a project, a workflow. */
export const namePattern = '^[A-Za-z0-9_][A-Za-z0-9_.+-]*$';
const nameTitle = 'letters, digits, _ . + -, at most 64, not starting with . + or -';
export const Name = named('Name', Type.String({ pattern: namePattern, maxLength: 64, title: nameTitle }));

export const mapOf = <T extends TSchema>(value: T, description: string, keyPattern = '^.+$') =>
	Type.Record(Type.String({ pattern: keyPattern }), value, { additionalProperties: false, description });

export const Duration = named(
	'Duration',
	Type.Union([Type.String({ pattern: durationPattern, maxLength: 40 }), Type.Literal(0)], {
		title: 'a duration with its unit, such as 500ms, 10s, 1m30s or 2h',
		[textKey]: true,
	}),
);
/** A whole number of bytes, or with a unit. */
export const Size = named(
	'Size',
	Type.Union([Type.String({ pattern: sizePattern, maxLength: 40 }), Type.Integer({ minimum: 1 })], {
		title: 'a size, such as 65536, 64k, 512M or 1GB',
		[textKey]: true,
	}),
);
export const GiveUp = named(
	'GiveUp',
	Type.String({ pattern: giveUpPattern, title: 'failures within a time, such as 5/60s, or never' }),
);
export const Port = named('Port', Type.Integer({ minimum: 1, maximum: 65_535, title: 'a port, from 1 to 65535' }));

/** Text, or what is written like a number or a boolean and meant as text. */
const AsText = { title: 'a text, a number, true or false', [textKey]: true };
export const EnvValue = named(
	'EnvValue',
	Type.Union([Type.String({ maxLength: 131_071 }), Type.Number(), Type.Boolean(), Type.Null()], AsText),
);
export const Env = named('Env', mapOf(EnvValue, 'Variables, NAME: value; an empty value is an empty text', variableNamePattern));
export const Labels = named('Labels', mapOf(EnvValue, 'Labels, key: value', '^[A-Za-z0-9_./-]{1,100}$'));

export const Text = Type.String({ maxLength: 131_071, title: 'a text' });
export const FileName = Type.String({ minLength: 1, maxLength: 4096, title: 'the path of a file' });
export const Files = named(
	'Files',
	Type.Union([FileName, Type.Array(FileName, { maxItems: 100 })], { title: 'the path of a file, or a list of paths' }),
);
export const Command = named(
	'Command',
	Type.Union(
		[
			Type.String({ minLength: 1, maxLength: 131_071 }),
			Type.Array(Type.Union([Type.String({ maxLength: 131_071 }), Type.Number()], { [textKey]: true }), {
				minItems: 1,
				maxItems: 1000,
			}),
		],
		{
			title: 'a command: a text that is split at spaces (quotes keep words together), or a list of words',
			description: 'A program with a slash is a path from cwd; a bare name is looked up on PATH. No shell is involved',
		},
	),
);
/** JSON, as it is. */
export const AnyJson = Type.Unknown();
