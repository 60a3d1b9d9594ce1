/** What customers call: takes orders, hands them on, answers at once. */
import { createServer } from 'node:http';
import { send } from './messages.mjs';

const port = Number(process.env.WEB_PORT);
let last = 0;

const server = createServer((request, response) => {
	const answer = (status, body) =>
		response.writeHead(status, { 'content-type': 'application/json' }).end(`${JSON.stringify(body)}\n`);
	if (request.url === '/health') return answer(200, { ok: true });
	const match = /^\/orders\/(\w+)$/.exec(request.url ?? '');
	if (request.method !== 'POST' || !match) return answer(404, { error: 'POST /orders/ITEM' });
	const order = { number: ++last, item: match[1] };
	send('Order', order);
	console.log(`order ${order.number}: ${order.item}`);
	return answer(202, order);
});
server.listen(port, '127.0.0.1', () => console.log(`listening on ${port}`));
process.on('SIGTERM', () => {
	server.close(() => process.exit(0));
	server.closeAllConnections();
});
