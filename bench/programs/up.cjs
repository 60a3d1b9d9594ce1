/** Says that it is there, and stays. */
process.stdout.write('up\n');
setInterval(() => {}, 2 ** 30);
