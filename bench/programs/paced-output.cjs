/** Writes 16 KiB of lines to standard output every millisecond; says in a file how long it went without having written. */
const { renameSync, writeFileSync, writeSync } = require('node:fs');

const [total, report] = [Number(process.argv[2]), process.argv[3]];
const chunk = Buffer.from(`${'x'.repeat(127)}\n`.repeat(128));
const everyMs = 1;
const gaps = new Float64Array(Math.ceil(total / chunk.length));
const cell = new Int32Array(new SharedArrayBuffer(4));
let before = performance.now();
for (let written = 0; written < gaps.length; written++) {
	Atomics.wait(cell, 0, 0, Math.max(0, before + everyMs - performance.now()));
	for (let at = 0; at < chunk.length; ) at += writeSync(1, chunk, at);
	const now = performance.now();
	gaps[written] = now - before;
	before = now;
}
const sorted = gaps.slice(16).sort();
const figures = {
	longestMs: sorted.at(-1),
	p999Ms: sorted[Math.floor(sorted.length * 0.999)],
	medianMs: sorted[sorted.length >> 1],
};
writeFileSync(`${report}.part`, JSON.stringify(figures));
renameSync(`${report}.part`, report);
