/** `orch completion`: the script by which a shell completes orch. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { choice } from '../args/values.ts';
import { command } from '../command.ts';
import { scripts, type Shell, shells } from '../completion/scripts.ts';
import type { Context } from '../context.ts';
import { CliError } from '../errors.ts';
import { flag } from '../option.ts';

export const completion = command({
	path: ['completion'],
	summary: 'Print the script by which a shell completes orch, with the names that orchd knows',
	notes: [
		'The script asks orch itself at every TAB, so it need not be renewed with orch. Names come from an orchd that runs; none is started, and none is waited for longer than 300 ms.',
		'With --install it goes where the shell looks for such scripts, for this user; no start-up file of the shell is touched.',
	],
	args: [{ name: 'SHELL', required: true, values: () => shells }],
	options: { install: flag('--install', 'write it where the shell finds it, instead of printing it') },
	examples: ['source <(orch completion bash)', 'orch completion fish --install', 'orch completion zsh --install'],
	json: 'the script, as without',
	async run(context, { args: [typed = ''], options: { install = false } }) {
		const shell = shellNamed(typed);
		if (install) installScript(context, shell);
		else context.print(scripts[shell]);
		return undefined;
	},
});

function shellNamed(typed: string): Shell {
	try {
		return choice(shells)(typed);
	} catch {
		throw new CliError('usage.bad_value', {
			option: 'SHELL',
			value: typed,
			expected: `one of: ${shells.join(', ')}`,
			candidates: [],
		});
	}
}

function installScript(context: Context, shell: Shell): void {
	const { env, homeDirectory } = context.world;
	const data = env['XDG_DATA_HOME'] || `${homeDirectory()}/.local/share`;
	const file = {
		bash: `${data}/bash-completion/completions/orch`,
		zsh: `${data}/zsh/site-functions/_orch`,
		fish: `${env['XDG_CONFIG_HOME'] || `${homeDirectory()}/.config`}/fish/completions/orch.fish`,
	}[shell];
	const asBefore = contentOf(file) === scripts[shell];
	try {
		mkdirSync(dirname(file), { recursive: true });
		if (!asBefore) writeFileSync(file, scripts[shell]);
	} catch (error) {
		throw new CliError('file.unwritable', { file, reason: (error as Error).message }, { cause: error });
	}
	if (context.json) context.printJson({ file, changed: !asBefore });
	else {
		context.note(asBefore ? `orch: ${file} is there already, and the same` : `orch: wrote ${file}`);
		context.note(
			{
				bash: 'It is used by every new bash that has the package bash-completion; without it: source it from ~/.bashrc',
				zsh: `It is used by every new zsh whose ~/.zshrc says, before compinit: fpath=(${dirname(file)} $fpath)`,
				fish: 'It is used by every new fish',
			}[shell],
		);
	}
}

function contentOf(file: string): string | undefined {
	try {
		return readFileSync(file, 'utf8');
	} catch {
		return undefined;
	}
}
