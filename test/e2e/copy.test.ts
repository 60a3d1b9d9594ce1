/** `--copy`: a program that is sent to the daemon, which may not see the client's files. */
import { createHash, randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { codeOf, type Orchd, useSandbox } from '../support/index.ts';

const sandbox = useSandbox();
let orchd: Orchd;
beforeAll(async () => {
	orchd = await sandbox.startDaemon();
});

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const kept = () => readdirSync(`${sandbox.home}/binaries`);

/** A script with five megabytes of its own behind its end. */
function bigProgram(): Buffer {
	return Buffer.concat([
		Buffer.from('#!/bin/sh\necho "copied $(wc -c <"$0")"\nexec sleep 1000000\n'),
		Buffer.from(randomBytes(3_750_000).toString('base64')),
	]);
}

describe('runtime add --copy', () => {
	it('sends five megabytes, runs them, keeps them once, and forgets them with the last runtime that uses them', async () => {
		const bytes = bigProgram();
		writeFileSync(sandbox.path('big'), bytes, { mode: 0o755 });
		const first = await sandbox.cli('runtime', 'add', './big', '--copy', '--start');
		expect(first.code).toBe(0);
		// what was sent is what runs: the client's file is needed no more
		rmSync(sandbox.path('big'));
		const [runtime] = await orchd.call('runtime.list', {});
		if (!runtime) throw new Error('no runtime');
		expect(runtime.name).toBe('big');
		await orchd.writes(runtime, `copied ${bytes.length}\n`);
		expect(kept()).toEqual([sha256(bytes)]);
		const file = `${sandbox.home}/binaries/${sha256(bytes)}`;
		expect(statSync(file).mode & 0o777).toBe(0o500);
		expect(sha256(readFileSync(file))).toBe(sha256(bytes));

		writeFileSync(sandbox.path('again'), bytes, { mode: 0o755 });
		expect((await sandbox.cli('runtime', 'add', './again', '--copy')).code).toBe(0);
		expect(kept()).toEqual([sha256(bytes)]);
		await orchd.remove(runtime);
		expect(kept()).toEqual([sha256(bytes)]);
		expect((await sandbox.cli('start', 'again')).code).toBe(0);
		expect((await sandbox.cli('runtime', 'remove', 'again', '--force')).code).toBe(0);
		expect(kept()).toEqual([]);
	});

	it('a name without slash is looked up on PATH, here, and sent', async () => {
		writeFileSync(sandbox.path('tool'), '#!/bin/sh\necho tool\n', { mode: 0o755 });
		const result = await sandbox.cliWith(
			{ env: { PATH: `${sandbox.path()}:${sandbox.env()['PATH']}` } },
			'runtime',
			'add',
			'tool',
			'--copy',
			'-q',
		);
		expect(result.code).toBe(0);
		expect((await sandbox.cli('runtime', 'remove', 'tool')).code).toBe(0);
	});

	it('what was sent is checked like any other program', async () => {
		writeFileSync(sandbox.path('words'), 'just words\n', { mode: 0o755 });
		const result = await sandbox.cli('runtime', 'add', './words', '--copy');
		expect(result).toMatchObject({ code: 8, stdout: '' });
		expect(result.stderr).toContain('neither a binary of this system nor a script');
		expect(await orchd.call('runtime.list', {})).toEqual([]);
	});
});

describe('binary.begin, binary.chunk, binary.commit', () => {
	it('bytes that are not what was announced are refused, and nothing of them is kept', async () => {
		const before = kept();
		const announced = sha256(Buffer.from('what was meant'));
		const { upload, present } = await orchd.call('binary.begin', { size: 14, sha256: announced });
		expect(present).toBe(false);
		await orchd.call('binary.chunk', { upload, offset: 0, bytes: Buffer.from('something else') });
		const failure = await orchd.call('binary.commit', { upload }).catch((error: Error & { code?: string }) => error);
		expect(failure).toMatchObject({ code: 'binary.mismatch' });
		expect((failure as Error).message).toContain(announced);
		expect(kept()).toEqual(before);
		expect(await codeOf(orchd.call('binary.commit', { upload }))).toBe('binary.unknown_upload');
		expect(await codeOf(orchd.add({ program: '/x', args: [] }, { binary: announced }))).toBe('binary.unknown_upload');
	});

	it('a file that changes while it is sent is found out', async () => {
		// the CLI hashes first and sends then; a file that grows meanwhile is sent as it was announced, or refused
		const { upload } = await orchd.call('binary.begin', { size: 4, sha256: sha256(Buffer.from('four')) });
		expect(await codeOf(orchd.call('binary.chunk', { upload, offset: 0, bytes: Buffer.from('fourteen') }))).toBe(
			'request.invalid',
		);
		expect(await codeOf(orchd.call('binary.chunk', { upload, offset: 2, bytes: Buffer.from('ur') }))).toBe('request.invalid');
		expect(await codeOf(orchd.call('binary.chunk', { upload, offset: 0, bytes: Buffer.alloc(256 * 1024 + 1) }))).toBe(
			'request.invalid',
		);
		expect(await orchd.call('binary.chunk', { upload, offset: 0, bytes: Buffer.from('four') })).toEqual({ received: 4 });
		expect(await orchd.call('binary.commit', { upload })).toEqual({ sha256: sha256(Buffer.from('four')) });
	});

	it('uploads are bounded in size and number; abandoned ones are gone with the daemon at the latest', async () => {
		expect(await codeOf(orchd.call('binary.begin', { size: 1024 ** 3 + 1, sha256: 'a'.repeat(64) }))).toBe('binary.too_large');
		let begun = 0;
		let refusal = '';
		for (; begun < 100 && refusal === ''; begun++) {
			refusal = await orchd.call('binary.begin', { size: 10, sha256: begun.toString(16).padStart(64, '0') }).then(
				() => '',
				(error: { code: string }) => error.code,
			);
		}
		expect(refusal).toBe('busy');
		expect(begun).toBe(17);
		await orchd.stop();
		expect(readdirSync(`${sandbox.home}/binaries`).filter((name) => name.endsWith('.part'))).toEqual([]);
	});
});
