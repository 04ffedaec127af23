/* base64url without padding (RFC 4648, section 5). Strict: one text for each byte string. */

export function encode(bytes) {
	return btoa(String.fromCharCode(...bytes)).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
}

/* Returns a Uint8Array; throws on anything else. */
export function decode(text) {
	if (typeof text !== 'string' || !/^[\w-]*$/.test(text) || text.length % 4 === 1)
		throw new Error('not base64url');
	const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
	const bytes = Uint8Array.from(binary, (character) => character.charCodeAt(0));
	if (encode(bytes) !== text) throw new Error('not base64url: bits left over');
	return bytes;
}

export const random = (length) => encode(crypto.getRandomValues(new Uint8Array(length)));
