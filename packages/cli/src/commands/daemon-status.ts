/** How orchd is, on one screen. */
import type { Api, ResultOf } from '@orch/protocol';
import type { Context } from '../context.ts';
import { CliError } from '../errors.ts';
import { renderDetails } from '../render/details.ts';
import { bytes, duration, plural } from '../render/time.ts';

type Status = ResultOf<Api['daemon.status']>;

/** Without an orchd: says where it would be, and ends as everything does that cannot reach one. */
export async function showDaemonStatus(context: Context): Promise<undefined> {
	const { places, style, pretty } = context;
	let status: Status;
	try {
		status = await context.read('daemon.status', {});
	} catch (error) {
		if (isMissing(error) && !context.json && !context.namesOnly) {
			context.print(`orchd  ${style.red(pretty ? '○ not running' : 'not running')}\n`);
			context.print(renderDetails(paths(places.socket, places.home, places.logFile), style));
		}
		throw error;
	}
	if (context.json) context.printJson(status);
	else if (context.namesOnly) context.print(`${status.pid}\n`);
	else context.print(renderStatus(context, status));
	return undefined;
}

const isMissing = (error: unknown): boolean =>
	error instanceof CliError && (error.code === 'daemon.not_running' || error.code === 'daemon.stale_socket');

function renderStatus({ style, pretty, places }: Context, status: Status): string {
	const byStatus = Object.entries(status.runtimes).filter(([, count]) => count > 0);
	const runtimes = byStatus.reduce((sum, [, count]) => sum + count, 0);
	const kinds = byStatus.map(([name, count]) => `${count} ${name}`).join(', ');
	const details = renderDetails(
		[
			['version', `${status.version}  (Node ${status.node})`],
			['pid', `${status.pid}, up ${duration(status.uptimeMs)}, memory ${bytes(status.memoryBytes)}`],
			['router', routerText(status.router, pretty ? style : undefined)],
			['runtimes', `${runtimes}${kinds === '' ? '' : `  (${kinds})`}`],
			['links', String(status.links)],
			...paths(status.socket, status.home, places.logFile),
			['notices', status.notices.length > 0 ? style.yellow(status.notices.join('\n')) : undefined],
		],
		style,
	);
	return `orchd  ${style.green(pretty ? '● running' : 'running')}\n${details}`;
}

function routerText(router: Status['router'], style: Context['style'] | undefined): string {
	const paint = router.status === 'running' ? style?.green : style?.yellow;
	return [
		paint?.(router.status) ?? router.status,
		...(router.pid === null ? [] : [`pid ${router.pid}`]),
		...(router.memoryBytes === null ? [] : [`memory ${bytes(router.memoryBytes)}`]),
		...(router.restarts > 0 ? [`restarted ${plural(router.restarts, 'time')}`] : []),
	].join(', ');
}

const paths = (socket: string, home: string, log: string): (readonly [string, string])[] => [
	['socket', socket],
	['state', home],
	['log', log],
];
