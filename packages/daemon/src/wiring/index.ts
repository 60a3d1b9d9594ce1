/**
 * Wiring: the only place, beside the composition root, where two domains meet.
 *
 * Guarantees: a domain that needs something of another gets it here, by a port of its own. Deliberately not here:
 * decisions of either domain.
 */
export { answerControlRequests } from './control-requests.ts';
export { createJournal, createLinkJournal, type KeptLife, livesOf } from './journal.ts';
export { createEventKeeper, nameBy, tellOfLinks, tellOfRouter, tellOfRuntimes } from './events.ts';
export { readEnvFiles } from './env-files.ts';
export { createStateWatch, type StateWatchOptions } from './state-watch.ts';
export { createUserSockets } from './user-sockets.ts';
export { joinProjects, projectNotices, restoreTypes, tellOfProjects } from './projects.ts';
export { joinRuntimes } from './runtimes.ts';
export { joinWhy } from './why.ts';
export { createRouterGate, type RouterGateOptions } from './router-gate.ts';
