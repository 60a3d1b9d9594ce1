/** A process that writes numbered verbs until it is killed, and says which number it has done: `writer PATH DRIVER FIRST`. */
import { writeSync } from 'node:fs';
import { silentLogger, systemClock } from '@orch/base';
import { openStore } from '../index.ts';
import { loadableDrivers } from '../sqlite/driver.ts';
import { numberedLimits, numberedVerb } from './numbered-verbs.ts';

const [path = '', name, first] = process.argv.slice(2);
const driver = loadableDrivers().find((one) => one.name === name);
if (driver === undefined) throw new Error(`no driver ${name}`);
writeSync(1, 'opening\n');
const { store, notices } = openStore({ path, clock: systemClock, log: silentLogger, limits: numberedLimits, driver });
if (notices.length > 0) throw new Error(notices.join('\n'));

let n = Number(first);
const turn = () => {
	for (let count = 0; count < 25; count++) {
		numberedVerb(store, n);
		writeSync(1, `${n}\n`);
		n += 1;
	}
	// every now and then something waits for the disk, so that the log is synced and played in meanwhile
	if (n % 4 === 0) void store.settled();
	setImmediate(turn);
};
turn();
