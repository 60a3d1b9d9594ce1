/** The patterns by which files are left out: `*`, `**`, `?`, `[abc]` and `{a,b}`, as in files that name what is to be ignored. */

/**
 * Whether a path, relative to what is watched and with slashes, is left out by one of the patterns. A pattern without a slash
 * is about names, wherever they are; one with a slash is about paths from the top. What is below something that is left out
 * is left out as well.
 */
export function matcherOf(patterns: readonly string[]): (path: string) => boolean {
	const all = patterns.flatMap((pattern) => {
		const trimmed = pattern.replace(/^\.?\//, '').replace(/\/+$/, '');
		if (trimmed === '') return [];
		const isAboutNames = !trimmed.includes('/') && !pattern.startsWith('/');
		return [new RegExp(`^${isAboutNames ? '(?:.*/)?' : ''}${sourceOf(trimmed)}(?:/.*)?$`, 's')];
	});
	return (path) => all.some((each) => each.test(path));
}

function sourceOf(pattern: string): string {
	let source = '';
	let depth = 0;
	for (let at = 0; at < pattern.length; at++) {
		const letter = pattern[at] ?? '';
		if (letter === '*' && pattern[at + 1] === '*') {
			at++;
			// `**/` is any number of directories, none as well
			if (pattern[at + 1] === '/') {
				at++;
				source += '(?:.*/)?';
			} else source += '.*';
		} else if (letter === '*') source += '[^/]*';
		else if (letter === '?') source += '[^/]';
		else if (letter === '[' && pattern.indexOf(']', at + 2) > 0) {
			const end = pattern.indexOf(']', at + 2);
			const letters = pattern.slice(at + 1, end);
			source += `[${letters.replace(/^!/, '^').replace(/[\\\]]/g, '\\$&')}]`;
			at = end;
		} else if (letter === '{' && pattern.indexOf('}', at) > 0) {
			source += '(?:';
			depth++;
		} else if (letter === '}' && depth > 0) {
			source += ')';
			depth--;
		} else if (letter === ',' && depth > 0) source += '|';
		else source += letter.replace(/[.+^$(){}|[\]\\]/g, '\\$&');
	}
	return source + ')'.repeat(depth);
}
