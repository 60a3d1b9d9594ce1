// Says that it is ready by a newline on the descriptor that orch hands it, and goes on until it is stopped.
import { writeSync } from 'node:fs';

writeSync(Number(process.env.ORCH_NOTIFY_FD), '\n');
console.log('api is up');
setInterval(() => {}, 60_000);
