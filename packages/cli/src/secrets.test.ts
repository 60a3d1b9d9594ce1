import { describe, expect, it } from 'vitest';
import { maskDeep, maskRuntime, maskSecrets, masked } from './secrets.ts';

describe('secrets', () => {
	it('are values whose name says so, and passwords of addresses', () => {
		expect(maskSecrets({ API_KEY: 'k', PORT: '1', EMPTY_TOKEN: '', DATABASE_URL: 'postgres://u:p@db/x' })).toEqual({
			API_KEY: masked,
			PORT: '1',
			EMPTY_TOKEN: '',
			DATABASE_URL: `postgres://u:${masked}@db/x`,
		});
	});

	it('are found however deep they stand, and everything under headers and auth is one', () => {
		expect(
			maskDeep({
				url: 'http://u:p@x/',
				headers: { Accept: 'text/plain', 'X-Tries': 3 },
				auth: { user: 'ana', pass: 'p', scopes: ['all'], always: true },
				retry: [{ token: 't', password: 7, after: 2 }],
			}),
		).toEqual({
			url: `http://u:${masked}@x/`,
			headers: { Accept: masked, 'X-Tries': masked },
			auth: { user: masked, pass: masked, scopes: [masked], always: true },
			retry: [{ token: masked, password: masked, after: 2 }],
		});
	});

	it('of a field are told by its path', () => {
		expect(maskDeep('old', ['env', 'DB_PASSWORD'])).toBe(masked);
		expect(maskDeep('Bearer t', ['probes', 'ready', 'check', 'headers', 'X-Who'])).toBe(masked);
		expect(maskDeep('always', ['restart', 'when'])).toBe('always');
	});

	it('of a runtime are those of its environment and of its probes; the rest stays as it is', () => {
		const check = { kind: 'http', url: 'http://x/', headers: { Authorization: 'Bearer t' } };
		const shownCheck = { ...check, headers: { Authorization: masked } };
		const labels = { auth: 'none' };
		expect(maskRuntime({ name: 'api', env: { TOKEN: 't' }, options: { labels, probes: { ready: { check } } } })).toEqual({
			name: 'api',
			env: { TOKEN: masked },
			options: { labels, probes: { ready: { check: shownCheck } } },
		});
		const bare = { name: 'api', options: { labels } };
		expect(maskRuntime(bare)).toBe(bare);
	});
});
