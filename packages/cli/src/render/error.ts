/** An error as it is shown: the sentence, facts indented below, one thing to do; or one JSON object. */
import { printable, type Style } from '@orch/base/text';
import type { WireError } from '@orch/protocol';
import type { FileProblem } from '@orch/protocol/wire';
import { problemsText } from '../project/problem-style.ts';
import { toJson } from './json.ts';

export interface ErrorView {
	readonly style: Style;
	readonly verbose: boolean;
	/** Where it was thrown, shown when it is verbose. */
	readonly stack?: string | undefined;
}

export function renderError(error: WireError, { style, verbose, stack }: ErrorView): string {
	const [what = '', ...facts] = messageOf(error, style).split('\n');
	const lines = [`${style.red('orch:')} ${what}`, ...facts];
	// a cause that says the same again says nothing
	const causes = (error.causes ?? []).filter((cause, at, all) => cause !== error.message && cause !== all[at - 1]);
	for (const cause of causes) lines.push(`  cause: ${printable(cause)}`);
	if (error.hint !== undefined) lines.push(`${style.cyan('hint:')} ${printable(error.hint)}`);
	if (verbose) lines.push(style.dim(`${error.number} ${error.code}, exit ${error.exit}`));
	if (verbose && stack !== undefined) lines.push(...stack.split('\n').map((line) => style.dim(printable(line))));
	return `${lines.join('\n')}\n`;
}

export function renderErrorJson(error: WireError): string {
	return toJson({ error }, false);
}

/** What is told of files has lines of them, and marks; everything else is a sentence. */
function messageOf({ code, message, data }: WireError, style: Style): string {
	const { problems } = (data ?? {}) as { readonly problems?: readonly FileProblem[] };
	if (code !== 'project.invalid' || !Array.isArray(problems)) return message.split('\n').map(printable).join('\n');
	return problemsText(problems, style);
}
