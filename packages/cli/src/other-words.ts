/** What commands are called elsewhere, and what they are called here: for who types one by habit. */

interface Here {
	/** As typed behind `orch`, the likeliest first. */
	readonly commands: readonly string[];
	/** Where there is nothing like it: what does the same, or why nothing has to. */
	readonly hint?: string;
}

const ps: Here = { commands: ['ps'] };
const add: Here = { commands: ['runtime add', 'up'] };
const remove: Here = { commands: ['runtime remove'] };
const show: Here = { commands: ['status', 'runtime show'] };
const top: Here = { commands: ['top'] };
const logs: Here = { commands: ['logs'] };
const restart: Here = { commands: ['restart'] };
const pause: Here = { commands: ['runtime signal'], hint: 'orch runtime signal NAME STOP, and CONT to go on' };
const kept: Here = {
	commands: ['daemon install'],
	hint: 'what is registered is kept by itself; orch daemon install has systemd start orchd, and it what is to run',
};
const exec: Here = {
	commands: [],
	hint: 'a runtime is a process of this machine: nothing has to be entered (orch runtime show NAME --env has its environment)',
};

export const otherWords: Readonly<Record<string, Here>> = {
	attach: logs,
	boot: kept,
	create: add,
	dash: top,
	dashboard: top,
	del: remove,
	delete: remove,
	desc: show,
	describe: show,
	enable: kept,
	exec,
	flush: {
		commands: [],
		hint: 'nothing has to be flushed: output is kept within --max-output of its runtime, and goes with it (orch runtime remove)',
	},
	follow: logs,
	info: show,
	jlist: { commands: ['ps'], hint: 'orch ps --json' },
	journal: logs,
	kill: { commands: ['runtime signal', 'stop'] },
	list: ps,
	log: logs,
	ls: ps,
	monit: top,
	monitor: top,
	new: add,
	pause,
	register: add,
	reload: restart,
	resume: pause,
	resurrect: kept,
	run: add,
	save: kept,
	shell: exec,
	ssh: exec,
	startup: kept,
	tail: logs,
	unpause: pause,
	unregister: remove,
};
