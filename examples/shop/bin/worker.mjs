/** Does the work of an order: packs it, and says so. */
import { onMessage, send } from './messages.mjs';

onMessage('Order', ({ number, item }) => {
	console.log(`packed ${item} for order ${number}`);
	send('Packed', { number, item, wrapping: process.env.WRAPPING });
});
process.on('SIGTERM', () => process.exit(0));
console.log('waiting for orders');
