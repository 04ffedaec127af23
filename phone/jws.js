/* Keys and signatures: ES256 in compact form (RFC 7515), thumbprints (RFC 7638), on WebCrypto. */
import { encode } from './base64url.js';

const KEY = { name: 'ECDSA', namedCurve: 'P-256' };
const SIGNATURE = { name: 'ECDSA', hash: 'SHA-256' };
const utf8 = new TextEncoder();

export const sha256 = async (bytes) => encode(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)));

export const thumbprint = ({ crv, kty, x, y }) => sha256(utf8.encode(JSON.stringify({ crv, kty, x, y })));

/* A new key that cannot leave this browser: { key, jwk (public), kid }. */
export async function makeKey() {
	const pair = await crypto.subtle.generateKey(KEY, false, ['sign', 'verify']);
	const { kty, crv, x, y } = await crypto.subtle.exportKey('jwk', pair.publicKey);
	const jwk = { kty, crv, x, y };
	return { key: pair.privateKey, jwk, kid: await thumbprint(jwk) };
}

/* header gets alg. Returns the compact JWS. */
export async function sign(key, header, payload) {
	const part = (value) => encode(utf8.encode(JSON.stringify(value)));
	const signed = `${part({ alg: 'ES256', ...header })}.${part(payload)}`;
	const signature = await crypto.subtle.sign(SIGNATURE, key, utf8.encode(signed));
	return `${signed}.${encode(new Uint8Array(signature))}`;
}
