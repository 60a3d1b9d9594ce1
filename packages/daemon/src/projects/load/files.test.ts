// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of project files are written so
import { describe, expect, it } from 'vitest';
import { linkKey } from '../declaration.ts';
import { loadText, type LoadText } from '../testing/load.ts';

const projectOf = (text: string, more: LoadText = {}) => {
	const { project, problems } = loadText(text, more);
	if (!project) throw new Error(`Cannot load: ${problems.map(({ message }) => message).join('; ')}`);
	return project;
};
const runtimeOf = (text: string, more: LoadText = {}) =>
	projectOf(`runtimes:\n  a:\n    command: x\n${text}`, more).runtimes.get('shop/a');

describe('a project file', () => {
	it('says nothing, and every default holds', () => {
		expect(runtimeOf('')).toEqual({
			name: 'shop/a',
			project: 'shop',
			program: '/usr/bin/x',
			args: [],
			cwd: '/shop',
			env: { PATH: '/usr/bin' },
			priority: 'normal',
			privileged: false,
			restart: {
				when: 'on-failure',
				firstMs: 500,
				capMs: 30_000,
				failures: 5,
				withinMs: 60_000,
				retryEveryMs: null,
				healthyMs: 60_000,
			},
			stop: { signal: 'SIGTERM', graceMs: 10_000 },
		});
	});

	it('says everything that a runtime may be given', () => {
		const text = `
name: kiosk
env: { REGION: eu }
env_file: base.env
runtimes:
  db: { command: ./db }
  api:
    description: what customers call
    command: node "my server.js" --port 80
    cwd: api
    env: { VERSION: 1.10, DEBUG: true, EMPTY: , REGION: us }
    env_file: [secrets.env, /etc/api.env]
    restart: { when: always, first: 1s, cap: 1m30s, give_up: 3/10s, retry_every: 5m, healthy: 2m, success_exit_codes: [0, 3] }
    stop: { signal: INT, grace: 1.5s, command: [curl, -X, POST, ":80/stop"], command_timeout: 3s }
    probes:
      startup: { log: { pattern: "listening on \\\\d+", stream: stderr }, timeout: 20s }
      ready: { http: { url: ":80/health", headers: { X-Key: k }, statuses: [200] }, every: 500ms, failures: 2, successes: 2, delay: 1s }
      live: tcp:localhost:80
    needs: { db: { condition: started, on_restart: restart }, other/cache: ready }
    ports: [80, 443]
    limits: { memory: 512M }
    schedule: { cron: "0 3 * * *", time_zone: Europe/Berlin, action: restart, overlap: skip }
    watch: { paths: [src, /etc/api], ignore: ["**/*.tmp"], quiet: 1s }
    output: { max: 10M, segment: 1MB }
    priority: high
    privileged: true
    labels: { team: shop, tier: 1 }
    user: 1000
    umask: 027
    autostart: false
    x-note: whatever
`;
		expect(projectOf(text).runtimes.get('kiosk/api')).toEqual({
			name: 'kiosk/api',
			project: 'kiosk',
			program: '/usr/bin/node',
			args: ['my server.js', '--port', '80'],
			cwd: '/shop/api',
			env: { PATH: '/usr/bin', REGION: 'us', VERSION: '1.10', DEBUG: 'true', EMPTY: '' },
			envFiles: ['/shop/base.env', '/shop/secrets.env', '/etc/api.env'],
			restart: {
				when: 'always',
				firstMs: 1000,
				capMs: 90_000,
				failures: 3,
				withinMs: 10_000,
				retryEveryMs: 300_000,
				healthyMs: 120_000,
				successExitCodes: [0, 3],
			},
			stop: { signal: 'SIGINT', graceMs: 1500, command: ['curl', '-X', 'POST', ':80/stop'], commandMs: 3000 },
			probes: {
				startup: { check: { kind: 'log', pattern: 'listening on \\d+', stream: 'stderr' }, timeoutMs: 20_000 },
				ready: {
					check: { kind: 'http', url: 'http://127.0.0.1:80/health', headers: { 'X-Key': 'k' }, statuses: [200] },
					everyMs: 500,
					failures: 2,
					successes: 2,
					delayMs: 1000,
				},
				live: { check: { kind: 'tcp', host: 'localhost', port: 80 } },
			},
			needs: [
				{ runtime: 'kiosk/db', condition: 'started', onRestart: 'restart' },
				{ runtime: 'other/cache', condition: 'ready' },
			],
			ports: [80, 443],
			limits: { memoryBytes: 512 * 1024 * 1024 },
			schedule: { cron: '0 3 * * *', timeZone: 'Europe/Berlin', action: 'restart', overlap: 'skip' },
			watch: { paths: ['/shop/src', '/etc/api'], ignore: ['**/*.tmp'], quietMs: 1000 },
			output: { maxBytes: 10 * 1024 * 1024, segmentBytes: 1_000_000 },
			priority: 'high',
			privileged: true,
			labels: { team: 'shop', tier: '1' },
			user: '1000',
			umask: '027',
			autostart: false,
		});
	});

	it.each([
		['    restart: no\n', { restart: { when: 'no' } }],
		['    restart: { give_up: never, retry_every: never }\n', { restart: { failures: 0, retryEveryMs: null } }],
		['    stop: SIGHUP\n', { stop: { signal: 'SIGHUP', graceMs: 10_000 } }],
		['    stop: { grace: 0 }\n', { stop: { graceMs: 0 } }],
		['    ports: 80\n', { ports: [80] }],
		['    output: 65536\n', { output: { maxBytes: 65_536 } }],
		['    watch: src\n', { watch: { paths: ['/shop/src'] } }],
		['    schedule: "@hourly"\n', { schedule: { cron: '@hourly', action: 'start' } }],
		['    probes: { ready: "http://[::1]:1/" }\n', { probes: { ready: { check: { kind: 'http', url: 'http://[::1]:1/' } } } }],
		['    probes: { ready: notify }\n', { probes: { ready: { check: { kind: 'notify' } } } }],
		['    probes: { ready: { notify: true } }\n', { probes: { ready: { check: { kind: 'notify' } } } }],
		[
			'    probes: { ready: "exec:test -f \'a b\'" }\n',
			{ probes: { ready: { check: { kind: 'exec', command: ['test', '-f', 'a b'] } } } },
		],
		['    probes: { ready: "log:up: \\\\d" }\n', { probes: { ready: { check: { kind: 'log', pattern: 'up: \\d' } } } }],
		['    probes: { ready: { tcp: 5432 } }\n', { probes: { ready: { check: { kind: 'tcp', port: 5432 } } } }],
	])('takes the short form of what is mostly one thing: %s', (text, expected) => {
		expect(runtimeOf(text)).toMatchObject(expected);
	});

	it('takes needs as a name, a list, names with conditions, or a map', () => {
		const needsOf = (given: string) =>
			projectOf(
				`runtimes:\n  db: {command: x, probes: {ready: notify}}\n  mq: {command: x}\n  a:\n    command: x\n    needs: ${given}\n`,
			).runtimes.get('shop/a')?.needs;
		const db = { runtime: 'shop/db', condition: 'ready' };
		expect(needsOf('db')).toEqual([db]);
		// of one that nobody can tell it of, started is enough
		expect(needsOf('mq')).toEqual([{ runtime: 'shop/mq', condition: 'started' }]);
		expect(needsOf('[db, mq:started]')).toEqual([db, { runtime: 'shop/mq', condition: 'started' }]);
		expect(needsOf('{db: ready, mq: succeeded}')).toEqual([db, { runtime: 'shop/mq', condition: 'succeeded' }]);
	});

	it('gives a line to a shell only where it says so', () => {
		expect(runtimeOf('    shell: true\n')).toMatchObject({ program: '/bin/sh', args: ['-c', 'x'] });
		expect(runtimeOf('    shell: bash\n')).toMatchObject({ program: '/usr/bin/bash', args: ['-c', 'x'] });
		const list = projectOf('runtimes:\n  a:\n    command: [echo, "a && b", 1.0]\n').runtimes.get('shop/a');
		expect(list).toMatchObject({ program: '/usr/bin/echo', args: ['a && b', '1.0'] });
	});

	it('makes instances, and links and needs of all of them', () => {
		const project = projectOf(`
runtimes:
  web: {command: x, instances: 2}
  db: {command: x, needs: web}
links:
  - db -Row-> web
  - {from: "*", type: [A, B], to: [db], queue: 10, overflow: latest, while_down: block}
`);
		expect([...project.runtimes.keys()]).toEqual(['shop/web-1', 'shop/web-2', 'shop/db']);
		expect(project.runtimes.get('shop/web-2')).toMatchObject({ name: 'shop/web-2', group: { name: 'shop/web', index: 2 } });
		expect(project.runtimes.get('shop/db')?.needs?.map(({ runtime }) => runtime)).toEqual(['shop/web-1', 'shop/web-2']);
		const link = { messages: 1024, bytes: 8 * 1024 * 1024, overflow: 'block', whileDown: 'drop' };
		expect([...project.links.values()]).toEqual([
			{ from: 'shop/db', type: 'Row', to: 'shop/web-1', ...link },
			{ from: 'shop/db', type: 'Row', to: 'shop/web-2', ...link },
			{ ...link, from: '*', type: 'A', to: 'shop/db', messages: 10, overflow: 'latest', whileDown: 'block' },
			{ ...link, from: '*', type: 'B', to: 'shop/db', messages: 10, overflow: 'latest', whileDown: 'block' },
		]);
	});

	it('gives defaults to every runtime, which each may overrule; variables and labels add up', () => {
		const project = projectOf(`
defaults: {restart: always, cwd: lib, env: {A: 1, B: 1}, labels: {x: 1}}
env: {A: 0, Z: 0}
runtimes:
  a: {command: x}
  b: {command: x, restart: no, cwd: ., env: {B: 2}, labels: {y: 2}}
`);
		expect(project.runtimes.get('shop/a')).toMatchObject({
			restart: { when: 'always' },
			cwd: '/shop/lib',
			env: { A: '1', B: '1', Z: '0' },
			labels: { x: '1' },
		});
		expect(project.runtimes.get('shop/b')).toMatchObject({
			restart: { when: 'no' },
			cwd: '/shop',
			env: { A: '1', B: '2', Z: '0' },
			labels: { x: '1', y: '2' },
		});
	});

	it('is called by its name, else by its directory, else as it was asked to be', () => {
		expect(projectOf('version: 1\nruntimes: {}').name).toBe('shop');
		expect(projectOf('name: kiosk').name).toBe('kiosk');
		expect(projectOf('name: kiosk', { name: 'stand' }).name).toBe('stand');
	});

	it('takes anchors, and the merge keys of older YAML', () => {
		const project = projectOf(`
x-base: &base
  restart: always
  env: {A: 1}
runtimes:
  a: {<<: *base, command: x, restart: no}
  b:
    <<: [*base]
    command: y
`);
		expect(project.runtimes.get('shop/a')).toMatchObject({ restart: { when: 'no' }, env: { A: '1' } });
		expect(project.runtimes.get('shop/b')).toMatchObject({ restart: { when: 'always' } });
	});
});

describe('variables', () => {
	const environment = { PORT: '80', EMPTY: '', HOST: 'h' };
	const expanded = (text: string) => runtimeOf(`    env:\n      V: ${text}\n`, { environment })?.env['V'];

	it.each([
		['"${HOST}:${PORT}"', 'h:80'],
		['${NONE:-d}', 'd'],
		['${EMPTY:-d}', 'd'],
		['${EMPTY-d}', ''],
		['${NONE-${HOST}x}', 'hx'],
		['${HOST:+yes}', 'yes'],
		['${NONE:+yes}', ''],
		['${EMPTY+yes}', 'yes'],
		['$${HOST} $$ $HOST $', '${HOST} $ $HOST $'],
		["'${{ inputs.x }}'", '${{ inputs.x }}'],
		['${PORT:?}', '80'],
	])('in %s give %j', (text, expected) => {
		expect(expanded(text)).toBe(expected);
	});

	it('become numbers where they stand without quotes and a number is needed', () => {
		expect(loadText('env: [${PORT}]\n').problems[0]?.message).toBe('between { and }, or [ and ], a ${…} must be in quotes');
		expect(runtimeOf('    ports:\n      - ${PORT}\n', { environment })?.ports).toEqual([80]);
		expect(loadText('runtimes:\n  a:\n    command: x\n    ports:\n      - "${PORT}"\n', { environment }).problems).toHaveLength(
			1,
		);
	});

	it('come from .env where the environment has none', () => {
		const files = { '/shop/.env': '# ours\nexport HOST="a\\nb" # said\nPORT=1\nNAME=\'x y\'\n' };
		const project = projectOf('env:\n  A: ${HOST}\n  B: ${PORT}\n  C: ${NAME}\nruntimes:\n  a:\n    command: x\n', {
			files,
			environment: { PORT: '80' },
		});
		expect(project.runtimes.get('shop/a')?.env).toMatchObject({ A: 'a\nb', B: '80', C: 'x y' });
		expect(project.variables).toEqual(['HOST', 'NAME', 'PORT']);
		expect(project.files).toEqual(['/shop/orch.yaml', '/shop/.env']);
	});

	it('say where .env cannot be read', () => {
		const { problems } = loadText('name: a', { files: { '/shop/.env': 'A=1\nwhat\nB="open\n' } });
		expect(problems.map(({ at, message }) => `${at?.file}:${at?.line} ${message}`)).toEqual([
			'.env:2 expected NAME=VALUE',
			'.env:3 the " is never closed',
		]);
	});

	it('are left alone in workflows and in types', () => {
		const text = 'types:\n  T: {pattern: "^${A}$$"}\nworkflows:\n  w:\n    steps:\n      - run: echo "${HOME} $$"\n';
		expect(projectOf(text).definitions).toMatchObject({
			types: { T: { pattern: '^${A}$$' } },
			workflows: { w: { steps: [{ run: 'echo "${HOME} $$"' }] } },
		});
	});
});

describe('several files', () => {
	const load = ['orch.yaml', 'more.yaml'];

	it('merge maps, replace values and lists, take away what is empty', () => {
		const base =
			'name: kiosk\nruntimes:\n  a: {command: x, env: {A: 1, B: 1, C: 1}, ports: [1, 2], restart: always}\n  b: {command: x}\n';
		const over = 'runtimes:\n  a:\n    env: {B: 2, C: }\n    ports: [3]\n    restart:\n  b:\n  c: {command: z}\n';
		const project = projectOf(base, { files: { '/shop/more.yaml': over }, load });
		expect([...project.runtimes.keys()]).toEqual(['kiosk/a', 'kiosk/c']);
		expect(project.runtimes.get('kiosk/a')).toMatchObject({
			env: { A: '1', B: '2' },
			ports: [3],
			restart: { when: 'on-failure' },
		});
		expect(project.runtimes.get('kiosk/a')?.env).not.toHaveProperty('C');
	});

	it('add links, the same one replacing the earlier', () => {
		const base = 'runtimes: {a: {command: x}, b: {command: x}}\nlinks:\n  - a -X-> b\n  - {from: a, type: Y, to: b, queue: 1}\n';
		const over = 'links:\n  - {from: a, type: Y, to: b, queue: 2}\n  - b -Z-> a\n';
		const project = projectOf(base, { files: { '/shop/more.yaml': over }, load });
		expect([...project.links.values()].map(({ type, messages }) => [type, messages])).toEqual([
			['X', 1024],
			['Y', 2],
			['Z', 1024],
		]);
	});

	it('keep their places in what is wrong', () => {
		const { problems } = loadText('runtimes:\n  a: {command: x}\n', {
			files: { '/shop/more.yaml': '\nruntimes:\n  a: {restart: alway}\n' },
			load,
		});
		expect(problems.map(({ at }) => at)).toEqual([{ file: 'more.yaml', line: 3, column: 16 }]);
	});

	it('all tell their problems', () => {
		const { problems } = loadText('name: "a\n', { files: { '/shop/more.yaml': 'a: 1\na: 2\n' }, load });
		expect(problems.map(({ at }) => at?.file)).toEqual(['orch.yaml', 'more.yaml']);
	});
});

describe('profiles', () => {
	const text = `
profiles:
  dev:
    env: {MODE: dev}
    runtimes:
      a: {command: y, env: {DEBUG: 1}}
      tool: {command: z}
runtimes:
  a: {command: x, env: {A: 1}}
  debug: {command: d, profiles: [debug, dev]}
`;
	it('are laid over the file where they are chosen', () => {
		const project = projectOf(text, { profiles: ['dev'] });
		expect([...project.runtimes.keys()]).toEqual(['shop/a', 'shop/debug', 'shop/tool']);
		expect(project.runtimes.get('shop/a')).toMatchObject({ program: '/usr/bin/y', env: { A: '1', DEBUG: '1', MODE: 'dev' } });
		expect(project.inactive).toEqual([]);
	});

	it('leave out what belongs to others', () => {
		const project = projectOf(text);
		expect([...project.runtimes.keys()]).toEqual(['shop/a']);
		expect(project.inactive).toEqual(['shop/debug']);
		expect([...projectOf(text, { profiles: ['debug'] }).runtimes.keys()]).toEqual(['shop/a', 'shop/debug']);
	});
});

describe('files of other names', () => {
	const loom =
		'name: "My Project Workflow"\non: [push, pull_request]\njobs:\n  build:\n    runs-on: ubuntu-latest\n    steps:\n      - name: Install dependencies\n        run: npm install\n  test:\n    needs: [build]\n    runs-on: ubuntu-latest\n    steps: [{ name: Run tests, run: npm test }]\n';

	it('.loom.yml is a project with one workflow, as it stands', () => {
		const project = projectOf('', { files: { '/shop/.loom.yml': loom }, load: ['.loom.yml'] });
		expect(Object.keys(project.definitions.workflows)).toEqual(['My-Project-Workflow']);
		expect(project.definitions.workflows['My-Project-Workflow']).toMatchObject({
			name: 'My Project Workflow',
			jobs: { test: { needs: ['build'] } },
		});
		expect(project.name).toBe('shop');
		// by what is in it, whatever it is called
		expect(Object.keys(projectOf(loom).definitions.workflows)).toEqual(['My-Project-Workflow']);
	});

	it('.loom.yml tells its problems in its own words', () => {
		const { problems } = loadText('', {
			files: { '/shop/.loom.yml': loom.replace('[build]', '[biuld]').replace('runs-on', 'run-on') },
			load: ['.loom.yml'],
		});
		expect(problems.map(({ message, frame }) => `${message} ${frame?.note}`)).toEqual([
			"unknown key 'run-on' in jobs.build did you mean: runs-on, runs_on",
			"job 'test' needs 'biuld', which is not defined did you mean: build",
		]);
	});

	it('orchestrator.yaml mounts runners, as it stands', () => {
		const text =
			'version: 1\nrunners:\n  - name: echo\n    config: ../rule-loom-runner/config/example.http.yaml\n    basePath: /echo\n  - name: other\n    config: other.yaml\nlogger: {level: debug}\nauth: {token: t, protectMetrics: true}\n';
		const project = projectOf('', { files: { '/shop/orchestrator.yaml': text }, load: ['orchestrator.yaml'] });
		expect(project.definitions.runners).toEqual({
			echo: { config: '/rule-loom-runner/config/example.http.yaml', basePath: '/echo' },
			other: { config: '/shop/other.yaml', basePath: '/' },
		});
	});

	it('workflows may stand in files of their own', () => {
		const files = { '/shop/flows/release.yaml': loom, '/shop/n.yaml': 'steps: [{run: x}]' };
		const asMap = projectOf('workflows:\n  release: flows/release.yaml\n  n: n.yaml\n', { files });
		expect(Object.keys(asMap.definitions.workflows)).toEqual(['release', 'n']);
		expect(asMap.files).toEqual(['/shop/orch.yaml', '/shop/.env', '/shop/flows/release.yaml', '/shop/n.yaml']);
		const asList = projectOf('workflows: [flows/release.yaml, n.yaml]\n', { files });
		expect(Object.keys(asList.definitions.workflows)).toEqual(['My-Project-Workflow', 'n']);
		const { problems } = loadText('workflows: [n.yaml]\n', { files: { '/shop/n.yaml': 'steps: [{run: x, retry: {mx: 1}}]' } });
		expect(problems).toMatchObject([{ message: "unknown key 'mx' in steps[0].retry", at: { file: 'n.yaml', line: 1 } }]);
	});
});

it('links are told apart by all three of their parts', () => {
	expect(linkKey({ from: 'a', type: 'b', to: 'c' })).not.toBe(linkKey({ from: 'a","b', type: '', to: 'c' }));
});
