/** Keeps what was packed in a file, and tells it over HTTP. */
import { appendFileSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { onMessage } from './messages.mjs';

const file = join(process.env.SHOP_DATA, 'packed.jsonl');
const port = Number(process.env.STORE_PORT);

onMessage('Packed', (parcel) => appendFileSync(file, `${JSON.stringify(parcel)}\n`));

const server = createServer((request, response) => {
	if (request.url === '/health') return response.end('ok\n');
	response.writeHead(200, { 'content-type': 'application/jsonl' }).end(readFileSync(file));
});
server.listen(port, '127.0.0.1', () => console.log(`keeping parcels in ${file}`));
process.on('SIGTERM', () => {
	server.close(() => process.exit(0));
	server.closeAllConnections();
});
