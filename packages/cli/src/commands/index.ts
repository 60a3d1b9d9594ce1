/**
 * The commands of orch: what each is called, takes and does.
 *
 * Guarantees: standard output carries results only, everything else goes to standard error; nothing is drawn, coloured or
 * cut in a pipe. Deliberately not here: how a line is read (the parsers), how things look (render).
 */
import type { Command } from '../command.ts';
import { helpCommand } from './help.ts';
import { commandTable } from './table.ts';

export { helpCommand } from './help.ts';
export { home } from './home.ts';
export { versionCommand } from './version.ts';

export const commands: readonly Command[] = [...commandTable, helpCommand];
