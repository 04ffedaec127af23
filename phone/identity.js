/* Who this device is: its key, and what the server told it. */
import { get, put, remove, update } from './storage.js';

/* { server, serverName, user, device, name, key, jwk, kid, code, root, vapid }, or undefined. */
export const load = () => get('identity');
/* Where it is still the one that is kept. */
export const keep = (identity) => update('identity', (kept) => (kept?.kid === identity.kid ? identity : kept));

/* A link that was opened and is not used yet: { token, server, key, jwk, kid }, or undefined. */
export const invitation = () => get('invitation');
export const dropInvitation = () => remove('invitation');

/* The secret of an enrolment link of this server, or of its fragment alone; or null. */
export function tokenOf(link, origin) {
	const match = /^(?:(https?:\/\/[^/#?]+)\/enroll)?#?([\w-]{16,64})(?:\.[\w-]{43})?$/.exec(link.trim());
	return match && (match[1] ?? origin) === origin ? match[2] : null;
}

/* Keeps the invitation with a key for it: opening the app again goes on there. */
export async function accept(token, server) {
	const kept = await invitation();
	if (kept?.token === token && kept.server === server) return kept;
	const { makeKey } = await import('./jws.js');
	const fresh = { token, server, ...(await makeKey()) };
	await put('invitation', fresh);
	return fresh;
}

/* Uses the invitation up. The device that was set up here before is removed. */
export async function enrol({ token, server, key, jwk, kid }, name) {
	const [{ call }, { importSecret }, { makeRoot }] = await Promise.all(
		['api', 'totp', 'host_codes'].map((name) => import(`./${name}.js`)),
	);
	const answer = await call({ server, key, jwk, kid }, 'enroll', { token, name, platform: 'web' }, { introduce: true });
	const before = await load();
	const identity = {
		server,
		serverName: answer.server,
		user: answer.user,
		device: answer.device,
		name,
		key,
		jwk,
		kid,
		code: await importSecret(answer.secret),
		root: await makeRoot(),
		vapid: answer.vapid ?? '',
	};
	await remove('hosts');
	await put('identity', identity);
	await dropInvitation();
	if (before) await call(before, 'remove').catch(() => {});
	return identity;
}

/* Forgets everything but the language. */
export async function forget() {
	for (const name of ['identity', 'invitation', 'clock', 'push', 'endpoint', 'hosts']) await remove(name);
}
