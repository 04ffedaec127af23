/* Who this device is: its key and what the server told it when it was set up. */
import { get, put, remove } from './storage.js';

/* { server, serverName, user, device, name, key, jwk, kid, code, vapid }, or undefined. */
export const load = () => get('identity');
export const keep = (identity) => put('identity', identity);

/* A link that was opened and is not used yet: { token, server, key, jwk, kid }, or undefined. */
export const invitation = () => get('invitation');
export const dropInvitation = () => remove('invitation');

/* The secret of an enrolment link of this server, or null. A link may be given as the fragment alone. */
export function tokenOf(link, origin) {
	const match = /^(?:(https?:\/\/[^/#?]+)\/enroll)?#?([A-Za-z0-9_-]{16,64})(?:\.[A-Za-z0-9_-]{43})?$/.exec(link.trim());
	return match && (match[1] ?? origin) === origin ? match[2] : null;
}

/* Keeps the invitation with a key for it, so that opening the app again goes on where it was. */
export async function accept(token, server) {
	const kept = await invitation();
	if (kept?.token === token && kept.server === server) return kept;
	const { makeKey } = await import('./jws.js');
	const fresh = { token, server, ...(await makeKey()) };
	await put('invitation', fresh);
	return fresh;
}

/* Uses the invitation up. A device that was set up here before takes its leave of the server. */
export async function enrol({ token, server, key, jwk, kid }, name) {
	const [{ call }, { importSecret }] = await Promise.all([import('./api.js'), import('./totp.js')]);
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
		vapid: answer.vapid ?? '',
	};
	await keep(identity);
	await dropInvitation();
	if (before) await call(before, 'remove').catch(() => {});
	return identity;
}

/* Forgets everything but the language. */
export async function forget() {
	for (const name of ['identity', 'invitation', 'clock', 'push']) await remove(name);
}
