import { plain } from '@orch/base/text';
import { describe, expect, it } from 'vitest';
import type { CheckedLink, CheckedProject, CheckedRuntime } from '../project/check-module.ts';
import { graphDot } from './dot.ts';
import { declaredGraph, type Graph } from './graph.ts';
import { graphMermaid } from './mermaid.ts';
import { graphText } from './text.ts';

const both = { needs: true, links: true };

/** `web: api(ready) cache(started)`. */
function declared(runtimes: Readonly<Record<string, string>>, links: readonly CheckedLink[] = []): Graph {
	const all = Object.entries(runtimes).map(([name, needs]): CheckedRuntime => {
		const [, group] = /^(.*)-\d+$/.exec(name) ?? [];
		return {
			name,
			env: {},
			...(group === undefined ? {} : { group: { name: group } }),
			needs: [...needs.matchAll(/(\S+)\((\w+)\)/g)].map(([, runtime = '', condition = '']) => ({ runtime, condition })),
		};
	});
	return declaredGraph({
		name: 'shop',
		directory: '/shop',
		files: [],
		profiles: [],
		inactive: [],
		definitions: {},
		runtimes: new Map(all.map((each) => [each.name, each])),
		links: new Map(links.map((link, index) => [String(index), link])),
	} satisfies CheckedProject);
}

const text = (graph: Graph, shows = both) => graphText(graph, shows, plain);
const shop = declared(
	{
		db: '',
		migrate: 'db(ready)',
		api: 'db(ready) migrate(succeeded)',
		'worker-1': 'api(started)',
		'worker-2': 'api(started)',
		web: 'api(ready) worker-1(started) worker-2(started)',
		alone: '',
	},
	[
		{ from: 'api', type: 'Job', to: 'worker-1' },
		{ from: 'api', type: 'Job', to: 'worker-2' },
		{ from: 'worker-1', type: 'Done', to: 'api' },
		{ from: '*', type: 'Note', to: 'alone' },
	],
);

describe('who needs whom, as text', () => {
	it('goes down from what nobody needs; what was drawn is not drawn again', () => {
		expect(text(shop, { needs: true, links: false })).toBe(
			`web
├─ api  (ready)
│  ├─ db  (ready)
│  └─ migrate  (succeeded)
│     └─ db  (ready)
└─ worker ×2  (started)
   └─ api  (started)  as above
alone
`,
		);
	});

	it('tells a circle, which by hand can be made', () => {
		expect(text(declared({ a: 'b(started)', b: 'c(started)', c: 'a(started)', top: 'b(ready)' }))).toBe(
			`needs:
top
└─ b  (ready)
   └─ c  (started)
      └─ a  (started)
         └─ b  (started)  needs itself, in a circle
`,
		);
		expect(text(declared({ a: 'a(started)' }))).toBe('needs:\na\n└─ a  (started)  needs itself, in a circle\n');
	});

	it('draws what is needed from elsewhere', () => {
		expect(text(declared({ a: 'other/db(ready)' }), { needs: true, links: false })).toBe('a\n└─ other/db  (ready)\n');
	});

	it('takes no longer for many ways to the same thing', () => {
		// each needs both of the layer below: 2^40 ways, 80 nodes
		const layers = Array.from({ length: 40 }, (_, layer) =>
			['a', 'b'].map((side) => [`${side}${layer}`, layer === 0 ? '' : `a${layer - 1}(ready) b${layer - 1}(ready)`] as const),
		);
		const lines = text(declared(Object.fromEntries(layers.flat())), { needs: true, links: false }).split('\n');
		expect(lines.length).toBeLessThan(200);
	});
});

describe('who sends what to whom, as text', () => {
	it('is told for each sender', () => {
		expect(text(shop, { needs: false, links: true })).toBe(
			`api
└─ Job → worker ×2
worker ×2
└─ Done → api
* (any sender)
└─ Note → alone
`,
		);
	});

	it('tells what flows, in columns, also behind wide letters', () => {
		const flow = (messagesPerSecond: number, dropped = 0, queued = 0) => ({ messagesPerSecond, dropped, queued });
		const graph: Graph = {
			runtimes: ['api', 'worker'].map((name) => ({ name, instances: 1, statuses: { running: 1 } })),
			needs: [],
			links: [
				{ from: 'api', type: 'Job', to: 'worker', flow: flow(12_345) },
				{ from: 'api', type: '注文', to: 'worker', flow: flow(0, 3, 12) },
			],
		};
		expect(text(graph, { needs: false, links: true })).toBe(
			`api
├─ Job → worker   12.3k/s
└─ 注文 → worker  0.0/s  12 waiting  3 dropped
`,
		);
	});
});

describe('for Graphviz', () => {
	it('has needs dashed and links drawn through', () => {
		expect(graphDot(declared({ api: 'db(ready)', db: '' }, [{ from: 'api', type: 'Job', to: 'db' }]), both)).toBe(
			`digraph orch {
  rankdir=LR;
  node [shape=box];
  "api" [label="api"];
  "db" [label="db"];
  "api" -> "db" [style=dashed, label="ready"];
  "api" -> "db" [label="Job"];
}
`,
		);
	});

	it('takes any name for a name', () => {
		const graph = declared({ 'a "b" \\N': '', 'end;}': '', 'zürich 東京': '' }, [
			{ from: 'a "b" \\N', type: 'x\n"]; y [', to: 'end;}' },
		]);
		expect(graphDot(graph, both)).toBe(
			`digraph orch {
  rankdir=LR;
  node [shape=box];
  "a \\"b\\" \\\\N" [label="a \\"b\\" \\\\N"];
  "end;}" [label="end;}"];
  "zürich 東京" [label="zürich 東京"];
  "a \\"b\\" \\\\N" -> "end;}" [label="x\\\\n\\"]; y ["];
}
`,
		);
	});
});

describe('for Mermaid', () => {
	it('has needs dotted and links drawn through', () => {
		const graph = declared({ api: 'db(ready)', db: '' }, [{ from: '*', type: 'Job', to: 'db' }]);
		expect(graphMermaid(graph, both)).toBe(
			`flowchart LR
  n1["api"]
  n2["db"]
  n3["#42;"]
  n1 -. "ready" .-> n2
  n3 -- "Job" --> n2
`,
		);
	});

	it('takes any name for a name', () => {
		const graph = declared({ end: '', 'a "b" <i>&amp;': '', 'zürich 東京': '' }, [
			{ from: 'end', type: '`x`#quot;]-->', to: 'zürich 東京' },
		]);
		expect(graphMermaid(graph, both)).toBe(
			`flowchart LR
  n1["end"]
  n2["a #34;b#34; #60;i#62;#38;amp#59;"]
  n3["zürich 東京"]
  n1 -- "#96;x#96;#35;quot#59;#93;--#62;" --> n3
`,
		);
	});
});
