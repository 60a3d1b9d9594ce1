/** Base paths of runners in one spelling, so that two that mean the same are the same. Pure. */

/** What a path of an address may hold as it is (RFC 3986): anything else would have several spellings. */
const plain = /^[A-Za-z0-9\-._~!$&'()*+,;=:@/]*$/;
const longest = 1000;

export function readBasePath(text: string): { readonly path: string } | { readonly fault: string } {
	if (!text.startsWith('/')) return { fault: 'it must begin with /' };
	if (text.length > longest) return { fault: `it may have ${longest} characters` };
	if (!plain.test(text)) return { fault: "it may hold letters, digits, / and -._~!$&'()*+,;=:@" };
	const segments = text.split('/').filter((segment) => segment !== '');
	if (segments.some((segment) => segment === '.' || segment === '..')) return { fault: 'it may hold no . or .. between slashes' };
	return { path: `/${segments.join('/')}` };
}
