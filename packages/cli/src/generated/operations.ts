// biome-ignore-all format: generated
/** GENERATED from the declared operations, by the test beside it: `npx vitest run packages/cli/src/generated -u`. */

export interface OperationSummary {
	readonly summary: string;
	/** Optional ones with a question mark. */
	readonly params: readonly string[];
	readonly stream: boolean;
}

export const operations: Readonly<Record<string, OperationSummary>> = {
	'daemon.version': { summary: 'Tell the versions of the daemon and of the protocol', params: [], stream: false },
	'daemon.status': { summary: 'Tell how the daemon is', params: [], stream: false },
	'daemon.stop': { summary: 'Stop every runtime gracefully, then the daemon', params: ['runtimes?'], stream: false },
	'clear': { summary: 'Stop everything, forget everything', params: [], stream: false },
	'runtime.add': { summary: 'Register a program under supervision', params: ['program', 'args?', 'cwd', 'env?', 'name?', 'id?', 'priority?', 'privileged?', 'restart?', 'stop?', 'autostart?', 'labels?', 'envFiles?', 'user?', 'umask?', 'probes?', 'needs?', 'ports?', 'limits?', 'schedule?', 'watch?', 'output?', 'project?', 'instances?', 'binary?', 'start?'], stream: false },
	'runtime.list': { summary: 'List the runtimes, in the order in which they were added', params: ['status?', 'runtimes?', 'labels?'], stream: false },
	'runtime.brief': { summary: 'Show the runtimes as a table has them, column by column, for those who wait for a long list', params: ['status?', 'runtimes?', 'labels?'], stream: false },
	'runtime.table': { summary: 'Show the runtimes as lines of text, as orch ps writes them into a pipe: everything whole, times in RFC 3339', params: ['status?', 'runtimes?', 'labels?'], stream: false },
	'runtime.show': { summary: 'Show everything about a runtime', params: ['runtime'], stream: false },
	'runtime.start': { summary: 'Start a runtime; answers once its program runs', params: ['runtime', 'priority?', 'needs?'], stream: false },
	'runtime.stop': { summary: 'Stop a runtime; answers once nothing of it is left', params: ['runtime', 'graceMs?'], stream: false },
	'runtime.restart': { summary: 'Stop a runtime and start it again', params: ['runtime', 'graceMs?'], stream: false },
	'runtime.remove': { summary: 'Forget a runtime, with its output and its links', params: ['runtime', 'force?', 'keepOutput?'], stream: false },
	'runtime.scale': { summary: 'Change how many instances a group has', params: ['group', 'instances'], stream: false },
	'runtime.signal': { summary: 'Send a signal to the program of a runtime', params: ['runtime', 'signal'], stream: false },
	'runtime.stdout': { summary: 'Follow what a runtime writes to its standard output: the backlog, then live', params: ['runtime', 'follow?', 'lines?'], stream: true },
	'runtime.stderr': { summary: 'Follow what a runtime writes to its standard error: the backlog, then live', params: ['runtime', 'follow?', 'lines?'], stream: true },
	'runtime.logs': { summary: 'Show what runtimes have written, in lines by time', params: ['runtimes?', 'streams?', 'follow?', 'lines?', 'since?', 'until?', 'grep?', 'ignoreCase?', 'previous?', 'fromCursor?', 'raw?'], stream: true },
	'binary.begin': { summary: 'Begin to upload a program', params: ['size', 'sha256'], stream: false },
	'binary.chunk': { summary: 'Send a part of a program, 256 KiB at most, in order', params: ['upload', 'offset', 'bytes'], stream: false },
	'binary.commit': { summary: 'Finish an upload: check it and keep it', params: ['upload'], stream: false },
	'link.add': { summary: 'Route messages of a type from one runtime to another', params: ['from', 'type', 'to', 'queue?', 'queueBytes?', 'overflow?', 'whileDown?'], stream: false },
	'link.list': { summary: 'List the links, in the order in which they were added', params: ['from?', 'to?', 'type?'], stream: false },
	'link.remove': { summary: 'Remove a link; what waits in its mailbox is dropped and counted', params: ['link?', 'from?', 'type?', 'to?'], stream: false },
	'link.tap': { summary: 'Show messages live as they pass, without touching them', params: ['link?', 'from?', 'type?', 'to?', 'bodyBytes?', 'sample?'], stream: true },
	'link.send': { summary: 'Send a message by hand', params: ['type', 'from?', 'to?', 'body', 'codec?'], stream: false },
	'link.request': { summary: 'Send a request by hand, and wait for its reply', params: ['type', 'from?', 'to?', 'body', 'codec?', 'timeoutMs?'], stream: false },
	'link.types': { summary: 'Show every type that is declared, linked or has been sent: who sends and gets it, its schemas, a recent message', params: ['type?'], stream: false },
	'link.stats': { summary: 'Show rates, latencies, queues and drops of the links, what no link takes, and faults of connections', params: ['from?', 'to?', 'type?', 'windowSeconds?'], stream: false },
	'daemon.events': { summary: 'Tell what happens: changes of runtimes and links, with reasons and last words', params: ['since?', 'sinceMs?', 'follow?', 'runtimes?', 'kinds?'], stream: true },
	'runtime.watch': { summary: 'Show all runtimes now, then every change, and what they use once a second', params: [], stream: true },
	'runtime.why': { summary: 'Tell why a runtime is as it is: what it waits for, what ended it, what its probes see, what to do', params: ['runtime'], stream: false },
	'runtime.wait': { summary: 'Wait until a runtime is running, ready, stopped, or has succeeded', params: ['runtime', 'for'], stream: false },
	'project.up': { summary: 'Make it so: apply a project’s files, start what they declare, wait until it is ready', params: ['files', 'name?', 'profiles?', 'environment?', 'inherited?', 'only?', 'noDeps?', 'removeOrphans?', 'forceRecreate?', 'startNothing?', 'waitMs?'], stream: true },
	'project.down': { summary: 'Stop and remove what a project and its runners have made, and nothing else', params: ['project', 'only?'], stream: true },
	'project.reload': { summary: 'Read a project’s files again and apply what has changed, as saving them does', params: ['project', 'waitMs?'], stream: true },
	'project.diff': { summary: 'Tell what up would change, field by field', params: ['files', 'name?', 'profiles?', 'environment?', 'inherited?', 'only?', 'noDeps?', 'removeOrphans?', 'forceRecreate?'], stream: false },
	'project.validate': { summary: 'Check a project’s files: every problem at once', params: ['files', 'name?', 'profiles?', 'environment?', 'inherited?'], stream: false },
	'project.list': { summary: 'List the loaded projects', params: [], stream: false },
	'project.show': { summary: 'Show a project: its files, what it declares, and why its files do not hold where they do not', params: ['project'], stream: false },
	'runner.list': { summary: 'List the runners', params: [], stream: false },
	'runner.add': { summary: 'Mount a project file as a runner: make it so, and wait until it is ready', params: ['config', 'configName?', 'profiles?', 'environment?', 'inherited?', 'waitMs?', 'name?', 'basePath?'], stream: false },
	'runner.replace': { summary: 'Make another file, or another base path, of a runner that was added by a command', params: ['config', 'configName?', 'profiles?', 'environment?', 'inherited?', 'waitMs?', 'runner', 'basePath'], stream: false },
	'runner.show': { summary: 'Show a runner: where it is mounted, its jobs, its health, and why its files do not hold where they do not', params: ['runner'], stream: false },
	'runner.health': { summary: 'Tell how a runner is, by its runtimes and its files', params: ['runner'], stream: false },
	'runner.remove': { summary: 'Stop and remove what a runner has made, and unmount it', params: ['runner'], stream: false },
};
