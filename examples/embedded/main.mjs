// orchd within this very program: it makes orchestrator.yaml so, looks at its runners, adds one, and leaves nothing behind.
import { fileURLToPath } from 'node:url';
import { createOrchestrator } from '@orch/daemon';

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const [socket, home] = process.argv.slice(2);

const { registry, listen, close } = await createOrchestrator({
	file: here('orchestrator.yaml'),
	...(home === undefined ? {} : { home }),
});
const shown = ({ id, basePath }) => `${id} at ${basePath}`;
registry.on('change', () => console.log(`runners: ${registry.list().map(shown).join(', ')}`));
const { outcomes } = await listen(socket);
for (const { name, kind } of outcomes) console.log(`${name} is ${kind}`);

const second = await registry.add({ config: here('echo/orch.yaml'), id: 'second', basePath: '/second' });
console.log(`${second.id} is ${second.health.status}`);
await registry.remove('second');

await close();
console.log('closed, with', registry.list().length, 'runners left');
