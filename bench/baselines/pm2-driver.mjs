/** Does with pm2 what the bench says, through pm2's own interface for programs. */
import { createRequire } from 'node:module';
import { config, say, when } from '../programs/talk.mjs';

// pm2 prints what it does: none of that is for the bench
const pm2 = createRequire(import.meta.url)(config.pm2);
const does = (work) =>
	new Promise((resolve, reject) => {
		work((error) => (error ? reject(error) : resolve()));
	});

await does((done) => pm2.connect(done));
say('ready');
when('start', async () => {
	await does((done) => pm2.start(config.ecosystem, done));
	say('start');
});
when('stop', async () => {
	await does((done) => pm2.stop('all', done));
	say('stop');
});
when('kill', async () => {
	await does((done) => pm2.killDaemon(done));
	say('kill');
});
