import { OrchError } from '@orch/protocol';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type FakeDaemon, startFakeDaemon } from '../testing/fake-daemon.ts';
import { runCli } from '../testing/run-cli.ts';

let daemon: FakeDaemon;
beforeEach(async () => {
	daemon = await startFakeDaemon();
	const needs = (runtime: string) => ({ options: { project: 'shop', needs: [{ runtime, condition: 'ready' as const }] } });
	daemon.addRuntime('shop/db', { status: 'running', options: { project: 'shop' } });
	daemon.addRuntime('shop/api', { status: 'failed', ...needs('shop/db') });
	for (const index of [1, 2])
		daemon.addRuntime(`shop/worker-${index}`, {
			status: index === 1 ? 'running' : 'backoff',
			group: { name: 'shop/worker', index },
			...needs('shop/api'),
		});
	daemon.addRuntime('other', { status: 'stopped' });
	const counters = { received: 1, delivered: 1, deliveredBytes: 1, dropped: { full: 2 }, queued: 3, queuedBytes: 9, inFlight: 0 };
	daemon.addLink('shop/api', 'Job', 'shop/worker-1', { counters });
	daemon.addLink('shop/api', 'Job', 'shop/worker-2');
	daemon.addLink('*', 'Note', 'other');
});
afterEach(() => daemon[Symbol.asyncDispose]());
const orch = (line: string) => runCli(line.split(' '), { socket: daemon.socket });

it('draws what is there, with how it is', async () => {
	expect(await orch('graph')).toEqual({
		code: 0,
		err: '',
		out: `needs:
shop/worker ×2  1 running, 1 backoff
└─ shop/api  (ready)  failed
   └─ shop/db  (ready)  running
other  stopped

links:
shop/api
└─ Job → shop/worker ×2  4.0/s  3 waiting  2 dropped
* (any sender)
└─ Note → other          2.0/s
`,
	});
});

it('draws one project, one half, in another language', async () => {
	expect((await orch('graph shop --deps -o dot')).out).toBe(`digraph orch {
  rankdir=LR;
  node [shape=box];
  "shop/db" [label="shop/db\\nrunning"];
  "shop/api" [label="shop/api\\nfailed"];
  "shop/worker" [label="shop/worker ×2\\n1 running, 1 backoff"];
  "shop/api" -> "shop/db" [style=dashed, label="ready"];
  "shop/worker" -> "shop/api" [style=dashed, label="ready"];
}
`);
	expect((await orch('link graph -o mermaid -p shop')).out).toBe(`flowchart LR
  n1["shop/db<br/>running"]
  n2["shop/api<br/>failed"]
  n3["shop/worker ×2<br/>1 running, 1 backoff"]
  n2 -- "Job<br/>4.0/s, 2 dropped" --> n3
`);
	expect(JSON.parse((await orch('graph shop -o json')).out)).toEqual({
		runtimes: [
			{ name: 'shop/db', instances: 1, statuses: { running: 1 } },
			{ name: 'shop/api', instances: 1, statuses: { failed: 1 } },
			{ name: 'shop/worker', instances: 2, statuses: { running: 1, backoff: 1 } },
		],
		needs: [
			{ from: 'shop/api', to: 'shop/db', condition: 'ready' },
			{ from: 'shop/worker', to: 'shop/api', condition: 'ready' },
		],
		links: [{ from: 'shop/api', type: 'Job', to: 'shop/worker', flow: { messagesPerSecond: 4, dropped: 2, queued: 3 } }],
	});
});

it('says which format is none, and which project is not there', async () => {
	expect(await orch('graph -o svg')).toMatchObject({ code: 2, err: expect.stringContaining('one of: ascii, table, mermaid') });
	expect(await orch('graph sohp')).toMatchObject({ code: 4 });
	expect(await orch('graph shop -f orch.yaml')).toMatchObject({ code: 2 });
	expect(await orch('graph shop -p other')).toMatchObject({
		code: 2,
		out: '',
		err: expect.stringContaining('shop and -p other are two projects'),
	});
	expect(await orch('graph shop -p shop')).toMatchObject({ code: 0 });
	// and elsewhere -o has its own formats
	expect(await orch('link list -o dot')).toMatchObject({ code: 2, err: expect.stringContaining('one of: table, wide') });
});

it('draws the links also while the router does not tell how they are', async () => {
	const restore = daemon.override('link.stats', async () => {
		throw new OrchError('router.unavailable', { reason: 'it is being started' });
	});
	expect((await orch('link graph')).out).toContain('└─ Job → shop/worker ×2\n');
	restore();
});
