/** `orch init`: a project file to start from, with the schema for editors beside it. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join, relative, resolve } from 'node:path';
import { command } from '../command.ts';
import { CliError } from '../errors.ts';
import { flag } from '../option.ts';
import { loadCheckModule } from '../project/check-module.ts';
import { fileNames } from '../project/files.ts';
import { reasonOf } from '../input-file.ts';

export const init = command({
	path: ['init'],
	summary: 'Write an orch.yaml to start from, with its schema for editors',
	notes: ['Also writes .orch/orch.schema.json, and a line for it into .gitignore. What is there stays, unless --force is given.'],
	args: [{ name: 'DIR' }],
	options: { force: flag('--force', 'replace an orch.yaml that is there') },
	examples: ['orch init', 'orch init shop'],
	json: '{"file"}',
	async run(context, { args: [directory = '.'], options: { force = false } }) {
		const { world } = context;
		const target = resolve(world.cwd, directory);
		const present = fileNames.find((name) => existsSync(join(target, name)));
		if (present !== undefined && !force) {
			throw new CliError('usage.conflict', {
				reason: `${join(directory, present)} is there already`,
				hint: 'orch init --force replaces orch.yaml',
			});
		}
		const file = join(target, 'orch.yaml');
		const schema = `${JSON.stringify(loadCheckModule(world).schema(), null, 2)}\n`;
		try {
			mkdirSync(join(target, '.orch'), { recursive: true });
			writeFileSync(join(target, '.orch', 'orch.schema.json'), schema);
			writeFileSync(file, firstFile(nameOf(target)));
			ignore(join(target, '.gitignore'));
		} catch (cause) {
			throw new CliError('file.unwritable', { file, reason: reasonOf(cause as NodeJS.ErrnoException) }, { cause });
		}
		if (context.json) context.printJson({ file });
		else context.print(`${relative(world.cwd, file) || file}\n`);
		context.next('orch up', 'orch explain runtimes', 'orch validate');
		return undefined;
	},
});

const nameOf = (directory: string): string =>
	basename(directory)
		.replace(/[^A-Za-z0-9_.+-]+/g, '-')
		.replace(/^[.+-]+|-+$/g, '')
		.slice(0, 64) || 'project';

/** As it stands, unless YAML would read a number or the like. */
const asText = (name: string): string => (/^(\d.*|true|false|null|yes|no|on|off|y|n)$/i.test(name) ? `'${name}'` : name);

function ignore(file: string): void {
	const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
	if (/^\.orch\/?$/m.test(text)) return;
	writeFileSync(file, `${text}${text === '' || text.endsWith('\n') ? '' : '\n'}.orch/\n`);
}

const firstFile = (name: string): string => `# yaml-language-server: $schema=.orch/orch.schema.json
# $schema: .orch/orch.schema.json
version: 1
name: ${asText(name)}

runtimes:
  hello:
    # no shell is involved unless it is asked for
    command: while :; do echo "hello from $WHO"; sleep 1; done
    shell: true
    env: { WHO: orch }

  # api:
  #   command: node server.js
  #   needs: [db]                       # started once db is ready
  #   env: { PORT: "\${PORT:-3000}" }    # from the environment or .env, else 3000
  #   probes:
  #     ready: http://127.0.0.1:3000/health
  #   restart: always                   # no, on-failure (the rule), always

# links:                                # messages of a type go from one to the other
#   - api -Job-> worker
`;
