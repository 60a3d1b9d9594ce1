/** `orch` alone: how orchd is, and five commands to try. */
import { duration, printable } from '@orch/base/text';
import { version } from '@orch/protocol/wire';
import { command } from '../command.ts';
import { CliError } from '../errors.ts';
import { plural } from '../render/time.ts';

const toTry: readonly (readonly [string, string])[] = [
	['orch runtime add ./program --start', 'run a program under supervision'],
	['orch ps', 'see what runs'],
	['orch runtime stdout NAME', 'follow what one writes'],
	['orch link add --from A --type T --to B', 'carry messages from one to another'],
	['orch link tap', 'watch messages pass'],
];

export const home = command({
	path: [],
	summary: 'How orchd is, and five commands to try',
	async run(context) {
		const { style, pretty, places } = context;
		const lines = [
			`${style.bold('orch')} ${version}: runs the programs of one machine together and carries the messages between them.`,
			'',
		];
		try {
			const status = await context.read('daemon.status', {});
			if (context.json) {
				context.printJson(status);
				return undefined;
			}
			const runtimes = Object.values(status.runtimes).reduce((sum, count) => sum + count, 0);
			lines.push(
				`${style.green(pretty ? '● orchd is running' : 'orchd is running')} (pid ${status.pid}, up ${duration(status.uptimeMs)}): ${plural(runtimes, 'runtime')}, ${status.runtimes['running'] ?? 0} running; ${plural(status.links, 'link')}`,
			);
		} catch (error) {
			// this screen is for finding one's way: nothing that is wrong with orchd keeps it away
			if (!(error instanceof CliError) || context.json) throw error;
			const missing = error.code === 'daemon.not_running' || error.code === 'daemon.stale_socket';
			lines.push(
				missing
					? `${pretty ? '○ ' : ''}orchd is not running; it starts with the first runtime, or: orch daemon start`
					: `${style.red('✗')} ${printable(error.message)}`,
			);
			lines.push(style.dim(`socket ${printable(places.socket)}`));
		}
		lines.push('', ...toTry.map(([line, what]) => `  ${line.padEnd(40)}  ${style.dim(what)}`), '', 'All commands: orch help');
		context.print(`${lines.join('\n')}\n`);
		return undefined;
	},
});
