/**
 * The floor: a relay in Node that pretends to be a router for as long as it takes to connect two clients, then copies bytes.
 *
 * It reads the hello of each side and the one declare of a side that sends, answers them with canned frames (ids as
 * configured, credit without limit, nothing to report), and from then on it does not look at what it carries.
 */
import { createServer } from 'node:net';
import { creditEntryBytes, FrameKind, headerBytes, makeFrame, maxFrameBytes, readHeader, writeCredit } from '@orch/protocol/data';
import { pack, unpack } from '@orch/protocol/wire';
import { config, cpuMicros, say, when } from '../programs/talk.mjs';

/** Of both sides: `path`, and `declares`, whether it will declare types before it sends. `types`: [{id, name, codec}]. */
const { sides, types } = config;
/** As the router's: the default of 16 KiB would halve the rate. */
const highWaterMark = 256 * 1024;

const open = sides.map(() => undefined);
const servers = sides.map((side, index) => createServer({ highWaterMark }, (socket) => begin(socket, side, index)));

function begin(socket, side, index) {
	let rest = Buffer.alloc(0);
	let greeted = false;
	socket.on('error', () => socket.destroy());
	socket.on('close', () => open[1 - index]?.socket.destroySoon());
	socket.on('data', read);

	function read(chunk) {
		rest = Buffer.concat([rest, chunk]);
		while (rest.length >= headerBytes) {
			const header = readHeader(rest, 0);
			if (rest.length < header.frameBytes) return;
			answer(header.kind, rest.subarray(header.headerBytes, header.frameBytes));
			rest = rest.subarray(header.frameBytes);
			if (greeted && (!side.declares || header.kind === FrameKind.declare)) {
				socket.off('data', read);
				socket.pause();
				join(index, { socket, rest });
				return;
			}
		}
	}

	function answer(kind, payload) {
		if (kind === FrameKind.hello) {
			greeted = true;
			const body = {
				proto: 1,
				port: index + 1,
				runtime: { id: `00000000-0000-7000-8000-00000000000${index + 1}`, name: `side-${index + 1}` },
				maxFrame: maxFrameBytes,
				reports: false,
				windowBytes: 256 * 1024,
				types,
			};
			socket.write(makeFrame({ kind: FrameKind.welcome }, pack(body)));
			const peers = [{ port: 2 - index, runtime: `00000000-0000-7000-8000-00000000000${2 - index}`, name: `side-${2 - index}` }];
			socket.write(makeFrame({ kind: FrameKind.peer }, pack({ peers })));
		} else if (kind === FrameKind.declare) {
			const asked = unpack(payload).types.map(({ name }) => types.find((type) => type.name === name));
			socket.write(makeFrame({ kind: FrameKind.typedef }, pack({ types: asked })));
			const credit = new Uint8Array(asked.length * creditEntryBytes);
			asked.forEach(({ id }, at) => {
				writeCredit(credit, at * creditEntryBytes, { typeId: id, frames: 0, bytes: 0, unlimited: true });
			});
			socket.write(makeFrame({ kind: FrameKind.credit }, credit));
		}
	}
}

/** Both have said what they had to: from here on bytes only. */
function join(index, side) {
	open[index] = side;
	if (!open[0] || !open[1]) return;
	for (const [from, to] of [open, [open[1], open[0]]]) {
		if (from.rest.length > 0) to.socket.write(from.rest);
		from.socket.on('data', (chunk) => {
			if (!to.socket.write(chunk)) from.socket.pause();
		});
		to.socket.on('drain', () => from.socket.resume());
		from.socket.resume();
	}
}

servers.forEach((server, index) => {
	server.listen(sides[index].path, () => {
		if (servers.every(({ listening }) => listening)) say('ready');
	});
});
when('cpu', () => say('cpu', { cpuMicros: cpuMicros() }));
