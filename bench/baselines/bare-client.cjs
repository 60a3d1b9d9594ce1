/** The least that a client in Node can do: connect, ask one thing, read the answer, end. */
const { connect } = require('node:net');

const socket = connect(process.argv[2]);
socket.write('{"id":1,"op":"daemon.version","params":{}}\n');
socket.on('data', (chunk) => {
	if (!chunk.includes('"ok"')) throw new Error(`not the answer: ${chunk}`);
	process.exit(0);
});
