/** Writes so many bytes to standard output, 64 KiB at a time, and its own time for that to a file. */
const { renameSync, writeFileSync, writeSync } = require('node:fs');

const [total, report] = [Number(process.argv[2]), process.argv[3]];
const line = `${'x'.repeat(127)}\n`;
const chunk = Buffer.from(line.repeat(512));
const startedAt = process.hrtime.bigint();
for (let left = total; left > 0; ) left -= writeSync(1, chunk, 0, Math.min(left, chunk.length));
const nanos = Number(process.hrtime.bigint() - startedAt);
writeFileSync(`${report}.part`, JSON.stringify({ nanos }));
renameSync(`${report}.part`, report);
