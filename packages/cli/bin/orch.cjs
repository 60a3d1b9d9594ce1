#!/bin/sh
':' //; exec node -- "$0" "$@"
// Shell and JavaScript both (the formatter would part them): behind `#!/usr/bin/env node` Node 20 takes `--env-file` from our arguments for
// itself, wherever it stands, and an `env` that takes options in its line is not everywhere.
/** Starts the bundle with the code that V8 made of it before. In JavaScript that Node 10 can read, so that an old Node can say what is wrong. */
'use strict';

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
	process.stderr.write(`orch: orch needs Node 20.19 or newer, this is ${process.versions.node} (${process.execPath})\n`);
	process.exit(1);
}

const fs = require('node:fs');
const path = require('node:path');
const vm = require('node:vm');

const typed = process.argv.slice(2);
void main();

/** Some commands have a small bundle, which knows the way on which all is well; what it leaves is done by the whole one, from the beginning. */
async function main() {
	const command = typed[0] || '';
	let exitCode;
	if (/^(ps|version)$/.test(command) && fs.existsSync(pathOf('orch-quick'))) exitCode = await run('orch-quick', command);
	// code of each hot command for itself: what a first `start` has compiled is not what a `status` needs
	if (exitCode === undefined)
		exitCode = await run('orch', /^(ps|start|status|stop|version|__complete)$/.test(command) ? command : 'other');
	process.exit(exitCode);
}

function pathOf(name) {
	return path.join(__dirname, '..', 'dist', `${name}.cjs`);
}

async function run(name, kind) {
	const bundle = pathOf(name);
	// plain ASCII, by its build: nothing needs to be decoded
	const source = readBundle(bundle);
	// the build writes a hash of the bundle into its first line
	const build = /^\/\/! ([0-9a-f]+)/.exec(source);
	const directory = cacheDirectory();
	const cacheFile =
		directory && build && path.join(directory, `${name}-${process.version}-${process.arch}-${build[1]}-${kind}.v8cache`);
	const cachedData = cacheFile ? readCache(cacheFile) : undefined;
	const script = new vm.Script(source, { filename: bundle, cachedData });
	const program = { exports: {} };
	script.runInThisContext()(program.exports, require, program, bundle, path.dirname(bundle));
	const exitCode = await program.exports.main(typed);
	if (cacheFile && (cachedData === undefined || script.cachedDataRejected)) writeCache(script, directory, cacheFile);
	return exitCode;
}

function readBundle(bundle) {
	try {
		return fs.readFileSync(bundle, 'latin1');
	} catch (error) {
		process.stderr.write(`orch: cannot read its program: ${error.message}\nhint: npm run build\n`);
		return process.exit(1);
	}
}

function cacheDirectory() {
	const { XDG_CACHE_HOME, HOME } = process.env;
	const base = XDG_CACHE_HOME && path.isAbsolute(XDG_CACHE_HOME) ? XDG_CACHE_HOME : HOME && path.join(HOME, '.cache');
	return base && path.isAbsolute(base) ? path.join(base, 'orch') : undefined;
}

/** Only what this user has written is run: under sudo the cache may be somebody else's. */
function readCache(file) {
	try {
		const descriptor = fs.openSync(file, 'r');
		try {
			const { uid, mode, size } = fs.fstatSync(descriptor);
			if (uid !== process.getuid() || (mode & 0o022) !== 0) return undefined;
			const data = Buffer.allocUnsafeSlow(size);
			return fs.readSync(descriptor, data, 0, size, 0) === size ? data : undefined;
		} finally {
			fs.closeSync(descriptor);
		}
	} catch {
		return undefined;
	}
}

/** Whole or not at all, and never a reason to fail: without it everything works, a few milliseconds later. */
function writeCache(script, directory, file) {
	const temporary = `${file}.${process.pid}`;
	try {
		fs.mkdirSync(directory, { recursive: true, mode: 0o700 });
		if (fs.statSync(directory).uid !== process.getuid()) return;
		fs.writeFileSync(temporary, script.createCachedData(), { flag: 'wx', mode: 0o600 });
		fs.renameSync(temporary, file);
		removeOld(directory, fs.statSync(file).mtimeMs);
	} catch {
		try {
			fs.unlinkSync(temporary);
		} catch {
			// it could not even be begun
		}
	}
}

/** Builds that have not been used for a month leave with the next one that writes. */
function removeOld(directory, nowMs) {
	for (const name of fs.readdirSync(directory)) {
		if (!/^orch-(quick-)?v.*\.v8cache/.test(name)) continue;
		const file = path.join(directory, name);
		if (nowMs - fs.statSync(file).atimeMs > 30 * 24 * 3600 * 1000) fs.unlinkSync(file);
	}
}
