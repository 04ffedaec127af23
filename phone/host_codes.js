/* Codes bound to one host (docs/bound-codes.md). */
import { encode } from './base64url.js';
import { thumbprint } from './jws.js';
import { get, update } from './storage.js';

const MOST = 200;
const CURVE = { name: 'ECDH', namedCurve: 'P-256' };
const { subtle } = crypto;
const utf8 = (text) => new TextEncoder().encode(text);

/* Of it the secrets are made. It cannot leave this browser. */
export const makeRoot = () => subtle.generateKey({ name: 'HMAC', hash: 'SHA-256', length: 256 }, false, ['sign']);

/* { host, name, key (thumbprint) }, the last used first. */
export const hosts = async () => (await get('hosts')) ?? [];

const secretOf = async ({ root, kid }, { host, key }) =>
	(await subtle.sign('HMAC', root, utf8(`pam-approve-host-code.v1.${kid}.${host}.${key}`))).slice(0, 20);

export const codeKey = async (identity, entry) =>
	subtle.importKey('raw', await secretOf(identity, entry), { name: 'HMAC', hash: 'SHA-1' }, false, ['sign']);

/* Lists the host of these details, and seals its secret to its key. Throws where that is no key. */
export async function seal(identity, { host, host_name: name, host_key: jwk }, hash) {
	const peer = await subtle.importKey('jwk', jwk, CURVE, false, []);
	const entry = { host, name, key: await thumbprint(jwk) };
	await update('hosts', (all = []) => [entry, ...all.filter((other) => other.host !== host)].slice(0, MOST));
	const pair = await subtle.generateKey(CURVE, false, ['deriveBits']);
	const point = new Uint8Array(await subtle.exportKey('raw', pair.publicKey));
	const shared = await subtle.deriveBits({ name: 'ECDH', public: peer }, pair.privateKey, 256);
	const info = utf8(`pam-approve-host-secret.v1.${hash}.${identity.kid}.${encode(point)}`);
	const base = await subtle.importKey('raw', shared, 'HKDF', false, ['deriveBits']);
	const keys = await subtle.deriveBits({ name: 'HKDF', hash: 'SHA-256', salt: utf8(''), info }, base, 352);
	const key = await subtle.importKey('raw', keys.slice(0, 32), 'AES-GCM', false, ['encrypt']);
	const sealed = await subtle.encrypt({ name: 'AES-GCM', iv: keys.slice(32) }, key, await secretOf(identity, entry));
	return encode([...point, ...new Uint8Array(sealed)]);
}
