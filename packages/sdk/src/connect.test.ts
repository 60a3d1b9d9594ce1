/** From the environment to a connection, with orch and without. */
import { readFileSync } from 'node:fs';
import { describe, expect, expectTypeOf, test } from 'vitest';
import { systemClock } from './clock.ts';
import { connectWith } from './connect.ts';
import { type Connection, version } from './index.ts';

function detached() {
	const said: string[] = [];
	const connection = connectWith({ env: { ORCH_RUNTIME_NAME: 'alone' } }, systemClock, (sentence) => void said.push(sentence));
	return { connection, said };
}

describe('without orch', () => {
	test('a connection says once that it goes nowhere, and takes everything', async () => {
		const { connection, said } = detached();
		expect(said).toEqual([
			'orch: ORCH_IPC_SOCKET is not set, so this program does not run under orch: what it sends goes nowhere',
		]);
		await connection.opened;
		await connection.ready();
		await connection.send('Ping', 1);
		expect(connection.trySend('Ping', 2)).toBe(true);
		expect(connection.on('Ping', () => {})()).toBeUndefined();
		expect([connection.connected, connection.status, connection.runtime.name]).toEqual([false, 'detached', 'alone']);
		expect(connection.counters).toMatchObject({ sent: 0, discarded: 2 });
		await connection.close();
		await connection.closed;
		await expect(connection.send('Ping', 3)).rejects.toMatchObject({ code: 'closed' });
	});

	test('requests are refused, since nobody would answer', async () => {
		const { connection } = detached();
		await expect(connection.request('Add', 1)).rejects.toMatchObject({
			code: 'detached',
			message: 'The request of type "Add" has nobody to go to: this program does not run under orch (ORCH_IPC_SOCKET is not set)',
		});
		await expect(connection.control('daemon.status')).rejects.toMatchObject({ code: 'detached' });
	});

	test('a mistake is a mistake there too', async () => {
		const { connection } = detached();
		await expect(connection.send('', 1)).rejects.toMatchObject({ code: 'invalid_type' });
	});
});

test('a codec that does not exist is refused', () => {
	expect(() => connectWith({ codecs: { Image: 'png' as never } }, systemClock, () => {})).toThrow(
		'There is no codec "png": it is one of json, msgpack, raw',
	);
});

test('a connection is typed by its messages and calls', () => {
	interface Messages {
		Ping: { readonly n: number };
		Image: Uint8Array;
	}
	interface Calls {
		Add: { readonly request: readonly number[]; readonly reply: number };
	}
	type Typed = Connection<Messages, Calls>;
	const check = (connection: Typed) => {
		expectTypeOf(connection.send<'Ping'>)
			.parameter(1)
			.toEqualTypeOf<{ readonly n: number }>();
		connection.on('Ping', (data, { from }) => expectTypeOf([data.n, from] as const).toEqualTypeOf<readonly [number, string]>());
		expectTypeOf(connection.request('Add', [1, 2])).resolves.toBeNumber();
		connection.reply('Add', (numbers) => numbers.length);
		// @ts-expect-error: not the payload of this type
		void connection.send('Ping', 'text');
		// @ts-expect-error: no such type
		void connection.send('Pong', 1);
		// @ts-expect-error: not the reply of this type
		connection.reply('Add', () => 'text');
	};
	expect(check).toBeTypeOf('function');
	const untyped = (connection: Connection) => connection.on('Anything', (data) => expectTypeOf(data).toBeUnknown());
	expect(untyped).toBeTypeOf('function');
});

test('the version that is told is that of the package', () => {
	const { version: published } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
		version: string;
	};
	expect(version).toBe(published);
});
