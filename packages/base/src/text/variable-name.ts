/** What a variable may be called that somebody writes down: the same in project files and on the command line. */

/** The system takes more, and what an environment or a file of variables has is let through. */
export const variableNamePattern = '^[A-Za-z_][A-Za-z0-9_.-]*$';
export const variableNameRule = 'letters, digits, _ . -, not starting with a digit, . or -';

const variable = new RegExp(variableNamePattern);

export const isVariableName = (text: string): boolean => variable.test(text);
