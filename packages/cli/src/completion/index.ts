/**
 * Completion: what may stand at the end of an unfinished line.
 *
 * Guarantees: everything comes from the commands' own data and from what orchd lists, so a new command, option or kind of
 * thing is completed because it is there; orchd is asked within 300 ms, never started, and not missed; nothing is written to
 * standard error; no name is evaluated by a shell. Deliberately not here: what file names there are, which shells know.
 */
export { answerCompletion } from './answer.ts';
export { type Shell, scripts, shells } from './scripts.ts';
