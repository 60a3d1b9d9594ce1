// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of project files are written so
import { renderProblems } from '@orch/protocol/wire';
import { describe, expect, it } from 'vitest';
import { loadText, type LoadText } from '../testing/load.ts';

const textOf = (text: string, more: LoadText = {}): string => renderProblems(loadText(text, more).problems);
const numbersOf = (text: string, more: LoadText = {}): string[] => loadText(text, more).problems.map(({ number }) => number);

const numbersAndPlaces = (text: string, more: LoadText = {}): string[] =>
	loadText(text, more).problems.map(({ number, at }) => `${number} ${at?.line}:${at?.column}`);

describe('what is said of a project file', () => {
	it('E107: a program that is not there, with the ones that are', () => {
		expect(textOf('runtimes:\n  ping:\n    command: ./bin/pign --fast\n', { missing: ['./bin/pign'] })).toBe(
			`
orch.yaml:3:14: runtime 'ping': ./bin/pign does not exist (looked in /shop)
    1 │ runtimes:
    2 │   ping:
    3 │     command: ./bin/pign --fast
      │              ^^^^^^^^^^^^^^^^^ did you mean: ./bin/ping`.trimStart(),
		);
	});

	it('E113: a circle of needs, whole, every edge with its place', () => {
		const text = `
runtimes:
  api:
    command: node api.js
    needs: [auth]
  auth:
    command: ./auth
    needs: db
  db:
    command: ./db
    needs:
      api: started
`.trimStart();
		expect(textOf(text)).toBe(
			`
orch.yaml: runtimes need each other in a circle
    api  needs  auth     orch.yaml:4:13
    auth needs  db       orch.yaml:7:12
    db   needs  api      orch.yaml:11:7   ← closes the circle
hint: remove one of the three \`needs\``.trimStart(),
		);
		expect(numbersOf(text)).toEqual(['E113']);
	});

	it('E113: a runtime that needs itself, and one circle for each group', () => {
		const text = 'runtimes:\n  a: {command: x, needs: a}\n  b: {command: x, needs: c}\n  c: {command: x, needs: b}\n';
		expect(textOf(text)).toBe(
			`
orch.yaml: runtimes need each other in a circle
    a needs  a     orch.yaml:2:26   ← closes the circle
hint: remove the need

orch.yaml: runtimes need each other in a circle
    b needs  c     orch.yaml:3:26
    c needs  b     orch.yaml:4:26   ← closes the circle
hint: remove one of the two \`needs\``.trimStart(),
		);
	});

	it('E114: a need that is not defined', () => {
		const text = 'runtimes:\n  db:\n    command: ./db\n  auth:\n    command: ./auth\n    needs: [dbb]\n';
		expect(textOf(text)).toBe(
			`
orch.yaml:6:13: runtime 'auth' needs 'dbb', which is not defined
    4 │   auth:
    5 │     command: ./auth
    6 │     needs: [dbb]
      │             ^^^ did you mean: db
hint: define it under runtimes; one of another project is PROJECT/NAME`.trimStart(),
		);
		expect(numbersOf(text)).toEqual(['E114']);
	});

	it('E114: a need that is there only with a profile', () => {
		const text = 'runtimes:\n  db: {command: ./db, profiles: [full]}\n  api:\n    command: ./api\n    needs: db\n';
		expect(textOf(text)).toBe(
			`
orch.yaml:5:12: runtime 'api' needs 'db', which is there only with the profile full
    3 │   api:
    4 │     command: ./api
    5 │     needs: db
      │            ^^
hint: orch up --profile full`.trimStart(),
		);
		expect(textOf(text, { profiles: ['full'] })).toBe('');
	});

	it('E114: a link to and from what is not defined', () => {
		const text =
			'runtimes:\n  ping: {command: x}\n  pong: {command: x}\nlinks:\n  - ping -Ping-> pnog\n  - {from: pign, type: Pong, to: pong}\n';
		expect(textOf(text)).toBe(
			`
orch.yaml:5:5: a link goes to 'pnog', which is not defined
    3 │   pong: {command: x}
    4 │ links:
    5 │   - ping -Ping-> pnog
      │     ^^^^^^^^^^^^^^^^^ did you mean: pong, ping
hint: define it under runtimes; one of another project is PROJECT/NAME

orch.yaml:6:12: a link comes from 'pign', which is not defined
    4 │ links:
    5 │   - ping -Ping-> pnog
    6 │   - {from: pign, type: Pong, to: pong}
      │            ^^^^ did you mean: ping, pong
hint: define it under runtimes; one of another project is PROJECT/NAME`.trimStart(),
		);
	});

	it('E115: a key that does not line up, marked where it stands', () => {
		const text = 'runtimes:\n  api:\n    command: node api.js\n    restart: always\n   ports: 3000\n';
		expect(textOf(text)).toBe(
			`
orch.yaml:5:4: indentation: this key does not line up with the keys above it
    3 │     command: node api.js
    4 │     restart: always
    5 │    ports: 3000
      │    ^ expected column 5, found column 4
hint: orch validate`.trimStart(),
		);
		expect(numbersOf(text)).toEqual(['E115']);
	});

	it.each([
		['a tab', 'runtimes:\n\tapi: x\n', 'orch.yaml:2:1: indentation: YAML takes spaces, this is a tab'],
		['a quote', 'name: "shop\n', 'orch.yaml:1:11: a quote is opened and never closed'],
		['a bracket', 'links: [1, 2\nname: x\n', 'orch.yaml:2:1: a list that was opened by [ is not closed before this'],
		['two documents', 'name: a\n---\nname: b\n', 'orch.yaml:2:1: a second document begins here; a project file is one'],
		[
			'a second colon',
			'name: a: b\n',
			'orch.yaml:1:7: a second `:` in one line: put the value in quotes, or the map on lines of its own',
		],
		['a reserved character', 'name: @shop\n', 'orch.yaml:1:7: a value cannot start with @: put it in quotes'],
		[
			'no colon',
			'runtimes\nname: x\n',
			'orch.yaml:1:1: this is neither a key with a value nor an item of a list: a `:` may be missing',
		],
		['a tag', 'name: !secret x\n', 'orch.yaml:1:7: the tag !secret means nothing here'],
		['a variable in braces', 'env: {A: ${B}}\n', 'orch.yaml:1:10: between { and }, or [ and ], a ${…} must be in quotes'],
		['an alias of nothing', 'name: *shop\n', 'orch.yaml:1:7: *shop names nothing: no anchor &shop stands before it'],
		['a key twice', 'name: a\nname: b\n', "orch.yaml:2:1: the key 'name' stands in this map twice"],
		['a map as a key', '? {a: b}\n: c\n', 'orch.yaml:1:3: a key must be a plain word or a text'],
	])('E115: %s', (_what, text, sentence) => {
		expect(textOf(text).split('\n')[0]).toBe(sentence);
		expect(numbersOf(text)).toEqual(['E115']);
	});

	it('E116: an unknown key, with the one that was meant', () => {
		const text = 'runtimes:\n  api:\n    command: x\n\n    restrat: always\n';
		expect(textOf(text)).toBe(
			`
orch.yaml:5:5: unknown key 'restrat' in runtimes.api
    3 │     command: x
    4 │
    5 │     restrat: always
      │     ^^^^^^^ did you mean: restart
hint: orch explain runtimes`.trimStart(),
		);
		expect(numbersOf(text)).toEqual(['E116']);
	});

	it('E116: words of other tools, translated', () => {
		const text = 'services: {}\nprocesses: {}\nruntimes:\n  api: {cmd: x, command: x, depends_on: [db], replicas: 3}\n';
		expect(textOf(text)).toContain("unknown key 'processes' in the file");
		const notes = loadText(text).problems.map(({ frame }) => frame?.note);
		expect(notes).toEqual(['did you mean: runtimes', 'did you mean: command', 'did you mean: needs', 'did you mean: instances']);
	});

	it('E117: a value that is none of its words', () => {
		const text = 'runtimes:\n  api:\n    command: x\n    restart: alway\n';
		expect(textOf(text)).toBe(
			`
orch.yaml:4:14: runtimes.api.restart is 'alway'; it must be one of: no, on-failure, always
    2 │   api:
    3 │     command: x
    4 │     restart: alway
      │              ^^^^^ did you mean: always`.trimStart(),
		);
		expect(numbersOf(text)).toEqual(['E117']);
	});

	it.each([
		['env: [A=1]', 'env is a list; it must be a map'],
		['runtimes: {a: {command: x, ports: 70000}}', 'runtimes.a.ports is 70000; it must be a port, or a list of ports'],
		['runtimes: {a: {command: x, ports: [0]}}', 'runtimes.a.ports[0] is 0; it must be a port, from 1 to 65535'],
		[
			'runtimes: {a: {command: x, stop: {grace: 10}}}',
			'runtimes.a.stop.grace is 10; it must be a duration with its unit, such as 500ms, 10s, 1m30s or 2h',
		],
		[
			'runtimes: {a: {command: x, limits: {memory: lots}}}',
			"runtimes.a.limits.memory is 'lots'; it must be a size, such as 65536, 64k, 512M or 1GB",
		],
		[
			'runtimes: {a: {command: x, needs: {b: reddy}}}',
			"runtimes.a.needs.b is 'reddy'; it must be one of: started, ready, succeeded",
		],
		['runtimes: {a: {command: x, priority: urgent}}', "runtimes.a.priority is 'urgent'; it must be one of: high, normal, low"],
		['runtimes: {a: {command: x, privileged: yes}}', "runtimes.a.privileged is 'yes'; it must be true or false"],
		['runtimes: {a: {command: x, instances: 1.5}}', 'runtimes.a.instances is 1.5; it must be a whole number from 1 to 1000'],
		[
			'runtimes: {a: {command: }}',
			'runtimes.a.command is empty; it must be a command: a text that is split at spaces (quotes keep words together), or a list of words',
		],
		['version: 2', 'version is 2; it must be 1'],
		['links: [ping to pong]', "links[0] is 'ping to pong'; it must be FROM -TYPE-> TO, or a map with from, type and to"],
		['runtimes: {a b: {command: x}}', "'a b' cannot be a name in runtimes"],
		['env: {1A: x}', "'1A' cannot be a name in env"],
		['runtimes: {a: {command: x, env: {"f(()": x}}}', "'f(()' cannot be a name in runtimes.a.env"],
		['just a text', "the file is 'just a text'; it must be a map"],
	])('E117: %s', (text, sentence) => {
		const [first] = loadText(text).problems;
		expect(first).toMatchObject({ number: 'E117', message: sentence });
	});

	it.each([
		['a && b', "runtimes.a.command: the command cannot be used: '&&' means something to a shell only, and none is involved"],
		["a 'b", "runtimes.a.command: the command cannot be used: the ' in it is never closed"],
	])('E117: a command that no program would understand: %s', (command, message) => {
		const text = `runtimes:\n  a:\n    command: ${command}\n`;
		expect(loadText(text).problems).toMatchObject([{ number: 'E117', message }]);
		expect(loadText(`${text}    shell: true\n`).problems).toEqual([]);
	});

	it('what is not there, or cannot be, on this machine: each in its place', () => {
		const text = `
env_file: nofile
defaults: {watch: nodir/src}
runtimes:
  a:
    command: x
    cwd: nodir
    env_file: [there, nofile]
    user: nosuch
    schedule: "61 * * * *"
    stop: SIGFOO
    probes: {ready: "exec:./nope.sh"}
  b:
    command: x
    watch: {paths: [there, late, nodir/src]}
    schedule: {cron: "@daily", time_zone: Mars/X}
    stop: {signal: USR9, command: "./nope.sh now"}
    probes: {live: {exec: [./nope.sh]}}
`.trimStart();
		const missing = ['/shop/nofile', '/shop/nodir', '/shop/nodir/src', '/shop/late', 'nosuch', './nope.sh'];
		expect(
			loadText(text, { missing }).problems.map(({ number, message, at }) => `${number} ${at?.line}:${at?.column} ${message}`),
		).toEqual([
			'E204 1:11 env_file: there is no file /shop/nofile',
			'E204 2:19 runtimes.a.watch: there is no /shop/nodir/src',
			'E139 6:10 runtimes.a.cwd: there is no directory /shop/nodir',
			'E204 7:15 runtimes.a.env_file: there is no file /shop/nofile',
			"E182 8:11 runtimes.a.user: this system has no user 'nosuch'",
			"E181 9:15 runtimes.a.schedule: '61 * * * *' is no cron expression",
			'E117 10:11 runtimes.a.stop: this system has no signal SIGFOO',
			"E107 11:21 runtime 'a': ./nope.sh does not exist (looked in /shop/nodir)",
			'E204 14:12 runtimes.b.watch: there is no /shop/nodir/src',
			"E181 15:15 runtimes.b.schedule: there is no time zone 'Mars/X'",
			'E117 16:11 runtimes.b.stop: this system has no signal SIGUSR9',
			"E107 16:35 runtime 'b': ./nope.sh does not exist (looked in /shop)",
			"E107 17:20 runtime 'b': ./nope.sh does not exist (looked in /shop)",
		]);
	});

	it('E117: probes that look at nothing, at two things, or cannot look', () => {
		const text = `
runtimes:
  a:
    command: x
    probes:
      startup: {every: 1s}
      ready: {http: ":80", tcp: 80}
      live: "log:("
`.trimStart();
		expect(loadText(text).problems.map(({ message }) => message)).toEqual([
			'runtimes.a.probes.startup: a probe is one of http, tcp, exec, log, notify; here is none',
			'runtimes.a.probes.ready: a probe is one of http, tcp, exec, log, notify; here is http and tcp',
			"runtimes.a.probes.live: '(' is no regular expression: Unterminated group",
		]);
	});

	it('E117: a type that cannot be called so, in a link or for its schema', () => {
		const long = 'ö'.repeat(128);
		const text = `runtimes: {a: {command: x}}
links:
  - a -${long}-> a
  - {from: a, to: a, type: [Ping, "b\\u0085c"]}
types: {${long}: {type: object}}
`;
		const fault = 'the name of this type of messages';
		expect(loadText(text).problems.map(({ message, at }) => `${at?.line}:${at?.column} ${message}`)).toEqual([
			`3:5 ${fault} takes 256 bytes, at most 255 are possible`,
			`4:28 ${fault} holds control characters`,
			`5:9 ${fault} takes 256 bytes, at most 255 are possible`,
		]);
	});

	it('E117: a type that is no JSON Schema', () => {
		expect(textOf('types:\n  Order:\n    type: strng\n')).toBe(
			`
orch.yaml:2:3: types.Order is no JSON Schema: type must be equal to one of the allowed values
    1 │ types:
    2 │   Order:
      │   ^^^^^`.trimStart(),
		);
	});

	it('E200: a key that is missing, at the thing that lacks it', () => {
		expect(textOf('runtimes:\n  api:\n    restart: always\n')).toBe(
			`
orch.yaml:2:3: runtimes.api lacks 'command'
    1 │ runtimes:
    2 │   api:
      │   ^^^
hint: orch explain runtimes.command`.trimStart(),
		);
	});

	it('E201: a variable that is not set, or needed', () => {
		const text = 'env:\n  A: "http://${HOSTT}:80"\n  B: ${KEY:?the key of the shop}\n  C: $${HOME}\n  D: ${HOST:-x}\n';
		expect(textOf(text, { environment: { HOST: 'h' } })).toBe(
			`
orch.yaml:2:14: the variable HOSTT is not set
    1 │ env:
    2 │   A: "http://\${HOSTT}:80"
      │              ^^^^^^^^ did you mean: HOST
hint: export HOSTT=…, put it into .env, or give a default: \${HOSTT:-…}

orch.yaml:3:6: the variable KEY is needed: the key of the shop
    1 │ env:
    2 │   A: "http://\${HOSTT}:80"
    3 │   B: \${KEY:?the key of the shop}
      │      ^^^^^^^^^^^^^^^^^^^^^^^^^^^
hint: export KEY=…, put it into .env, or give a default: \${KEY:-…}`.trimStart(),
		);
	});

	it('E115: a key that stands twice hides nothing else', () => {
		const text = `
runtimes:
  a:
    command: x
    restrat: always
    command: y
  b:
    command: x
    needs: c
  b:
    command: ./nope.sh
    needs: d
`.trimStart();
		expect(numbersAndPlaces(text, { missing: ['./nope.sh'] })).toEqual([
			'E116 4:5',
			'E115 5:5',
			'E115 9:3',
			'E107 10:14',
			'E114 11:12',
		]);
		// but where it is no YAML at all, everything would
		expect(numbersAndPlaces(`${text}  c: [`)).toEqual(['E115 5:5', 'E115 9:3', 'E115 12:7']);
	});

	it('E202: links, instances, runners and steps that are there twice', () => {
		const text = `
runtimes:
  api: {command: x, instances: 2}
  api-1: {command: x}
links:
  - api -Ping-> api-1
  - from: api
    type: [Ping]
    to: [api-1]
runners:
  - {name: a, config: a.yaml}
  - {name: b, config: b.yaml, basePath: /}
workflows:
  w:
    steps:
      - {id: x, run: a}
      - {id: x, run: b}
`.trimStart();
		expect(loadText(text).problems.map(({ number, message, at }) => `${number} ${at?.line}:${at?.column} ${message}`)).toEqual([
			"E202 3:3 'api-1' is also an instance of 'api' (line 2)",
			'E202 6:5 api ─Ping→ api-1 is linked already (line 5)',
			"E202 11:41 the base path / is taken by the runner 'a'",
			"E202 16:14 the id 'x' is taken by an earlier step",
		]);
	});

	it('E203: a profile that the files do not know', () => {
		const text = 'profiles:\n  dev: {}\nruntimes:\n  a: {command: x, profiles: [debug]}\n';
		expect(textOf(text, { profiles: ['debg'] })).toBe("no profile 'debg'\n    did you mean: debug, dev");
		expect(textOf(text, { profiles: ['production'] })).toBe("no profile 'production'\n    the profiles are: dev, debug");
		expect(textOf('name: a', { profiles: ['x'] })).toBe("no profile 'x'\n    the file names no profiles");
	});

	it('E204: files that are not there, or empty', () => {
		expect(textOf('', {})).toBe('orch.yaml is empty\nhint: orch init writes one to start from');
		expect(textOf('# nothing yet\n')).toContain('orch.yaml is empty');
		expect(textOf('name: a', { load: ['orch.yaml', 'more.yaml'] })).toBe(
			'cannot read more.yaml: there is no such file\nhint: orch init',
		);
		expect(textOf('workflows:\n  w: ./flows/w.yaml\n')).toBe(
			`
orch.yaml:2:6: cannot read ./flows/w.yaml: there is no such file
    1 │ workflows:
    2 │   w: ./flows/w.yaml
      │      ^^^^^^^^^^^^^^`.trimStart(),
		);
	});

	it('E205: too large, too deep, too many, aliases counted as often as they are used', () => {
		expect(numbersOf(`name: ${'x'.repeat(1024 * 1024)}`)).toEqual(['E205']);
		expect(numbersOf(`types: {A: ${'['.repeat(100)}${']'.repeat(100)}}`)).toEqual(['E205']);
		expect(numbersOf(`types: ${'['.repeat(20_000)}${']'.repeat(20_000)}`)).toEqual(['E205']);
		const laughs = ['a: &a [x, x, x, x, x, x, x, x, x, x]'];
		for (const [name, before] of ['ba', 'cb', 'dc', 'ed', 'fe', 'gf', 'hg', 'ih']) {
			laughs.push(`${name}: &${name} [${Array.from({ length: 10 }, () => `*${before}`).join(', ')}]`);
		}
		expect(numbersOf(laughs.join('\n'))).toEqual(['E205']);
	});

	it('says everything that is wrong at once, in the order of the files', () => {
		const text = `
name: a shop
runtimes:
  api:
    command: node api.js
    restrat: always
    needs: [dbb, ghost]
  db: {}
  a: {command: x, needs: b}
  b: {command: x, needs: a}
links:
  - api -Ping-> nobody
env:
  KEY: \${NOT_SET}
`.trimStart();
		expect(loadText(text).problems.map(({ number, at }) => `${number}:${at?.line}`)).toEqual([
			'E117:1',
			'E116:5',
			'E114:6',
			'E114:6',
			'E200:7',
			'E113:8',
			'E114:11',
			'E201:13',
		]);
	});

	it('shows twenty and counts the others', () => {
		const keys = Array.from({ length: 27 }, (_, index) => `key${index}: 1`).join('\n');
		expect(textOf(keys).endsWith('\n\nand 7 more')).toBe(true);
	});

	it('marks the right column behind wide and odd characters', () => {
		const problems = loadText('runtimes: {"😀é": 1, a: {command: x, restart: alway}}\n').problems;
		expect(problems.map(({ at }) => at?.column)).toEqual([12, 46]);
	});
});
