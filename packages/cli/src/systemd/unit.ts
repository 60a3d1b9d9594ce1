/** The unit under which systemd runs orchd: what it says, and how it is quoted. */
import { version } from '@orch/protocol/wire';

export type Scope = 'user' | 'system';

export const unitName = 'orch.service';

export interface UnitOptions {
	readonly scope: Scope;
	/** The programs, by absolute paths: what is on PATH at boot may be another version, or nothing. */
	readonly node: string;
	readonly orchd: string;
	readonly socket: string;
	readonly home: string;
	/** Only what orchd would not come to by itself. */
	readonly environment: Readonly<Record<string, string>>;
}

const marker = '# Written by orch daemon install';

export const isOurs = (unit: string): boolean => unit.startsWith(marker);

/** The socket that a unit of ours serves. */
export const socketOf = (unit: string): string | undefined => /^# Serves the socket (.+)$/m.exec(unit)?.[1];

/** The program of orchd that a unit starts, and the Node that runs it. */
export function programsOf(unit: string): { readonly node: string; readonly orchd: string } | undefined {
	const line = /^ExecStart=(.+)$/m.exec(unit)?.[1] ?? '';
	const [node, orchd] = [...line.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, quoted = ''], at) => unquote(quoted, at > 0));
	return node === undefined || orchd === undefined ? undefined : { node, orchd };
}

export function renderUnit(options: UnitOptions): string {
	const { scope, node, orchd, socket, home, environment } = options;
	const flag = scope === 'user' ? ' --user' : '';
	const log = specifier(`${home}/orchd.log`);
	return `${marker} (orch ${version}). Remove it with: orch daemon uninstall --${scope}
# Serves the socket ${socket}
# Change it by a drop-in, which no upgrade overwrites: systemctl${flag} edit ${unitName}

[Unit]
Description=orch: runs the programs of ${scope === 'user' ? 'this user' : 'this machine'} together
${scope === 'system' ? 'Wants=network-online.target\nAfter=network-online.target\n' : ''}StartLimitIntervalSec=60
StartLimitBurst=10

[Service]
Type=exec
ExecStart=${[quote(node, false), quote(orchd, true)].join(' ')}
WorkingDirectory=/
${Object.entries(environment)
	.map(([name, value]) => `Environment=${quote(`${name}=${value}`, false)}\n`)
	.join('')}StandardOutput=append:${log}
StandardError=append:${log}
${socket.startsWith('/run/orch/') ? 'RuntimeDirectory=orch\nRuntimeDirectoryMode=0700\n# the sockets of runtimes that run on are in it\nRuntimeDirectoryPreserve=yes\n' : ''}
# systemctl restart: orchd ends, the runtimes run on, the next orchd knows them again
RestartKillSignal=SIGUSR2
# systemctl stop, and a shutdown: orchd stops the runtimes in order, then ends
KillSignal=SIGTERM
# only orchd itself is ever signalled, also when it has to be killed
KillMode=process
TimeoutStopSec=120
# after a crash the next orchd takes over what runs
Restart=on-failure
RestartSec=1
# another orchd has the socket, or what it was told cannot be: once more changes nothing
RestartPreventExitStatus=2 7 8

# What runs in this unit are the runtimes, too. One of them that runs out of memory is no reason to stop the others,
# and no limit on tasks fits them all. Nothing else is restricted here: every restriction would be theirs.
OOMPolicy=continue
TasksMax=infinity
# a part of the cgroup tree for orchd to divide: each process of a runtime in a cgroup of its own is found by a stop however it hides
Delegate=yes

[Install]
WantedBy=${scope === 'user' ? 'default.target' : 'multi-user.target'}
`;
}

/** Percent signs begin specifiers everywhere. */
const specifier = (text: string): string => text.replaceAll('%', '%%');

/** In arguments `$` begins a variable; in the path of the program and in `Environment=` it does not. */
function quote(text: string, dollars: boolean): string {
	const escaped = specifier(text).replace(/["\\]/g, '\\$&');
	return `"${dollars ? escaped.replaceAll('$', '$$$$') : escaped}"`;
}

const unquote = (quoted: string, dollars: boolean): string => {
	const plain = quoted.replace(/\\(.)/g, '$1').replaceAll('%%', '%');
	return dollars ? plain.replaceAll('$$', '$') : plain;
};
