/** How orchd is, on one screen. */
import { duration, printable } from '@orch/base/text';
import type { Api, ResultOf } from '@orch/protocol';
import type { Context } from '../context.ts';
import { CliError } from '../errors.ts';
import { renderDetails } from '../render/details.ts';
import { bytes, plural } from '../render/time.ts';

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
	else context.print(renderStatus(context, status, await projectLines(context)));
	return undefined;
}

/** A line for each loaded project: how what it declares is, and whether its files hold. */
async function projectLines(context: Context): Promise<string[]> {
	const projects = await context.read('project.list', {});
	if (projects.length === 0) return [];
	const statuses = new Map((await context.read('runtime.list', {})).map(({ name, status }) => [name, status] as const));
	const width = Math.max(...projects.map(({ name }) => name.length));
	return projects.map(({ name, runtimes, problems }) => {
		const counts: Record<string, number> = {};
		for (const runtime of runtimes) {
			const status = statuses.get(runtime) ?? 'gone';
			counts[status] = (counts[status] ?? 0) + 1;
		}
		const fault = problems.length > 0 ? context.style.red(`  its files do not hold: orch project show ${name}`) : '';
		return `${name.padEnd(width)}  ${countsText(counts) || 'no runtimes'}${fault}`;
	});
}

const countsText = (counts: Readonly<Record<string, number>>): string =>
	Object.entries(counts)
		.filter(([, count]) => count > 0)
		.map(([status, count]) => `${count} ${status}`)
		.join(', ');

const isMissing = (error: unknown): boolean =>
	error instanceof CliError && (error.code === 'daemon.not_running' || error.code === 'daemon.stale_socket');

function renderStatus({ style, pretty, places }: Context, status: Status, projects: readonly string[]): string {
	const runtimes = Object.values(status.runtimes).reduce((sum, count) => sum + count, 0);
	const kinds = countsText(status.runtimes);
	const details = renderDetails(
		[
			['version', printable(`${status.version}  (Node ${status.node})`)],
			['pid', `${status.pid}, up ${duration(status.uptimeMs)}, memory ${bytes(status.memoryBytes)}`],
			['router', routerText(status.router, pretty ? style : undefined)],
			['runtimes', `${runtimes}${kinds === '' ? '' : `  (${kinds})`}`],
			['links', String(status.links)],
			['projects', projects.length > 0 ? projects.join('\n') : undefined],
			...paths(status.socket, status.home, places.logFile),
			['notices', status.notices.length > 0 ? style.yellow(status.notices.map(printable).join('\n')) : undefined],
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
	['socket', printable(socket)],
	['state', printable(home)],
	['log', printable(log)],
];
