/** Every error of the daemon and of the wire, as it is read. */
import { describe, expect, it } from 'vitest';
import { type ErrorCode, type ErrorData, type ErrorEntry, errors, OrchError, toWireError } from './errors.ts';

interface Reading<Code extends ErrorCode> {
	readonly data: ErrorData<Code>;
	readonly text: string;
	readonly exit: number;
}

/** The text with its hint, as `orch` shows it; a code that is left out does not compile. */
const golden: { readonly [Code in ErrorCode]: readonly Reading<Code>[] } = {
	'runtime.not_found': [
		{
			data: { ref: 'wroker', candidates: ['worker', 'worker-2'] },
			text: "no runtime 'wroker'\n  did you mean: worker, worker-2\nhint: orch ps",
			exit: 4,
		},
		{ data: { ref: 'x', candidates: [] }, text: "no runtime 'x'\nhint: orch ps", exit: 4 },
		{
			data: { ref: 'shop', candidates: [], project: 'shop' },
			text: "no runtime 'shop': it is a project\nhint: orch project show shop tells its runtimes; orch down -p shop takes it away",
			exit: 4,
		},
	],
	'message.refused': [
		{
			data: { type: 'Ping', path: '.seq', reason: 'must be integer, got string "one"', project: 'shop' },
			text: 'Ping.seq must be integer, got string "one"   (type declared by project shop)\nhint: orch link types',
			exit: 2,
		},
	],
	'reply.late': [
		{
			data: { type: 'Add', ms: 2000 },
			text: 'no reply to Add within 2000 ms; the request may have been carried out all the same\nhint: longer: --timeout 30s',
			exit: 124,
		},
	],
	'reply.missing': [
		{
			data: { type: 'Add', code: 'target_down', reason: 'pong is not connected' },
			text: 'no reply to Add: pong is not connected (target_down)\nhint: orch ps · orch link types',
			exit: 1,
		},
	],
	'reply.error': [
		{
			data: { type: 'Add', from: 'pong', code: 'overflow', reason: 'too large a sum' },
			text: 'pong has answered Add with an error: too large a sum (overflow)',
			exit: 1,
		},
	],
	'type.not_found': [
		{
			data: { type: 'Pign', candidates: ['Ping'] },
			text: "no type 'Pign': it is neither declared nor linked, and was not sent\n  did you mean: Ping\nhint: orch link types",
			exit: 4,
		},
	],
	'runner.name_taken': [
		{
			data: { name: 'echo', file: '/srv/echo/orch.yaml' },
			text: "a runner is a project, and a project 'echo' is loaded already, from /srv/echo/orch.yaml\nhint: another name for this one: orch runner add FILE --name NAME",
			exit: 7,
		},
	],
	'runner.path_taken': [
		{
			data: { runner: 'echo', basePath: '/echo', other: 'mail' },
			text: "cannot mount 'echo' at /echo: the runner 'mail' is there\nhint: orch runner list shows what is mounted where; choose with --base-path",
			exit: 7,
		},
	],
	'runner.bad_path': [
		{
			data: { basePath: 'echo', reason: 'it does not begin with /' },
			text: "'echo' is no base path: it does not begin with /\nhint: such as /shop, or / for all that no other runner has",
			exit: 2,
		},
	],
	'runner.declared': [
		{
			data: { runner: 'echo', parent: 'shop', file: '/srv/orch.yaml' },
			text: "the runner 'echo' is mounted by the project 'shop', in /srv/orch.yaml\nhint: change that file: saving it is enough; orch down -p shop takes away all of it",
			exit: 7,
		},
	],
	'runner.not_found': [
		{
			data: { runner: 'ecoh', candidates: ['echo'] },
			text: "no runner 'ecoh' is mounted\n  did you mean: echo\nhint: orch runner list",
			exit: 4,
		},
	],
	'runtime.ambiguous': [
		{
			data: {
				ref: 'a3f1',
				matches: [
					{ shortId: 'a3f19c02', name: 'shop/api', status: 'running' },
					{ shortId: 'a3f1e771', name: 'auth', status: 'stopped' },
				],
			},
			text: `'a3f1' matches 2 runtimes
  a3f19c02  shop/api  running
  a3f1e771  auth  stopped
hint: use the name, or one more digit`,
			exit: 7,
		},
		{
			data: {
				ref: 'worker',
				matches: [
					{ shortId: 'a3f19c02', name: 'shop/worker-1', status: 'running' },
					{ shortId: 'a3f1e771', name: 'shop/worker-2', status: 'running' },
				],
			},
			text: `'worker' matches 2 runtimes
  a3f19c02  shop/worker-1  running
  a3f1e771  shop/worker-2  running
hint: use one of these names`,
			exit: 7,
		},
	],
	'runtime.name_taken': [
		{
			data: { name: 'ping', status: 'running', ageMs: 7_380_000, free: 'ping-2', program: './bin/ping' },
			text: "a runtime 'ping' already exists (running, added 2h ago)\nhint: orch runtime add ./bin/ping --name ping-2",
			exit: 7,
		},
		{
			data: { name: 'web-3', status: 'stopped', ageMs: null, free: null, program: null },
			text: "a runtime 'web-3' already exists (stopped)\nhint: orch runtime remove web-3",
			exit: 7,
		},
	],
	'runtime.id_taken': [
		{
			data: { id: '0195fc7b-33e6-70e3-bee1-ac515185fac7', name: 'ping' },
			text: "the id 0195fc7b-33e6-70e3-bee1-ac515185fac7 already belongs to the runtime 'ping'",
			exit: 7,
		},
	],
	'runtime.running': [
		{
			data: { name: 'api', pid: 9120 },
			text: "cannot remove 'api': it is running with pid 9120\nhint: orch runtime remove api --force",
			exit: 7,
		},
		{
			data: { name: 'api', pid: null },
			text: "cannot remove 'api': it is running\nhint: orch runtime remove api --force",
			exit: 7,
		},
	],
	'runtime.not_running': [
		{ data: { name: 'api', status: 'stopped' }, text: "cannot signal 'api': it is stopped\nhint: orch start api", exit: 3 },
	],
	'runtime.start_failed': [
		{
			data: { name: 'api', fault: 'not_found', reason: './api does not exist' },
			text: "cannot start 'api': ./api does not exist\nhint: orch why api",
			exit: 1,
		},
	],
	'runtime.port_taken': [
		{
			data: { name: 'api', port: 3000, holder: { pid: 8123, command: 'node server.js', runtime: null }, uid: 1000 },
			text: `cannot start 'api': port 3000 is in use by pid 8123 (node server.js)
hint: stop it (kill 8123), or give the runtime another port`,
			exit: 7,
		},
		{
			data: { name: 'api', port: 3000, holder: { pid: 8123, command: 'node server.js', runtime: 'legacy/old-api' }, uid: 1000 },
			text: `cannot start 'api': port 3000 is in use by runtime legacy/old-api, pid 8123 (node server.js)
hint: orch stop legacy/old-api`,
			exit: 7,
		},
		{
			data: { name: 'web', port: 80, holder: null, uid: 33 },
			text: `cannot start 'web': port 80 is in use by a process of the user with the number 33, which may not be looked at
hint: stop what has the port (as root: ss -ltnp), or give the runtime another one`,
			exit: 7,
		},
	],
	'runtime.needs_circle': [
		{
			data: { name: 'db', circle: ['api', 'auth', 'db', 'api'] },
			text: `cannot add 'db': runtimes would need each other in a circle
  api   needs  auth
  auth  needs  db
  db    needs  api
hint: leave out one of these needs`,
			exit: 8,
		},
	],
	'runtime.waits': [
		{
			data: { name: 'api', reason: 'needs db ready, which is not', how: ['db is stopped: orch start db'] },
			text: `'api' is not started yet: it needs db ready, which is not
  db is stopped: orch start db
hint: orch why api (it is started as soon as that is there)`,
			exit: 3,
		},
	],
	'runtime.not_reached': [
		{
			data: { name: 'api', goal: 'ready', status: 'failed', reason: 'gave up after 5 failures in 60s' },
			text: "'api' will not become ready: it is failed: gave up after 5 failures in 60s\nhint: orch why api",
			exit: 3,
		},
		{
			data: { name: 'migrate', goal: 'succeeded', status: 'stopped', reason: null },
			text: "'migrate' will not succeed: it is stopped\nhint: orch why migrate",
			exit: 3,
		},
	],
	'probe.invalid': [
		{ data: { reason: 'a probe needs a port' }, text: 'a probe needs a port\nhint: orch help runtime add', exit: 2 },
	],
	'runtime.not_group': [
		{
			data: { name: 'api' },
			text: `cannot scale 'api': it is one runtime, not a group of instances
hint: add it as a group: orch runtime add PROGRAM --instances 3`,
			exit: 3,
		},
	],
	'schedule.invalid': [
		{
			data: { reason: "'61 3 * * *' is no schedule" },
			text: `'61 3 * * *' is no schedule
hint: minute, hour, day of the month, month, day of the week: '0 3 * * *' is 3:00 every day`,
			exit: 2,
		},
	],
	'runtime.user_refused': [
		{
			data: { user: 'www', reason: 'only an orchd that runs as root may' },
			text: 'cannot run a program as www: only an orchd that runs as root may',
			exit: 6,
		},
	],
	'runtime.stop_incomplete': [
		{
			data: {
				name: 'api',
				escaped: [
					{ pid: 4211, command: 'cp /mnt/a b' },
					{ pid: 4212, command: 'node' },
				],
			},
			text: `'api' has stopped, but of what it forked this is left
  pid 4211  cp /mnt/a b
  pid 4212  node
hint: orch stop api tries again`,
			exit: 1,
		},
	],
	'runtime.superseded': [
		{ data: { name: 'api', by: 'stop' }, text: "the command on 'api' was overtaken by a later stop", exit: 1 },
	],
	'program.not_found': [
		{
			data: { program: './bin/pign', cwd: '/home/ana/shop', candidates: ['./bin/ping'] },
			text: `cannot add runtime: ./bin/pign does not exist (looked in /home/ana/shop)
  did you mean: ./bin/ping
hint: check the path; for a command on PATH write: orch runtime add -- node server.js`,
			exit: 8,
		},
	],
	'program.not_executable': [
		{
			data: { program: "./it's mine/ping", path: "/srv/it's mine/ping", mode: '0600' },
			text: `./it's mine/ping is not executable (mode 0600)
  path: /srv/it's mine/ping
hint: chmod +x './it'\\''s mine/ping'`,
			exit: 8,
		},
		{
			data: { program: './bin/ping', mode: '0644' },
			text: './bin/ping is not executable (mode 0644)\nhint: chmod +x ./bin/ping',
			exit: 8,
		},
	],
	'program.is_directory': [{ data: { program: './bin' }, text: './bin is a directory, not a program', exit: 8 }],
	'program.wrong_format': [
		{
			data: { program: './notes' },
			text: `./notes is neither a binary of this system nor a script with a #! line
hint: name its interpreter: orch runtime add -- sh ./notes`,
			exit: 8,
		},
	],
	'program.missing_interpreter': [
		{
			data: { program: './bin/ping', interpreter: '/usr/bin/python3.9' },
			text: `./bin/ping: its first line names /usr/bin/python3.9, which does not exist here
hint: fix the #! line, or: orch runtime add -- python3 ./bin/ping`,
			exit: 8,
		},
		{
			data: { program: './bin/ping', path: '/srv/bin/ping', interpreter: '/usr/local/bin/bash' },
			text: `./bin/ping: its first line names /usr/local/bin/bash, which does not exist here
  path: /srv/bin/ping
hint: fix the #! line, or: orch runtime add -- bash ./bin/ping`,
			exit: 8,
		},
		{
			data: { program: './bin/ping', interpreter: '/bin/sh\r' },
			text: `./bin/ping has the line ends of Windows (CRLF): its first line names '/bin/sh\\r', which does not exist here
hint: sed -i 's/\\r$//' ./bin/ping`,
			exit: 8,
		},
	],
	'program.missing_loader': [
		{
			data: { program: './bin/ping', loader: '/lib/ld-musl-x86_64.so.1' },
			text: `./bin/ping asks for the loader /lib/ld-musl-x86_64.so.1, which does not exist here
hint: it was built for another C library: take a build for the one of this system`,
			exit: 8,
		},
	],
	'program.wrong_machine': [
		{
			data: { program: './bin/ping', machine: 'arm64', here: 'x86_64' },
			text: './bin/ping is an arm64 binary; this machine is x86_64',
			exit: 8,
		},
		{
			data: { program: './bin/ping', path: '/srv/bin/ping', machine: 'riscv64', here: 'x86_64' },
			text: './bin/ping is a riscv64 binary; this machine is x86_64\n  path: /srv/bin/ping',
			exit: 8,
		},
	],
	'program.cwd_missing': [
		{
			data: { cwd: '/srv/shop' },
			text: 'the working directory /srv/shop does not exist, or is not a directory that may be entered',
			exit: 8,
		},
	],
	'binary.unknown_upload': [
		{
			data: { upload: 'u1' },
			text: "no upload 'u1': it was finished, or abandoned for ten minutes\nhint: start the upload again",
			exit: 1,
		},
	],
	'binary.mismatch': [
		{
			data: { expected: 'aa', actual: 'bb' },
			text: `the uploaded bytes are not what was announced (SHA-256 bb instead of aa)
hint: the file changed while it was sent? try again`,
			exit: 1,
		},
	],
	'binary.too_large': [
		{
			data: { bytes: 300, maxBytes: 200 },
			text: 'a binary of 300 bytes is larger than the 200 bytes that are taken',
			exit: 8,
		},
	],
	'link.exists': [
		{
			data: { from: 'ping', type: 'Ping', to: 'pong', id: '7c1e09aa', ageMs: 7_200_000 },
			text: 'ping ─Ping→ pong is already linked (id 7c1e09aa, 2h ago)\nhint: orch link show 7c1e09aa',
			exit: 7,
		},
	],
	'link.not_found': [
		{ data: { link: "'zz'", candidates: [] }, text: "no link 'zz'\nhint: orch link list", exit: 4 },
		{
			data: { link: 'ping ─Pnig→ pong', candidates: ['ping ─Ping→ pong'] },
			text: 'no link ping ─Pnig→ pong\n  did you mean: ping ─Ping→ pong\nhint: orch link list',
			exit: 4,
		},
	],
	'link.ambiguous': [
		{
			data: {
				ref: '7c1e',
				matches: [
					{ shortId: '7c1e0900', from: 'a', type: 'T', to: 'b' },
					{ shortId: '7c1e0901', from: 'c', type: 'T', to: 'd' },
				],
			},
			text: `'7c1e' matches 2 links
  7c1e0900  a ─T→ b
  7c1e0901  c ─T→ d
hint: use the whole id, or one more digit`,
			exit: 7,
		},
	],
	'link.not_linked': [
		{
			data: { type: 'Pnig', from: 'ping', taken: ['Ping', 'Config'], candidates: ['Ping'] },
			text: `no link takes 'Pnig' from ping
  links take from ping: Ping, Config
  did you mean: Ping
hint: orch link add --from ping --type Pnig --to NAME`,
			exit: 4,
		},
		{
			data: { type: 'Ping', from: 'ping', taken: [], candidates: [] },
			text: `no link takes 'Ping' from ping
  links take from ping: nothing
hint: orch link add --from ping --type Ping --to NAME`,
			exit: 4,
		},
	],
	'message.invalid': [
		{
			data: { reason: 'unexpected end at line 1, column 14', frame: ['{"seq":1,"t":', '             ^'] },
			text: `message body is not JSON: unexpected end at line 1, column 14
    {"seq":1,"t":
                 ^
hint: quote it for the shell: '{"seq":1}'`,
			exit: 2,
		},
	],
	'router.unavailable': [
		{
			data: { reason: 'it is being started' },
			text: 'the router does not answer: it is being started\nhint: orch daemon status',
			exit: 1,
		},
	],
	'daemon.stopping': [{ data: {}, text: 'orchd is stopping\nhint: orch daemon start', exit: 5 }],
	'request.invalid': [
		{
			data: { issues: ['/name: expected string', '/lines: must be 0 or more'] },
			text: 'cannot read the request: /name: expected string; /lines: must be 0 or more',
			exit: 2,
		},
	],
	'operation.unknown': [
		{
			data: { operation: 'runtime.lst', candidates: ['runtime.list'] },
			text: `no operation 'runtime.lst'
  did you mean: runtime.list
hint: orch version (is the daemon older than this client?)`,
			exit: 2,
		},
	],
	'protocol.version': [
		{
			data: {
				client: '0.9.2',
				daemon: '0.6.0',
				clientProtocol: '4-5',
				daemonProtocol: '2-3',
				pid: 4211,
				older: 'daemon',
				clientPath: '/home/ana/bin/orch',
				daemonPath: '/usr/lib/orch/orchd.mjs',
				uptimeMs: 1_040_000_000,
			},
			text: `this client (0.9.2, protocol 4-5) cannot talk to orchd (0.6.0, protocol 2-3)
  client /home/ana/bin/orch
  daemon /usr/lib/orch/orchd.mjs (pid 4211, up 12d)
hint: kill -USR2 4211 ends that orchd and keeps its runtimes running; once it is gone: orch daemon start`,
			exit: 9,
		},
		{
			data: { client: '0.6.0', daemon: '0.9.2', clientProtocol: '1', daemonProtocol: '2', pid: 4211, older: 'client' },
			text: `this client (0.6.0, protocol 1) cannot talk to orchd (0.9.2, protocol 2)
  daemon (pid 4211)
hint: use the orch that came with that orchd, or a newer one`,
			exit: 9,
		},
	],
	'protocol.too_long': [
		{
			data: { what: 'answer', bytes: 20_000_000, maxBytes: 16_777_216 },
			text: 'cannot send an answer of 20000000 bytes: the other side takes at most 16777216 in one message\nhint: ask for less at once',
			exit: 1,
		},
		{
			data: { what: 'request', bytes: 20_000_000, maxBytes: 16_777_216 },
			text: 'cannot send a request of 20000000 bytes: the other side takes at most 16777216 in one message\nhint: send less at once',
			exit: 1,
		},
	],
	'protocol.malformed': [
		{ data: { reason: 'a frame of 0 bytes' }, text: 'cannot read what was sent: a frame of 0 bytes', exit: 1 },
	],
	'access.denied': [{ data: { reason: 'this token may only look' }, text: 'this token may only look', exit: 6 }],
	busy: [{ data: { what: 'uploads', limit: 8 }, text: 'too many uploads at once: the limit is 8', exit: 1 }],
	cancelled: [{ data: {}, text: 'cancelled', exit: 130 }],
	timeout: [{ data: { ms: 10_000 }, text: 'no answer within 10000 ms', exit: 124 }],
	disconnected: [
		{
			data: { reason: 'orchd closed it' },
			text: 'the connection ended before the answer: orchd closed it',
			exit: 5,
		},
	],
	'project.invalid': [
		{
			data: {
				problems: [
					{
						kind: 'unknown_key',
						number: 'E116',
						message: "unknown key 'restrat' in runtimes.api",
						at: { file: 'orch.yaml', line: 5, column: 5 },
						frame: { first: 5, lines: ['    restrat: always'], column: 5, width: 7, note: 'did you mean: restart' },
						facts: [],
						hint: 'orch explain runtimes',
					},
					{
						kind: 'cycle',
						number: 'E113',
						message: 'runtimes need each other in a circle',
						at: { file: 'orch.yaml', line: 12, column: 13 },
						facts: ['api  needs  db', 'db   needs  api'],
					},
				],
			},
			text: `orch.yaml:5:5: unknown key 'restrat' in runtimes.api
    5 │     restrat: always
      │     ^^^^^^^ did you mean: restart
hint: orch explain runtimes

orch.yaml: runtimes need each other in a circle
    api  needs  db
    db   needs  api`,
			exit: 8,
		},
		{
			data: {
				problems: Array.from({ length: 27 }, (_, at) => ({ kind: 'x', number: 'E117', message: `problem ${at + 1}`, facts: [] })),
			},
			text: `${Array.from({ length: 20 }, (_, at) => `problem ${at + 1}\n\n`).join('')}and 7 more`,
			exit: 8,
		},
	],
	'project.elsewhere': [
		{
			data: { name: 'shop', file: '/home/ana/old/orch.yaml' },
			text: `a project 'shop' is loaded already, from /home/ana/old/orch.yaml
hint: orch down --project shop, or another name for this one: orch up --project NAME`,
			exit: 7,
		},
	],
	'project.renamed': [
		{
			data: { name: 'store', loaded: 'shop', file: '/home/ana/orch.yaml' },
			text: `/home/ana/orch.yaml names the project 'store' now, and is loaded as 'shop'
hint: orch down -p shop, then orch up; or both of them: orch up -p store`,
			exit: 7,
		},
	],
	'project.not_found': [
		{
			data: { project: 'sohp', candidates: ['shop'] },
			text: "no project 'sohp' is loaded\n  did you mean: shop\nhint: orch project list",
			exit: 4,
		},
	],
	'state.refused': [
		{
			data: { reason: 'the disk is full' },
			text: `cannot keep this, and so it was not done: the disk is full
hint: free some space where orch daemon status shows the state to be, and try again`,
			exit: 1,
		},
	],
	internal: [
		{
			data: {},
			text: 'cannot complete the request: an internal error, see the log of orchd\nhint: orch daemon logs',
			exit: 1,
		},
	],
};

describe('every error', () => {
	it.each(Object.keys(errors) as ErrorCode[])('%s reads as it should, and ends with its exit code', (code) => {
		expect(golden[code].length).toBeGreaterThan(0);
		for (const { data, text, exit } of golden[code]) {
			const { message, hint, ...wire } = toWireError(new OrchError(code, data as never));
			expect([message, ...(hint === undefined ? [] : [`hint: ${hint}`])].join('\n')).toBe(text);
			expect(wire).toMatchObject({ code, exit, data });
		}
	});

	it('has a number, and the same exit code as the others with that number', () => {
		const exits = new Map<string, number>();
		for (const { number, exit } of Object.values(errors) as ErrorEntry<never>[]) {
			expect(number).toMatch(/^E\d{3}$/);
			expect(exits.get(number) ?? exit).toBe(exit);
			exits.set(number, exit);
		}
	});

	it('brings what led to it, outermost first, and no more than eight of that', () => {
		let cause: Error | undefined;
		for (let depth = 12; depth > 0; depth--) cause = new Error(`cause ${depth}`, { cause });
		expect(toWireError(new OrchError('internal', {}, { cause })).causes).toEqual(
			Array.from({ length: 8 }, (_, at) => `cause ${at + 1}`),
		);
	});
});
