/** What runtimes, projects and the like may be called: the same for operations and on the command line. */

const letters = '[A-Za-z0-9_][A-Za-z0-9_.+-]*';
export const givenNamePattern = `^${letters}$`;
export const maxGivenNameLength = 64;
/** Of a project `PROJECT/NAME`. */
export const runtimeNamePattern = `^(${letters}/)?${letters}$`;
export const maxRuntimeNameLength = 140;

const [given, runtime] = [new RegExp(givenNamePattern), new RegExp(runtimeNamePattern)];

export const isGivenName = (text: string): boolean => text.length <= maxGivenNameLength && given.test(text);
export const isRuntimeName = (text: string): boolean => text.length <= maxRuntimeNameLength && runtime.test(text);
