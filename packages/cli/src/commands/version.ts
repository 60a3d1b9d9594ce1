/** `orch version`: of this client, of orchd, and of the protocol between them. */
import { printable } from '@orch/base/text';
import { controlProtocol, version } from '@orch/protocol/wire';
import { command } from '../command.ts';
import { flag } from '../option.ts';
import { renderDetails } from '../render/details.ts';

const range = ({ min, max }: { readonly min: number; readonly max: number }): string =>
	min === max ? `${min}` : `${min}–${max}`;

export const versionCommand = command({
	path: ['version'],
	summary: 'Show the versions of this client, of orchd and of their protocol',
	notes: ['Without an orchd it shows what it knows and ends with exit code 5. orch -V prints the version of the client alone.'],
	options: { client: flag('--client', 'of this client alone; asks nobody') },
	examples: ['orch version', 'orch version --json | jq -r .daemon.version'],
	json: '{"client": {"version", "protocol", "node"}, "daemon": {"version", "protocol", "node", "pid"}}; no "daemon" with --client',
	async run(context, { options }) {
		const client = { version, protocol: controlProtocol, node: process.versions.node };
		if (options.client) {
			if (context.json) context.printJson({ client });
			else context.print(`${version}\n`);
			return undefined;
		}
		const line = (
			of: string,
			known: { readonly version: string; readonly protocol: { min: number; max: number }; readonly node: string },
		) => [of, printable(`${known.version}  (protocol ${range(known.protocol)}, Node ${known.node})`)] as const;
		let daemon: Awaited<ReturnType<typeof context.readFast<'daemon.version'>>>;
		try {
			daemon = await context.readFast('daemon.version', {});
		} catch (error) {
			if (!context.json) context.print(renderDetails([line('orch', client)], context.style).replace(/^ {2}/gm, ''));
			throw error;
		}
		if (context.json) context.printJson({ client, daemon });
		else if (context.namesOnly) context.print(`${version}\n`);
		else context.print(renderDetails([line('orch', client), line('orchd', daemon)], context.style).replace(/^ {2}/gm, ''));
		return undefined;
	},
});
